//! Many connections, several cores, and too few of everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstop_listener::{AnswerBody, Connection, Dealer, ListenerLimits, Listening, Serve};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

use crate::stage::{read_until, send, start_plain};

/// Answers with the number of its core.
struct Core(usize);

impl Serve for Core {
    async fn serve(&self, _: Request<Incoming>, _: Connection) -> Response<AnswerBody> {
        Response::new(AnswerBody::whole(format!("core {};", self.0)))
    }
}

#[tokio::test]
async fn deals_connections_evenly() {
    let listening = Listening::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let addr = listening.local_addr().unwrap();
    let (_drain, drained) = watch::channel(false);
    let (dealer, hands) = Dealer::new(3, ListenerLimits::default());
    tokio::spawn(dealer.run(listening, drained.clone()));
    for (core, hand) in hands.into_iter().enumerate() {
        tokio::spawn(hand.serve(Arc::new(Core(core)), None, drained.clone()));
    }
    let mut clients = BTreeMap::<String, Vec<_>>::new();
    for _ in 0..30 {
        let mut client = send(addr, "GET / HTTP/1.1\r\n\r\n").await;
        let answer = read_until(&mut client, ";").await;
        clients.entry(answer[answer.len() - 2..].to_owned()).or_default().push(client);
    }
    let counts = |clients: &BTreeMap<_, Vec<_>>| clients.values().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(counts(&clients), [10, 10, 10]);
}

#[tokio::test]
async fn lets_connections_above_the_limit_wait_for_their_turn() {
    let limits = ListenerLimits { connections_max: 2, ..ListenerLimits::default() };
    let server = start_plain(limits);
    let request = "GET /whole HTTP/1.1\r\n\r\n";
    let mut first = send(server.addr, request).await;
    let mut second = send(server.addr, request).await;
    read_until(&mut first, "stage").await;
    read_until(&mut second, "stage").await;
    let mut third = send(server.addr, request).await;
    let mut byte = [0];
    tokio::select! {
        biased;
        _ = third.read(&mut byte) => panic!("served above the limit"),
        answer = async {
            tokio::io::AsyncWriteExt::write_all(&mut first, request.as_bytes()).await.unwrap();
            read_until(&mut first, "stage").await
        } => drop(answer),
    }
    drop(second);
    read_until(&mut third, "stage").await;
}

/// Not a test of its own: the server of the next test, in a process with few descriptors.
#[cfg(unix)]
#[test]
fn child_with_few_descriptors() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    use std::io::Read;

    if std::env::var_os("BACKSTOP_TEST_CHILD").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let server = start_plain(ListenerLimits::default());
    setrlimit(Resource::Nofile, Rlimit { current: Some(40), maximum: Some(40) }).unwrap();
    println!("\nport={}", server.addr.port());
    std::thread::spawn(move || runtime.block_on(server.done));
    // Until the parent has seen enough.
    let _ended = std::io::stdin().read(&mut [0]);
}

#[cfg(unix)]
#[tokio::test]
async fn goes_on_when_descriptors_run_out_and_serves_those_who_waited() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cores::child_with_few_descriptors", "--nocapture"])
        .env("BACKSTOP_TEST_CHILD", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let port = lines.find_map(|line| line.strip_prefix("port=").map(str::to_owned)).unwrap();
    let addr = ([127, 0, 0, 1], port.parse().unwrap()).into();
    let request = "GET /whole HTTP/1.1\r\n\r\n";

    let mut first = send(addr, request).await;
    read_until(&mut first, "stage").await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(send(addr, request).await);
    }
    // Those who are in are still served while others wait.
    tokio::io::AsyncWriteExt::write_all(&mut first, request.as_bytes()).await.unwrap();
    read_until(&mut first, "stage").await;
    // One after the other leaves, and everybody had an answer in the end.
    for mut client in crowd {
        read_until(&mut client, "stage").await;
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
