//! A new process takes the sockets of the old one, and no client notices.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use backstop_listener::{
    AnswerBody, Connection, Dealer, Handover, ListenerLimits, Listening, Serve,
};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::watch;

const CLIENTS: usize = 6;
const GENERATIONS: usize = 5;
const REQUESTS_EACH: usize = 500;

struct Generation(usize);

impl Serve for Generation {
    async fn serve(&self, _: Request<Incoming>, _: Connection) -> Response<AnswerBody> {
        Response::new(AnswerBody::whole(format!("{}", self.0)))
    }
}

fn door(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("backstop-door-{}-{name}", std::process::id()))
}

/// A gateway's life: take over or bind, accept, acknowledge, offer, and drain when taken.
fn live(number: usize, door: &Path, first: Option<Listening>, ready: &AtomicUsize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut taken = first.is_none().then(|| Listening::take_over(door).unwrap().unwrap());
        let listening = first.unwrap_or_else(|| {
            let taken = taken.as_mut().unwrap();
            taken.take(taken.listenings()[0].local_addr().unwrap()).unwrap()
        });
        let offered = [listening.try_clone().unwrap()];
        let (drain, drained) = watch::channel(false);
        let (dealer, mut hands) = Dealer::new(1, ListenerLimits::default());
        let dealer = tokio::spawn(dealer.run(listening, drained.clone()));
        let hand = hands.remove(0).serve(Arc::new(Generation(number)), None, drained);
        let hand = tokio::spawn(hand);
        if let Some(taken) = taken {
            taken.acknowledge().unwrap();
        }
        let handover = Handover::offer(door).unwrap();
        ready.store(number + 1, Ordering::SeqCst);
        handover.taken(&offered).await;
        drop(offered);
        drain.send(true).unwrap();
        dealer.await.unwrap().unwrap();
        hand.await.unwrap();
    });
}

/// Asks again and again, with connections kept alive where the server lets it; gives who answered.
fn ask(addr: SocketAddr, asked: &AtomicUsize, stop: &AtomicBool) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut client: Option<TcpStream> = None;
    while !stop.load(Ordering::SeqCst) {
        let mut stream =
            client.take().unwrap_or_else(|| TcpStream::connect(addr).expect("refused"));
        stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").expect("reset while sending");
        let mut answer = Vec::new();
        while !answer.windows(4).any(|window| window == b"\r\n\r\n") || answer.ends_with(b"\n") {
            let mut buffer = [0; 512];
            let read = stream.read(&mut buffer).expect("reset while reading");
            assert_ne!(read, 0, "closed without an answer");
            answer.extend_from_slice(&buffer[..read]);
        }
        seen.push(answer[answer.len() - 1] - b'0');
        asked.fetch_add(1, Ordering::SeqCst);
        // Every 50th connection is given up, so that new ones come at every moment.
        let closes = answer.windows(17).any(|window| window == b"connection: close");
        client = (!closes && !seen.len().is_multiple_of(50)).then_some(stream);
    }
    seen
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

#[test]
fn refuses_and_resets_nobody_over_several_generations() {
    let door = door("generations");
    let first = Listening::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let addr = first.local_addr().unwrap();
    let ready = Arc::new(AtomicUsize::new(0));
    let spawn = |number: usize, first: Option<Listening>| -> JoinHandle<()> {
        let (door, ready) = (door.clone(), Arc::clone(&ready));
        std::thread::spawn(move || live(number, &door, first, &ready))
    };
    let mut lives = vec![spawn(0, Some(first))];
    let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<JoinHandle<Vec<u8>>> = (0..CLIENTS)
        .map(|_| {
            let (asked, stop) = (Arc::clone(&asked), Arc::clone(&stop));
            std::thread::spawn(move || ask(addr, &asked, &stop))
        })
        .collect();
    for number in 1..GENERATIONS {
        let alive = || clients.iter().all(|client| !client.is_finished());
        wait_until(|| ready.load(Ordering::SeqCst) == number || !alive());
        wait_until(|| asked.load(Ordering::SeqCst) >= number * REQUESTS_EACH || !alive());
        lives.push(spawn(number, None));
        let old = lives.remove(0);
        old.join().unwrap();
    }
    let goal = asked.load(Ordering::SeqCst) + REQUESTS_EACH;
    wait_until(|| {
        asked.load(Ordering::SeqCst) >= goal || clients.iter().any(JoinHandle::is_finished)
    });
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        let seen = client.join().unwrap();
        assert!(seen.is_sorted(), "an old process answered on a new connection: {seen:?}");
        assert_eq!(usize::from(*seen.last().unwrap()), GENERATIONS - 1);
    }
}

#[test]
fn binds_where_nobody_offers() {
    assert!(Listening::take_over(&door("nobody")).unwrap().is_none());
    // A door whose process died is nobody's, too.
    let dead = door("dead");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    assert!(Listening::take_over(&dead).unwrap().is_none());
    std::fs::remove_file(&dead).unwrap();
}

#[tokio::test]
async fn opens_its_door_to_nobody_else_and_survives_a_successor_that_gives_up() {
    let path = door("private");
    let listening = [Listening::bind(([127, 0, 0, 1], 0).into()).unwrap()];
    let handover = Handover::offer(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let take = |path: &Path| {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || Listening::take_over(&path).unwrap().unwrap())
    };
    let successors = async {
        drop(take(&path).await.unwrap());
        take(&path).await.unwrap().acknowledge().unwrap();
    };
    tokio::join!(handover.taken(&listening), successors);
    std::fs::remove_file(&path).unwrap();
}
