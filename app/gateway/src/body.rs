//! The body of a streamed answer: driven by its client's own reading, and dropped with it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

use backstop_listener::Abort;
use backstop_vocabulary::Moment;

use crate::clock::Clock;

/// A piece of the answer, or its broken end.
pub(crate) type Piece = Result<Bytes, Abort>;

/// How long the client has kept us waiting, over the whole stream: silence that no provider is to
/// blame for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Away(Arc<AtomicU64>);

impl Away {
    fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    fn total(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
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

    /// Something was heard.
    pub(crate) fn restart(&mut self, now: Moment) {
        *self = Self::begin(now, self.away.clone());
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
    queue: mpsc::Receiver<Piece>,
    clock: Clock,
    away: Away,
    /// When a piece was handed out and the client has not come back for more.
    left_at: Option<Moment>,
}

impl Driven {
    pub(crate) fn new(
        driver: Pin<Box<dyn Future<Output = ()> + Send>>,
        queue: mpsc::Receiver<Piece>,
        clock: Clock,
        away: Away,
    ) -> Self {
        Self { driver: Some(driver), queue, clock, away, left_at: None }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        loop {
            if let Ok(piece) = self.queue.try_recv() {
                return Poll::Ready(Some(piece));
            }
            let Some(driver) = &mut self.driver else { return Poll::Ready(None) };
            if driver.as_mut().poll(cx).is_ready() {
                self.driver = None;
                continue;
            }
            return self.queue.try_recv().map_or(Poll::Pending, |piece| Poll::Ready(Some(piece)));
        }
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
            let away = self.clock.now().since(left_at);
            self.away.add(away);
        }
        let polled = self.poll_piece(cx);
        if polled.is_ready() {
            self.left_at = Some(self.clock.now());
        }
        polled.map(|piece| piece.map(|piece| piece.map(Frame::data)))
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
        away.add(Duration::from_secs(100));
        let mut quiet = Quiet::begin(at(10), away.clone());
        assert_eq!(quiet.lasts_until(Duration::from_secs(5)), at(15));
        away.add(Duration::from_secs(7));
        assert_eq!(quiet.length(at(20)), Duration::from_secs(3));
        assert_eq!(quiet.lasts_until(Duration::from_secs(5)), at(22));
        quiet.restart(at(20));
        assert_eq!(quiet.length(at(21)), Duration::from_secs(1));
    }
}
