//! The provider: answers at once, streams at the asked pace, and costs as little as it can.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::canned::{Dialect, Manner, Stream};
use crate::wire;

/// Head of a streamed answer.
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nx-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n";

/// The answers of one dialect, as bytes to write.
#[derive(Debug)]
struct Answers {
    whole: Vec<u8>,
    opening: Vec<u8>,
    piece: Vec<u8>,
    ending: Vec<u8>,
}

impl Answers {
    fn of(dialect: Dialect) -> Self {
        let Stream { opening, piece, ending } = dialect.stream();
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        Self {
            whole: dialect.whole(),
            opening: format!("{STREAM_HEAD}{}{}", chunk(&opening), chunk(&piece)).into_bytes(),
            piece: chunk(&piece).into_bytes(),
            ending: format!("{}0\r\n\r\n", chunk(&ending)).into_bytes(),
        }
    }
}

/// The answers of both dialects.
#[derive(Debug)]
struct Book {
    anthropic: Answers,
    openai: Answers,
}

/// Serves for ever; says on standard output where.
pub(crate) fn serve(listen: SocketAddr, threads: usize) -> anyhow::Result<()> {
    let book = Arc::new(Book {
        anthropic: Answers::of(Dialect::Anthropic),
        openai: Answers::of(Dialect::Openai),
    });
    let first = crate::floor::bind(listen)?;
    let listen = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..threads.max(1) {
        listeners.push(crate::floor::bind(listen)?);
    }
    println!("{listen}");
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let book = Arc::clone(&book);
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(accept(listener, book))
            })
        })
        .collect();
    for thread in threads {
        match thread.join() {
            Ok(ended) => ended?,
            Err(_panicked) => anyhow::bail!("a serving thread panicked"),
        }
    }
    Ok(())
}

async fn accept(listener: std::net::TcpListener, book: Arc<Book>) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let book = Arc::clone(&book);
        tokio::spawn(async move {
            // A client that leaves is no news.
            let _left = connection(stream, &book).await;
        });
    }
}

async fn connection(mut stream: TcpStream, book: &Book) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(8 << 10);
    while let Some(body) = wire::message(&mut stream, &mut buffer).await? {
        let line_end = memchr::memchr(b'\r', &buffer).unwrap_or(0);
        let answers = match Dialect::at(&buffer[..line_end]) {
            Dialect::Anthropic => &book.anthropic,
            Dialect::Openai => &book.openai,
        };
        match Manner::read(&buffer[body]) {
            None => stream.write_all(&answers.whole).await?,
            Some(manner) => pieces(&mut stream, answers, manner).await?,
        }
    }
    Ok(())
}

async fn pieces(stream: &mut TcpStream, answers: &Answers, manner: Manner) -> anyhow::Result<()> {
    stream.write_all(&answers.opening).await?;
    if manner.hold {
        let (mut from, _to) = stream.split();
        wire::closed(&mut from).await;
        return Ok(());
    }
    let pace = Duration::from_millis(u64::from(manner.interval_ms));
    let mut at = Instant::now();
    for _ in 1..manner.chunks {
        at += pace;
        sleep_until(at).await;
        stream.write_all(&answers.piece).await?;
    }
    stream.write_all(&answers.ending).await?;
    Ok(())
}

/// A listening socket that several threads may share by address.
pub(crate) fn socket(listen: SocketAddr) -> anyhow::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(listen)?;
    Ok(socket)
}
