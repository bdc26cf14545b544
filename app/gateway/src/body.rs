//! The body of a streamed answer: driven by its client's own reading, and dropped with it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};

use backstop_listener::Abort;
use backstop_vocabulary::Moment;

use crate::clock::Clock;

/// A piece of the answer, or its broken end.
pub(crate) type Piece = Result<Bytes, Abort>;

/// Where the driver of a stream lays down what its body hands out, one piece at a time, and when.
///
/// Both are polled by the same task: the lock is never waited for, and nobody need be woken, because
/// whoever was handed a piece comes back for the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tray(Arc<Mutex<Option<(Piece, Moment)>>>);

impl Tray {
    /// Lays a piece down, once the one before it was handed out.
    pub(crate) async fn put(&self, piece: Piece, now: Moment) {
        self.emptied().await;
        *self.lock() = Some((piece, now));
    }

    /// Waits until the client has come back after the last piece.
    pub(crate) async fn emptied(&self) {
        let empty = |_: &mut Context<'_>| {
            if self.lock().is_some() { Poll::Pending } else { Poll::Ready(()) }
        };
        poll_fn(empty).await;
    }

    fn take(&self) -> Option<(Piece, Moment)> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Piece, Moment)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the client has kept us waiting, over the whole stream: silence that no provider is to
/// blame for. And when it came back last, in nanoseconds from the clock's zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Away(Arc<(AtomicU64, AtomicU64)>);

impl Away {
    /// The client was away for this long, and is back now.
    fn add(&self, time: Duration, now: Moment) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.0.fetch_add(nanos(time), Ordering::Relaxed);
        self.0.1.store(nanos(now.since_zero()), Ordering::Relaxed);
    }

    /// When the client came back last; the clock's zero before the first time.
    pub(crate) fn back_at(&self) -> Moment {
        Moment::from_nanos(self.0.1.load(Ordering::Relaxed))
    }

    fn total(&self) -> Duration {
        Duration::from_nanos(self.0.0.load(Ordering::Relaxed))
    }
}

/// A provider's silence, counted only while its client reads.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    since: Moment,
    away_before: Duration,
    away: Away,
}

impl Quiet {
    /// Silence that begins now.
    pub(crate) fn begin(now: Moment, away: Away) -> Self {
        Self { since: now, away_before: away.total(), away }
    }

    /// The client's absences, for its body to count.
    pub(crate) const fn away(&self) -> &Away {
        &self.away
    }

    /// When it began.
    pub(crate) const fn since(&self) -> Moment {
        self.since
    }

    /// Something was heard.
    pub(crate) fn restart(&mut self, now: Moment) {
        self.since = now;
        self.away_before = self.away.total();
    }

    /// How long the silence has lasted.
    pub(crate) fn length(&self, now: Moment) -> Duration {
        now.since(self.since).saturating_sub(self.excused())
    }

    /// When the silence will have lasted this long, if the client keeps reading.
    pub(crate) fn lasts_until(&self, length: Duration) -> Moment {
        self.since + length + self.excused()
    }

    fn excused(&self) -> Duration {
        self.away.total().saturating_sub(self.away_before)
    }
}

/// A body whose provider is read only as its client reads: dropping it drops the attempt.
pub(crate) struct Driven {
    driver: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    tray: Tray,
    clock: Clock,
    away: Away,
    /// When a piece was laid down that the client has, and it has not come back for more.
    left_at: Option<Moment>,
}

impl Driven {
    pub(crate) fn new(
        driver: Pin<Box<dyn Future<Output = ()> + Send>>,
        tray: Tray,
        clock: Clock,
        away: Away,
    ) -> Self {
        Self { driver: Some(driver), tray, clock, away, left_at: None }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        let on = self.driver.as_mut().map(|driver| driver.as_mut().poll(cx));
        if on.is_some_and(|on| on.is_ready()) {
            self.driver = None;
        }
        if let Some((piece, at)) = self.tray.take() {
            self.left_at = Some(at);
            return Poll::Ready(Some(piece));
        }
        if self.driver.is_none() { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl Body for Driven {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        if let Some(left_at) = self.left_at.take() {
            let now = self.clock.now();
            self.away.add(now.since(left_at), now);
        }
        self.poll_piece(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Moment {
        Moment::from_secs(secs)
    }

    #[test]
    fn silence_is_counted_only_while_the_client_reads() {
        let away = Away::default();
        away.add(Duration::from_secs(100), at(10));
        let mut quiet = Quiet::begin(at(10), away.clone());
        assert_eq!(quiet.lasts_until(Duration::from_secs(5)), at(15));
        away.add(Duration::from_secs(7), at(19));
        assert_eq!(away.back_at(), at(19));
        assert_eq!(quiet.length(at(20)), Duration::from_secs(3));
        assert_eq!(quiet.lasts_until(Duration::from_secs(5)), at(22));
        quiet.restart(at(20));
        assert_eq!(quiet.length(at(21)), Duration::from_secs(1));
    }
}
