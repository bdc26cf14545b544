//! HTTP/2 over TLS, agreed upon by ALPN.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstop_providers::{Client, Endpoint};
use backstop_vocabulary::{Class, Failure};
use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};
use tokio_rustls::server::TlsStream;

use crate::stage::{CONNECT_BY, answers, ask, client, collect, fails};
use crate::tls::{Identity, trusting};

type Server = Connection<TlsStream<TcpStream>, Bytes>;
type Stream = (Request<RecvStream>, SendResponse<Bytes>);

/// A peer that hands its streams to the test, in the order in which they come.
struct Peer {
    endpoint: Arc<Endpoint>,
    connections: Arc<AtomicUsize>,
    streams: mpsc::UnboundedReceiver<Stream>,
    orders: tokio::sync::watch::Sender<Order>,
}

#[derive(Clone, Copy)]
enum Order {
    Serve,
    /// Take no further streams, and end those there are.
    Leave,
    /// End everything at once, with an error.
    Abort,
}

impl Peer {
    async fn open(streams_max: u32) -> Self {
        let identity = Identity::new(&["127.0.0.1"]);
        let pem = identity.pem.clone();
        let acceptor = identity.acceptor("h2");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let (give, streams) = mpsc::unbounded_channel();
        let orders = tokio::sync::watch::Sender::new(Order::Serve);
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, heed) = (Arc::clone(&connections), orders.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let stream = acceptor.accept(stream).await.unwrap();
                let server = h2::server::Builder::new()
                    .max_concurrent_streams(streams_max)
                    .handshake(stream)
                    .await
                    .unwrap();
                tokio::spawn(serve(server, give.clone(), heed.subscribe()));
            }
        });
        let endpoint = trusting(&pem, &format!("https://{address}"), None);
        Self { endpoint, connections, streams, orders }
    }

    async fn next(&mut self) -> Stream {
        let next = timeout(Duration::from_secs(20), self.streams.recv()).await;
        next.expect("no stream came").unwrap()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Sends a request and does `act` with its stream; says how the request failed.
    async fn failure(&mut self, client: &Client, act: impl FnOnce(Stream)) -> Failure {
        let endpoint = Arc::clone(&self.endpoint);
        let (failure, ()) =
            tokio::join!(fails(client, &endpoint, ask("x")), async { act(self.next().await) });
        failure
    }
}

async fn serve(
    mut server: Server,
    give: mpsc::UnboundedSender<Stream>,
    mut orders: tokio::sync::watch::Receiver<Order>,
) {
    orders.mark_unchanged();
    loop {
        tokio::select! {
            stream = server.accept() => match stream {
                // The test may have ended.
                Some(Ok(stream)) => drop(give.send(stream)),
                Some(Err(_)) | None => return,
            },
            Ok(()) = orders.changed() => match *orders.borrow() {
                Order::Serve => {}
                Order::Leave => server.graceful_shutdown(),
                Order::Abort => server.abrupt_shutdown(Reason::INTERNAL_ERROR),
            },
        }
    }
}

fn answer((_, mut respond): Stream) {
    let mut body = respond.send_response(Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"hi"), true).unwrap();
}

