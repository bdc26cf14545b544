//! The end of a listener, without a request lost.

use backstop_listener::ListenerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{Stage, read_all, read_until, send, start};

#[tokio::test]
async fn completes_what_is_open_and_says_that_the_connection_will_close() {
    let (stage, _left) = Stage::new();
    let server = start(std::sync::Arc::clone(&stage), ListenerLimits::default(), None);
    let mut idle = send(server.addr, "GET /whole HTTP/1.1\r\n\r\n").await;
    let answer = read_until(&mut idle, "stage").await;
    assert!(!answer.contains("connection: close"), "{answer}");
    let mut busy = send(server.addr, "GET /wait HTTP/1.1\r\n\r\n").await;
    // Another answer on a later connection shows that the earlier request was read.
    let mut later = send(server.addr, "GET /whole HTTP/1.1\r\n\r\n").await;
    read_until(&mut later, "stage").await;
    server.drain.send(true).unwrap();
    // An idle connection stays usable for a while: this request races nothing.
    idle.write_all(b"GET /whole HTTP/1.1\r\n\r\n").await.unwrap();
    stage.gate.add_permits(1);
    for (client, text) in [(&mut idle, "stage"), (&mut busy, "waited")] {
        let (answer, end) = read_all(client).await;
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.ends_with(text), "{answer}");
        end.unwrap();
    }
    drop(later);
    server.done.await.unwrap();
}

#[tokio::test]
async fn closes_idle_connections_after_their_grace() {
    let (stage, _left) = Stage::new();
    let limits = ListenerLimits {
        drain_idle_max: std::time::Duration::from_millis(10),
        ..ListenerLimits::default()
    };
    let server = start(stage, limits, None);
    let mut idle = send(server.addr, "GET /whole HTTP/1.1\r\n\r\n").await;
    read_until(&mut idle, "stage").await;
    let mut mute = send(server.addr, "").await;
    server.drain.send(true).unwrap();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    // Either never accepted or closed: it ends.
    let _ended = mute.read(&mut [0]).await;
    server.done.await.unwrap();
}
