use backstop_resilience::Outlook;
use backstop_vocabulary::Moment;

/// What a [`crate::Course`] may ask about the caller's targets.
///
/// Every method is a question: asking takes nothing from a budget and holds no lease. Whoever
/// carries an [`crate::Attempt`] out takes what its purpose costs, and answers with
/// [`crate::Course::refused`] when that is gone after all.
pub trait Outlooks {
    /// What the machines of the target say now.
    fn outlook(&self, target: usize, now: Moment) -> Outlook;

    /// Whether evidence about its provider speaks against it; see [`crate::Rollups::suspected`].
    fn suspected(&self, target: usize, now: Moment) -> bool;

    /// Whether the retry budget allows the same target once more.
    fn retry_allowed(&self, target: usize, now: Moment) -> bool;

    /// Whether the small cap of attempts at targets that are all open has room.
    fn last_resort_allowed(&self, target: usize, now: Moment) -> bool;

    /// Whether a demoted or ramping target may take this request as part of its share: the pacer's
    /// word, which knows the step's share and the floor.
    fn may_use_share(&self, target: usize, now: Moment) -> bool;

    /// Whether the budget of second opinions has one left; see [`crate::Opinions`].
    fn opinion_allowed(&self, now: Moment) -> bool;

    /// Whether a half-open target wants this request as its probe: only where synthetic probes are
    /// impossible, for example with the client's own credential.
    fn may_probe(&self, _target: usize, _now: Moment) -> bool {
        false
    }
}
