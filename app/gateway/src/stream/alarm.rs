//! One timer for a whole stream, cheap to ask.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings no later than it must; early, its owner winds it up again. A timer for every piece of a
/// stream would cost more than the rest of waiting.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// Who will be woken: asking again on its behalf costs two comparisons.
    heard_by: Option<Waker>,
}

impl Alarm {
    /// An alarm for this instant.
    pub(crate) fn new(at: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(at)), heard_by: None }
    }

    /// Makes sure that it rings at `at` or before.
    pub(crate) fn wind(&mut self, at: Instant) {
        if self.sleep.is_elapsed() || self.sleep.deadline() > at {
            self.sleep.as_mut().reset(at);
            self.heard_by = None;
        }
    }

    /// Ready once it has rung.
    pub(crate) fn poll_rung(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let heard = self.heard_by.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if heard && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        self.heard_by = Some(cx.waker().clone());
        // Unconstrained: a task whose budget is spent would be sent away unheard.
        Pin::new(&mut tokio::task::unconstrained(self.sleep.as_mut())).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    async fn rung(alarm: &mut Alarm) -> Duration {
        let asked = Instant::now();
        poll_fn(|cx| alarm.poll_rung(cx)).await;
        asked.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn rings_when_it_was_last_wound_to() {
        let secs = Duration::from_secs;
        let mut alarm = Alarm::new(Instant::now() + secs(15));
        // Wound to an earlier instant while somebody listens.
        let early = tokio::time::timeout(secs(1), rung(&mut alarm)).await;
        assert!(early.is_err(), "rang too early");
        alarm.wind(Instant::now() + secs(2));
        assert_eq!(rung(&mut alarm).await, secs(2));
        // A later one does not put off what is set, and one that rang can be wound again.
        alarm.wind(Instant::now() + secs(5));
        alarm.wind(Instant::now() + secs(9));
        assert_eq!(rung(&mut alarm).await, secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_whoever_asked_last() {
        let mut alarm = Alarm::new(Instant::now() + Duration::from_secs(1));
        // Asked again and again by one task, then by another.
        poll_fn(|cx| {
            assert!(alarm.poll_rung(cx).is_pending() && alarm.poll_rung(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let other = tokio::spawn(async move { rung(&mut alarm).await });
        assert_eq!(other.await.unwrap(), Duration::from_secs(1));
    }
}
