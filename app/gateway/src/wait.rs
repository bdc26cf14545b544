//! Waiting for a provider, with every clock that runs meanwhile.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep_until;

use backstop_vocabulary::{Class, Failure, Moment};

use crate::clock::Clock;
use crate::permit::{Moves, Permit};

/// How often a waiting attempt looks whether its target was opened: a request that is answered
/// sooner pays nothing for it.
const GLANCE: Duration = Duration::from_millis(250);

/// A wait for the first token of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) clock: Clock,
    /// When the attempt has failed.
    pub(crate) by: Moment,
}

impl Wait {
    /// Waits for `future`; fails when the first-token clock runs out or the target is opened. The
    /// slow threshold is reported as it passes.
    pub(crate) async fn first<F: Future>(
        self,
        permit: &mut Permit,
        future: F,
    ) -> Result<F::Output, Failure> {
        let mut future = pin!(future);
        loop {
            let now = self.clock.now();
            let glance = (now + GLANCE).min(self.by).min(permit.slow_at().unwrap_or(Moment::NEVER));
            let wake = sleep_until(self.clock.instant(glance));
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                () = wake => {}
            }
            self.look(permit)?;
        }
    }

    fn look(self, permit: &mut Permit) -> Result<(), Failure> {
        let now = self.clock.now();
        if permit.slow_at().is_some_and(|at| at <= now) {
            permit.note_slow();
        }
        if now >= self.by {
            let waited = now.since(permit.started);
            let what = format!("no first token within {:.1} s", waited.as_secs_f64());
            return Err(Failure::new(Class::FirstTokenTimeout, what));
        }
        if permit.moves == Moves::Yes && permit.target_opened() {
            let what = "the target was taken out of service while the request waited";
            return Err(Failure::new(Class::TargetOpened, what));
        }
        Ok(())
    }
}
