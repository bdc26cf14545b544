//! The finite capacity of one provider: places, a queue, and limits of rate and growth.

use std::time::Duration;

use backstop_vocabulary::Moment;

use crate::{ProviderSettings, Token};

/// One of the requests that may run at once.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// When it is expected to be free; [`Moment::NEVER`] while a request hangs.
    free_at: Moment,
    /// Who holds it.
    serial: u64,
}

/// What a provider remembers of its load.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    places: Vec<Place>,
    /// The minute that is counted, since zero.
    minute: u64,
    this_minute: u32,
    last_minute: u32,
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Yes, at this place, after this wait.
    Serve { place: usize, wait: Duration },
    /// All places are taken.
    Busy,
    /// The limit per minute is reached; it is over in so many seconds.
    Limited { seconds: u32 },
    /// Traffic grew too fast.
    TooFast,
}

impl Provider {
    pub(super) fn new(settings: &ProviderSettings) -> Self {
        let count = usize::try_from(settings.concurrency_max).unwrap_or(usize::MAX).max(1);
        let place = Place { free_at: Moment::ZERO, serial: 0 };
        Self { places: vec![place; count], minute: 0, this_minute: 0, last_minute: 0 }
    }

    /// Takes a place for a request, if limits and load allow.
    pub(super) fn admit(
        &mut self,
        now: Moment,
        settings: &ProviderSettings,
        serial: u64,
    ) -> Admission {
        self.turn_to(now.millis() / 60_000);
        if settings.requests_per_minute.is_some_and(|most| self.this_minute >= most) {
            let left = 60 - (now.millis() / 1000) % 60;
            return Admission::Limited { seconds: u32::try_from(left).unwrap_or(60) };
        }
        if let Some(ramp) = settings.ramp {
            let grown = f64::from(self.last_minute) * ramp.growth;
            if f64::from(self.this_minute) >= grown.max(f64::from(ramp.free_per_minute)) {
                return Admission::TooFast;
            }
        }
        let soonest = self.places.iter().enumerate().min_by_key(|(_, place)| place.free_at);
        let Some((place, soonest)) = soonest else { return Admission::Busy };
        let wait = soonest.free_at.since(now);
        if wait > settings.queue_wait_max {
            return Admission::Busy;
        }
        self.this_minute = self.this_minute.saturating_add(1);
        self.places[place].serial = serial;
        Admission::Serve { place, wait }
    }

    /// Notes when a request is expected to end.
    pub(super) fn expect(&mut self, token: Token, free_at: Moment) {
        if let Some(place) = self.held(token) {
            place.free_at = free_at;
        }
    }

    /// Ends a request early, unless another has the place by now.
    pub(super) fn free(&mut self, now: Moment, token: Token) {
        if let Some(place) = self.held(token) {
            place.free_at = place.free_at.min(now);
        }
    }

    /// How many places are taken.
    pub(super) fn busy(&self, now: Moment) -> usize {
        self.places.iter().filter(|place| place.free_at > now).count()
    }

    fn held(&mut self, token: Token) -> Option<&mut Place> {
        self.places.get_mut(token.place).filter(|place| place.serial == token.serial)
    }

    fn turn_to(&mut self, minute: u64) {
        if minute > self.minute {
            self.last_minute = if minute == self.minute + 1 { self.this_minute } else { 0 };
            (self.minute, self.this_minute) = (minute, 0);
        }
    }
}
