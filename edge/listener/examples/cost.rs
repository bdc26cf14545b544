//! Says what the listener costs over bare hyper: server CPU per request, by turns. Asserts nothing.
//!
//! `cargo run --release -p backstop-listener --example cost` (Linux only: reads the thread's CPU time)

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use backstop_listener::{
    AnswerBody, Connection, Dealer, ListenerLimits, Listening, Serve, read_body,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

const CONNECTIONS: usize = 64;
const REQUESTS_EACH: usize = 2_000;
const ROUNDS: usize = 15;

struct Echo;

impl Serve for Echo {
    async fn serve(&self, request: Request<Incoming>, _: Connection) -> Response<AnswerBody> {
        let body = read_body(request.into_body(), 32 << 20, Duration::from_secs(60)).await;
        Response::new(AnswerBody::whole(body.unwrap_or_default()))
    }
}

fn main() {
    let ours = start(|| async {
        let listening = Listening::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let addr = listening.local_addr().unwrap();
        let (drain, drained) = watch::channel(false);
        let (dealer, mut hands) = Dealer::new(1, ListenerLimits::default());
        tokio::spawn(dealer.run(listening, drained.clone()));
        tokio::spawn(async move {
            hands.remove(0).serve(Arc::new(Echo), None, drained).await;
            drop(drain);
        });
        addr
    });
    let bare = start(|| async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (io, _) = listener.accept().await.unwrap();
                io.set_nodelay(true).unwrap();
                let service = service_fn(echo);
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(io), service),
                );
            }
        });
        addr
    });
    let (mut least_bare, mut least_ours) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        least_bare = least_bare.min(round(&bare));
        least_ours = least_ours.min(round(&ours));
    }
    println!("server CPU per request, least of {ROUNDS} rounds");
    println!("bare hyper {least_bare:6.2} µs");
    println!("listener   {least_ours:6.2} µs");
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}

struct Server {
    addr: SocketAddr,
    thread: u64,
}

fn start<F, Fut>(serve: F) -> Server
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = SocketAddr>,
{
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let addr = serve().await;
            let link = std::fs::read_link("/proc/thread-self").unwrap();
            let thread = link.file_name().unwrap().to_str().unwrap().parse().unwrap();
            sender.send(Server { addr, thread }).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

/// Microseconds of the server's CPU per request.
fn round(server: &Server) -> f64 {
    let before = cpu_ns(server);
    let clients: Vec<JoinHandle<()>> = (0..CONNECTIONS)
        .map(|_| {
            let addr = server.addr;
            std::thread::spawn(move || ask(addr))
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let requests = f64::from(u32::try_from(CONNECTIONS * REQUESTS_EACH).unwrap());
    (cpu_ns(server) - before) / 1e3 / requests
}

fn ask(addr: SocketAddr) {
    let mut client = TcpStream::connect(addr).unwrap();
    let body = "x".repeat(1024);
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/json\r\nuser-agent: cost/1\r\ncontent-length: 1024\r\n\r\n{body}"
    );
    let mut answer = vec![0; 4096];
    for _ in 0..REQUESTS_EACH {
        client.write_all(request.as_bytes()).unwrap();
        let (mut read, mut end) = (0, usize::MAX);
        while read < end {
            read += client.read(&mut answer[read..]).unwrap();
            let head = answer[..read].windows(4).position(|window| window == b"\r\n\r\n");
            end = head.map_or(usize::MAX, |head| head + 4 + body.len());
        }
    }
}

fn cpu_ns(server: &Server) -> f64 {
    let path = format!("/proc/self/task/{}/schedstat", server.thread);
    std::fs::read_to_string(path).unwrap().split(' ').next().unwrap().parse().unwrap()
}
