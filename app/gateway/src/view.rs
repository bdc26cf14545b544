//! What a course may ask about the targets of one request.

pub(crate) mod sessions;

use std::sync::atomic::Ordering;

use backstop_continuity::Outlooks;
use backstop_resilience::Outlook;
use backstop_settings::Credential;
use backstop_vocabulary::Moment;

use crate::core::Core;
use crate::gateway::LAST_RESORTS_MAX;
use crate::plan::{Place, Roster};

/// The targets of one request, seen through the gateway's health.
pub(crate) struct View<'a> {
    core: &'a Core,
    roster: &'a Roster,
}

impl<'a> View<'a> {
    pub(crate) const fn new(core: &'a Core, roster: &'a Roster) -> Self {
        Self { core, roster }
    }

    fn place(&self, target: usize) -> &Place {
        let found = self.roster.places.iter().find(|place| place.target.number == target);
        found.unwrap_or(&self.roster.places[0])
    }
}

impl Outlooks for View<'_> {
    fn outlook(&self, target: usize, now: Moment) -> Outlook {
        self.place(target).target.outlook(now)
    }

    fn suspected(&self, target: usize, now: Moment) -> bool {
        self.core.shared.doubts.suspected(&self.place(target).candidate, now)
    }

    fn retry_allowed(&self, target: usize, now: Moment) -> bool {
        self.place(target).target.cell.retry_allowed(now)
    }

    fn last_resort_allowed(&self, target: usize, now: Moment) -> bool {
        let target = &self.place(target).target;
        let taken = target.last_resorts.load(Ordering::Relaxed);
        taken < LAST_RESORTS_MAX && target.cell.last_resort_allowed(now)
    }

    fn may_use_share(&self, target: usize, now: Moment) -> bool {
        let mut chance = self.core.fork_chance();
        self.place(target).target.cell.may_use_share(now, &mut chance)
    }

    fn opinion_allowed(&self, _now: Moment) -> bool {
        self.core.shared.doubts.opinion_allowed()
    }

    fn may_probe(&self, target: usize, now: Moment) -> bool {
        // A synthetic probe cannot borrow a client's credential: its own requests must try.
        let place = self.place(target);
        place.credential == Credential::FromClient
            && place.target.cell.probe_due(now).is_some_and(|due| due <= now)
    }
}
