//! The clocks, in virtual time over pipes in memory.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use backstop_providers::{BoxFuture, Client, ClientLimits, Dial, Endpoint, Io};
use backstop_vocabulary::{Class, Failure};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

use crate::stage::{CONNECT_BY, ask, collect, endpoint, fails};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/// Dials pipes, and plays the peer at their far ends.
#[derive(Default)]
struct Pipes {
    peer: Peer,
    open: Arc<AtomicUsize>,
    dialled: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
enum Peer {
    /// Answers every request after so long.
    Answers(Duration),
    /// Answers the first request, and hangs up so long after the second.
    HangsUp(Duration),
    #[default]
    CannotBeReached,
}

impl Dial for Pipes {
    fn dial<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Io>, Failure>> {
        Box::pin(async move {
            let (near, far) = duplex(64 * 1024);
            match self.peer {
                Peer::CannotBeReached => pending().await,
                Peer::Answers(wait) => self.play(answer(far, wait)),
                Peer::HangsUp(wait) => self.play(hang_up(far, wait)),
            }
            Ok(Box::new(near) as Box<dyn Io>)
        })
    }
}

impl Pipes {
    fn client(peer: Peer, limits: ClientLimits) -> (Arc<Self>, Client) {
        let pipes = Arc::new(Self { peer, ..Self::default() });
        let dial: Arc<dyn Dial> = Arc::clone(&pipes) as Arc<dyn Dial>;
        (pipes, Client::new(dial, limits))
    }

