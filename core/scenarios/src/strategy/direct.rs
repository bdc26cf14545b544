use backstop_vocabulary::Moment;

use crate::{Move, Seen, Strategy};

/// No gateway: one try at the provider that was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Strategy for Direct {
    fn name(&self) -> &'static str {
        "direct"
    }

    fn begin(&mut self, now: Moment, _request: u64) -> Move {
        Move::Attempt { rung: 0, at: now }
    }

    fn handle(&mut self, _now: Moment, _request: u64, _seen: &Seen) -> Move {
        Move::Finish
    }
}
