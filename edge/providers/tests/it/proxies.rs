//! The way through HTTP proxies.

use std::net::SocketAddr;
use std::sync::Arc;

use backstop_providers::{Endpoint, TlsTrust};
use backstop_vocabulary::Class;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::stage::{Act, Stage, answers, ask, client, collect, fails};
use crate::tls::{Identity, secure_peer, trusting};

/// A proxy for one tunnel; gives its address, and what it was asked.
async fn tunnel_proxy(to: SocketAddr) -> (SocketAddr, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heard) = oneshot::channel();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(near.read_u8().await.unwrap());
        }
        tell.send(String::from_utf8(head).unwrap()).unwrap();
        near.write_all(b"HTTP/1.0 200 Connection established\r\nvia: x\r\n\r\n").await.unwrap();
        let mut far = TcpStream::connect(to).await.unwrap();
        // Either side may end it first.
        let _copied = copy_bidirectional(&mut near, &mut far).await;
    });
    (address, heard)
}

#[tokio::test]
async fn reaches_a_secure_provider_through_a_tunnel() {
    let identity = Identity::new(&["provider.example"]);
    let pem = identity.pem.clone();
    let (proxy, heard) = tunnel_proxy(secure_peer(identity).await).await;
    let proxy = format!("http://ana:p%40ss@{proxy}");
    let endpoint = trusting(&pem, "https://provider.example", Some(&proxy));
    let reply = answers(&client(), &endpoint, ask("x")).await;
    assert_eq!(collect(reply).await.unwrap(), "hi");
    assert_eq!(
        heard.await.unwrap(),
        "CONNECT provider.example:443 HTTP/1.1\r\nHost: provider.example:443\r\n\
         Proxy-Authorization: Basic YW5hOnBAc3M=\r\n\r\n"
    );
}

#[tokio::test]
async fn says_that_the_proxy_refused_and_with_which_status() {
    for (answer, words) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "status 407"),
        ("nonsense\r\n\r\n", "did not answer in HTTP"),
        (&"x".repeat(10_000), "did not answer in HTTP"),
        ("", "cannot connect"),
    ] {
        let stage = Stage::open([Act::say(answer)]).await;
        let proxy = format!("http://ana:hush@{}", stage.address());
        let trust = TlsTrust::system();
        let endpoint = Endpoint::new("https://provider.example", Some(&proxy), &trust).unwrap();
        let failure = fails(&client(), &Arc::new(endpoint), ask("x")).await;
        assert_eq!(failure.class, Class::ConnectFailed);
        assert!(failure.message.contains(words) && !failure.message.contains("hush"), "{failure}");
    }
}

#[tokio::test]
async fn asks_the_proxy_to_forward_to_a_plain_provider() {
    let stage = Stage::open([Act::answers(&["200 OK"])]).await;
    let proxy = format!("http://ana:pass@{}", stage.address());
    let trust = TlsTrust::system();
    let endpoint = Endpoint::new("http://model.example:8000/v1", Some(&proxy), &trust).unwrap();
    let mut asked = ask("x");
    asked.path = endpoint.path("/v1/chat/completions").unwrap();
    answers(&client(), &Arc::new(endpoint), asked).await;
    let heard = stage.heard(0).to_lowercase();
    assert!(
        heard.starts_with("post http://model.example:8000/v1/chat/completions http/1.1\r\n"),
        "{heard}"
    );
    assert!(heard.contains("host: model.example:8000\r\n"), "{heard}");
    assert!(heard.contains("proxy-authorization: basic yw5honbhc3m=\r\n"), "{heard}");
}