#[tokio::test]
async fn serves_a_cold_burst_over_one_connection() {
    let mut peer = Peer::open(100).await;
    let (client, endpoint) = (client(), Arc::clone(&peer.endpoint));
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (client, endpoint) = (client.clone(), Arc::clone(&endpoint));
        asked.spawn(async move { collect(answers(&client, &endpoint, ask("x")).await).await });
    }
    // All are there at the same time before any is answered.
    let mut streams = Vec::new();
    while streams.len() < 20 {
        streams.push(peer.next().await);
    }
    let uri = streams[0].0.uri().to_string();
    assert!(uri.starts_with("https://127.0.0.1:") && uri.ends_with("/v1/messages"), "{uri}");
    assert!(!streams[0].0.headers().contains_key("host"));
    streams.into_iter().for_each(answer);
    assert!(asked.join_all().await.into_iter().all(|body| body.unwrap() == "hi"));
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn opens_another_connection_rather_than_queue_behind_the_peers_limit() {
    let mut peer = Peer::open(1).await;
    let (client, endpoint) = (client(), Arc::clone(&peer.endpoint));
    let first = client.send(&endpoint, ask("1"), CONNECT_BY);
    let ((), first) = tokio::join!(async { answer(peer.next().await) }, first);
    collect(first.unwrap()).await.unwrap();
    let second = client.send(&endpoint, ask("2"), CONNECT_BY);
    let (second, third) = tokio::join!(second, async {
        // The second is under way, and with it the limit of the first connection is known.
        let stream = peer.next().await;
        let third = client.send(&endpoint, ask("3"), CONNECT_BY);
        let (third, ()) = tokio::join!(third, async { answer(peer.next().await) });
        answer(stream);
        third
    });
    assert_eq!((second.unwrap().reused, third.unwrap().reused), (true, false));
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn finishes_what_is_under_way_and_dials_anew_when_the_peer_says_goodbye() {
    let mut peer = Peer::open(100).await;
    let (client, endpoint) = (client(), Arc::clone(&peer.endpoint));
    let (mut reply, mut body) = {
        let sent = client.send(&endpoint, ask("1"), CONNECT_BY);
        let (reply, mut stream) = tokio::join!(sent, async {
            let (_, mut respond) = peer.next().await;
            respond.send_response(Response::new(()), false).unwrap()
        });
        stream.send_data(Bytes::from_static(b"before "), false).unwrap();
        (reply.unwrap(), stream)
    };
    assert_eq!(reply.body.chunk().await.unwrap().unwrap(), "before ");
    peer.orders.send_replace(Order::Leave);
    tokio::spawn(async move {
        while let Some(stream) = peer.streams.recv().await {
            answer(stream);
        }
    });
    // Whether the goodbye has arrived or not: no request is lost to it.
    let second = loop {
        match client.send(&endpoint, ask("2"), CONNECT_BY).await {
            Ok(reply) if peer.connections.load(Ordering::Relaxed) == 2 => break reply,
            Ok(reply) => drop(collect(reply).await.unwrap()),
            Err(failure) => assert_eq!(failure.class, Class::StaleConnection),
        }
    };
    assert!(!second.reused);
    body.send_data(Bytes::from_static(b"and after"), true).unwrap();
    assert_eq!(collect(reply).await.unwrap(), "and after");
}

#[tokio::test]
async fn names_the_ways_in_which_a_stream_is_refused_or_broken() {
    for (reason, class) in [
        (Reason::REFUSED_STREAM, Class::StaleConnection),
        (Reason::INTERNAL_ERROR, Class::ConnectionReset),
        (Reason::CANCEL, Class::ConnectionReset),
        (Reason::ENHANCE_YOUR_CALM, Class::ConnectionReset),
        (Reason::PROTOCOL_ERROR, Class::ProtocolBroken),
    ] {
        let mut peer = Peer::open(100).await;
        let client = client();
        let failure = peer.failure(&client, |(_, mut respond)| respond.send_reset(reason)).await;
        assert_eq!(failure.class, class, "{reason}");
    }
}

#[tokio::test]
async fn calls_a_peer_that_ends_everything_at_once_a_reset() {
    let mut peer = Peer::open(100).await;
    let (client, orders) = (client(), peer.orders.clone());
    // The stream is kept until the request has failed.
    let mut kept = None;
    let failure = peer
        .failure(&client, |stream| {
            orders.send_replace(Order::Abort);
            kept = Some(stream);
        })
        .await;
    assert_eq!(failure.class, Class::ConnectionReset);
}

#[tokio::test]
async fn calls_a_peer_that_agreed_to_http2_and_speaks_something_else_broken() {
    let identity = Identity::new(&["127.0.0.1"]);
    let pem = identity.pem.clone();
    let acceptor = identity.acceptor("h2");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = trusting(&pem, &format!("https://{}", listener.local_addr().unwrap()), None);
    let client = client();
    let (failure, ()) = tokio::join!(fails(&client, &endpoint, ask("x")), async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        // Whatever the client still has to say.
        let _heard = stream.read_to_end(&mut Vec::new()).await;
    });
    assert_eq!(failure.class, Class::ProtocolBroken);
}

#[tokio::test]
async fn names_a_stream_that_breaks_in_the_middle_of_its_answer() {
    for (reason, class) in [
        (Reason::INTERNAL_ERROR, Class::ConnectionReset),
        (Reason::PROTOCOL_ERROR, Class::ProtocolBroken),
    ] {
        let mut peer = Peer::open(100).await;
        let (client, endpoint) = (client(), Arc::clone(&peer.endpoint));
        let (reply, mut body) = tokio::join!(answers(&client, &endpoint, ask("x")), async {
            let (_, mut respond) = peer.next().await;
            respond.send_response(Response::new(()), false).unwrap()
        });
        body.send_reset(reason);
        assert_eq!(collect(reply).await.unwrap_err().class, class, "{reason}");
    }
}

#[tokio::test]
async fn resets_the_stream_of_an_answer_that_nobody_reads_and_keeps_the_connection() {
    let mut peer = Peer::open(100).await;
    let (client, endpoint) = (client(), Arc::clone(&peer.endpoint));
    let (reply, mut body) = tokio::join!(answers(&client, &endpoint, ask("1")), async {
        let (_, mut respond) = peer.next().await;
        respond.send_response(Response::new(()), false).unwrap()
    });
    drop(reply);
    let reset = std::future::poll_fn(|cx| body.poll_reset(cx)).await.unwrap();
    assert_eq!(reset, Reason::CANCEL);
    let (reply, ()) = tokio::join!(answers(&client, &endpoint, ask("2")), async {
        answer(peer.next().await);
    });
    assert!(reply.reused);
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn resets_the_stream_of_a_request_that_is_given_up_before_its_answer() {
    let mut peer = Peer::open(100).await;
    let (client, endpoint) = (client(), Arc::clone(&peer.endpoint));
    let (_, mut respond) = tokio::select! {
        biased;
        _ = client.send(&endpoint, ask("1"), CONNECT_BY) => panic!("there was no answer"),
        stream = peer.next() => stream,
    };
    let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await.unwrap();
    assert_eq!(reset, Reason::CANCEL);
}