    fn play(&self, scene: impl Future<Output = ()> + Send + 'static) {
        let open = Arc::clone(&self.open);
        open.fetch_add(1, Ordering::Relaxed);
        self.dialled.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            scene.await;
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn dialled(&self) -> usize {
        self.dialled.load(Ordering::Relaxed)
    }

    /// Lets every task run until nothing but the clock could wake one, and counts the open pipes.
    async fn open(&self) -> usize {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.open.load(Ordering::Relaxed)
    }
}

async fn answer(mut far: DuplexStream, wait: Duration) {
    while hear(&mut far).await {
        pass(wait).await;
        if far.write_all(OK).await.is_err() {
            return;
        }
    }
}

async fn hang_up(mut far: DuplexStream, wait: Duration) {
    if hear(&mut far).await && far.write_all(OK).await.is_ok() && hear(&mut far).await {
        pass(wait).await;
    }
}

/// Hears one request; `false` at the end of the connection.
async fn hear(far: &mut DuplexStream) -> bool {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\nx") {
        let Ok(byte) = far.read_u8().await else { return false };
        heard.push(byte);
    }
    true
}

/// Lets virtual time pass.
async fn pass(time: Duration) {
    timeout(time, pending::<()>()).await.unwrap_err();
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(start_paused = true)]
async fn ends_a_connect_that_hangs_when_its_clock_has_run_out_and_no_later() {
    let (_, client) = Pipes::client(Peer::CannotBeReached, ClientLimits::default());
    let asked = Instant::now();
    let sent = client.send(&endpoint("http://hangs"), ask("x"), seconds(3)).await;
    let failure = sent.unwrap_err();
    assert_eq!((failure.class, asked.elapsed()), (Class::ConnectTimeout, seconds(3)));
}

#[tokio::test(start_paused = true)]
async fn lets_everyone_who_waits_for_the_same_connection_go_when_the_clock_runs_out() {
    let (_, client) = Pipes::client(Peer::CannotBeReached, ClientLimits::default());
    let (endpoint, asked) = (endpoint("https://hangs"), Instant::now());
    let (one, two) = tokio::join!(
        client.send(&endpoint, ask("x"), seconds(3)),
        client.send(&endpoint, ask("x"), seconds(3))
    );
    assert_eq!(one.unwrap_err().class, Class::ConnectTimeout);
    assert_eq!(two.unwrap_err().class, Class::ConnectTimeout);
    assert_eq!(asked.elapsed(), seconds(3));
}

#[tokio::test(start_paused = true)]
async fn has_no_clock_of_its_own_once_the_connection_stands() {
    let (_, client) = Pipes::client(Peer::Answers(seconds(3600)), ClientLimits::default());
    let asked = Instant::now();
    let reply = client.send(&endpoint("http://slow"), ask("x"), CONNECT_BY).await.unwrap();
    assert_eq!(collect(reply).await.unwrap(), "hi");
    assert_eq!(asked.elapsed(), seconds(3600));
}

#[tokio::test(start_paused = true)]
async fn tells_a_stale_connection_from_a_peer_that_took_the_request_and_left() {
    let cases =
        [(Duration::from_millis(50), Class::StaleConnection), (seconds(2), Class::ConnectionReset)];
    for (wait, class) in cases {
        let (_, client) = Pipes::client(Peer::HangsUp(wait), ClientLimits::default());
        let endpoint = endpoint("http://leaves");
        collect(client.send(&endpoint, ask("x"), CONNECT_BY).await.unwrap()).await.unwrap();
        assert_eq!(fails(&client, &endpoint, ask("x")).await.class, class, "after {wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn closes_idle_connections_without_being_asked_for_another() {
    let limits = ClientLimits { idle_max: seconds(10), ..ClientLimits::default() };
    let (pipes, client) = Pipes::client(Peer::Answers(Duration::ZERO), limits);
    let endpoint = endpoint("http://idle");
    collect(client.send(&endpoint, ask("x"), CONNECT_BY).await.unwrap()).await.unwrap();
    pass(seconds(9)).await;
    assert_eq!(pipes.open().await, 1);
    pass(seconds(11)).await;
    assert_eq!(pipes.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn closes_the_connections_of_an_endpoint_that_is_gone() {
    let limits = ClientLimits { idle_max: seconds(10), ..ClientLimits::default() };
    let (pipes, client) = Pipes::client(Peer::Answers(Duration::ZERO), limits);
    for _ in 0..20 {
        let reloaded = endpoint("http://reloaded");
        collect(client.send(&reloaded, ask("x"), CONNECT_BY).await.unwrap()).await.unwrap();
        pass(seconds(5)).await;
    }
    assert!(pipes.open().await <= 4, "{} connections are open", pipes.open().await);
}

#[tokio::test(start_paused = true)]
async fn gives_no_request_to_a_connection_past_its_age() {
    let limits = ClientLimits { age_max: seconds(60), ..ClientLimits::default() };
    let (pipes, client) = Pipes::client(Peer::Answers(seconds(25)), limits);
    let endpoint = endpoint("http://old");
    for _ in 0..6 {
        collect(client.send(&endpoint, ask("x"), CONNECT_BY).await.unwrap()).await.unwrap();
    }
    assert_eq!(pipes.dialled(), 2);
}

#[tokio::test(start_paused = true)]
async fn frees_everything_wherever_a_request_is_given_up() {
    let limits = ClientLimits::default();
    for polls in 0_usize.. {
        let (pipes, client) = Pipes::client(Peer::Answers(Duration::ZERO), limits.clone());
        let endpoint = endpoint("http://given-up");
        let exchange = async {
            collect(client.send(&endpoint, ask("x"), CONNECT_BY).await.unwrap()).await.unwrap()
        };
        let whole = give_up_after(polls, exchange).await.is_some();
        let kept = pipes.open().await;
        assert!(kept == 0 || whole, "after {polls} polls {kept} connections are open");
        let reply = client.send(&endpoint, ask("x"), CONNECT_BY).await.unwrap();
        assert_eq!(reply.reused, whole, "after {polls} polls");
        collect(reply).await.unwrap();
        drop(client);
        assert_eq!(pipes.open().await, 0, "after {polls} polls");
        if whole {
            assert!(polls > 1, "the exchange never waited");
            return;
        }
    }
}

/// Polls a future so many times, once per wake-up, and drops it.
async fn give_up_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
            Poll::Ready(output) => Poll::Ready(Some(output)),
        }
    })
    .await
}
