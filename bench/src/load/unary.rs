use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Load, Tally, WARM_UP};
use crate::wire;

/// When the measurement lies, and how often each connection asks in an open loop.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    from: Instant,
    until: Instant,
    every: Option<Duration>,
}

/// Asks on these connections until the time is over.
pub(super) async fn drive(load: &Load, connections: Range<usize>) -> anyhow::Result<Tally> {
    let began = Instant::now();
    let from = began + WARM_UP;
    let until = from + Duration::from_secs_f64(load.seconds);
    let every = load.rate.map(|rate| {
        let connections = u32::try_from(load.connections).unwrap_or(u32::MAX);
        Duration::from_secs_f64(f64::from(connections) / rate)
    });
    let mut tasks = JoinSet::new();
    for number in connections {
        let request = load.request();
        let stream = TcpStream::connect(load.address).await?;
        stream.set_nodelay(true)?;
        // Connections of an open loop take turns instead of all asking at once.
        let share = f64::from(u32::try_from(number).unwrap_or(0))
            / f64::from(u32::try_from(load.connections).unwrap_or(1));
        let offset = every.unwrap_or_default().mul_f64(share);
        let schedule = Schedule { from, until, every };
        tasks.spawn(async move { one(stream, &request, began + offset, schedule).await });
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
    first: Instant,
    schedule: Schedule,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut buffer = Vec::with_capacity(8 << 10);
    let mut due = first;
    let mut free_at = Instant::now();
    loop {
        let mut start = Instant::now();
        if let Some(every) = schedule.every {
            if start < due {
                tokio::time::sleep_until(due.into()).await;
                // The timer's own lateness is not the proxy's.
                start = Instant::now();
            } else if free_at > due {
                start = due;
            }
            due += every;
        }
        if start >= schedule.until {
            return Ok(tally);
        }
        stream.write_all(request).await?;
        let answered = wire::message(&mut stream, &mut buffer).await?.is_some();
        free_at = Instant::now();
        if start >= schedule.from && free_at <= schedule.until {
            let good = answered && wire::is_ok(&buffer);
            tally.failed += u64::from(!good);
            tally.done += u64::from(good);
            let micros = free_at.duration_since(start).as_micros();
            tally.times_us.push(u32::try_from(micros).unwrap_or(u32::MAX));
        }
        anyhow::ensure!(answered, "the proxy closed a connection");
    }
}
