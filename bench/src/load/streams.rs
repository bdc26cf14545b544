use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Load, Tally, WARM_UP};
use crate::canned::Dialect;
use crate::wire;

/// The end of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Streams on these connections until the time is over; a stream begun is read to its end.
pub(super) async fn drive(load: &Load, connections: Range<usize>) -> anyhow::Result<Tally> {
    let began = Instant::now();
    let from = began + WARM_UP;
    let until = from + Duration::from_secs_f64(load.seconds);
    let length = Duration::from_millis(u64::from(load.chunks * load.interval_ms));
    let mut tasks = JoinSet::new();
    for number in connections {
        let request = load.request();
        let dialect = load.dialect;
        let stream = TcpStream::connect(load.address).await?;
        stream.set_nodelay(true)?;
        // Streams begin spread over the length of one, or their pieces would all come at once.
        let share = f64::from(u32::try_from(number).unwrap_or(0))
            / f64::from(u32::try_from(load.connections).unwrap_or(1));
        let first = began + length.min(WARM_UP).mul_f64(share);
        tasks.spawn(async move {
            tokio::time::sleep_until(first.into()).await;
            one(stream, &request, dialect, from..until).await
        });
    }
    let mut all = Tally::default();
    while let Some(part) = tasks.join_next().await {
        let part = part??;
        all.times_us.extend(part.times_us);
        all.failed += part.failed;
        all.done += part.done;
    }
    Ok(all)
}

async fn one(
    mut stream: TcpStream,
    request: &[u8],
    dialect: Dialect,
    measured: Range<Instant>,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut buffer = Vec::with_capacity(64 << 10);
    loop {
        let start = Instant::now();
        if start >= measured.end {
            return Ok(tally);
        }
        stream.write_all(request).await?;
        let first = first_text(&mut stream, &mut buffer).await?;
        rest(&mut stream, &mut buffer).await?;
        let good =
            wire::is_ok(&buffer) && memchr::memmem::find(&buffer, dialect.terminal()).is_some();
        // Every stream counts, also those of the warm-up: the proxy's time is taken over all.
        tally.failed += u64::from(!good);
        tally.done += u64::from(good);
        if start >= measured.start {
            let micros = first.duration_since(start).as_micros();
            tally.times_us.push(u32::try_from(micros).unwrap_or(u32::MAX));
        }
    }
}

/// Reads until the first piece of text is here, and says when that was.
pub(super) async fn first_text(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Instant> {
    buffer.clear();
    loop {
        anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the proxy closed a connection");
        if memchr::memmem::find(buffer, Dialect::first_text()).is_some() {
            return Ok(Instant::now());
        }
        let failed = wire::head(buffer).is_some() && !wire::is_ok(buffer);
        anyhow::ensure!(!failed, "refused: {}", String::from_utf8_lossy(buffer));
    }
}

async fn rest(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    while !buffer.ends_with(LAST_CHUNK) {
        anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the proxy cut a stream");
    }
    Ok(())
}
