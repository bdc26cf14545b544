//! A baseline in virtual time: an event loop over a world of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use backstop_vocabulary::{Moment, Tier};

use crate::seen::SeenKind;
use crate::{
    Act, Arrival, Flaw, Move, Outcome, Reply, Scenario, Seen, Severity, Strategy, Tally, Token,
    Verdict, WorkItem, Workload, World,
};

/// Plays a strategy through a whole scenario and counts what its clients got. The world and the
/// workload have the same seed for every strategy, so that all see the same day.
pub fn play(
    scenario: &Scenario,
    severity: Severity,
    seed: u64,
    strategy: &mut dyn Strategy,
) -> Tally {
    let mut player = Player {
        scenario,
        world: World::new(scenario, severity, seed),
        strategy,
        open: BTreeMap::new(),
        events: BinaryHeap::new(),
        order: 0,
        tally: Tally::new(scenario),
    };
    for arrival in Workload::new(scenario, seed) {
        player.run_until(arrival.at);
        player.arrive(arrival);
    }
    player.run_until(Moment::NEVER);
    player.tally
}

/// Something that will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Attempt { request: u64, rung: usize },
    Ended { request: u64, rung: usize, seen: SeenCode, token: Option<Token> },
}

/// [`Seen`] in a form with an order, as the heap needs.
type SeenCode = (u8, u16, Option<Duration>);

/// A request that is not finished.
struct Open {
    arrived: Moment,
    item: WorkItem,
    attempts: u32,
}

struct Player<'a> {
    scenario: &'a Scenario,
    world: World,
    strategy: &'a mut dyn Strategy,
    open: BTreeMap<u64, Open>,
    events: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    order: u64,
    tally: Tally,
}

impl Player<'_> {
    fn arrive(&mut self, arrival: Arrival) {
        let request = arrival.item.number;
        let open = Open { arrived: arrival.at, item: arrival.item, attempts: 0 };
        self.open.insert(request, open);
        let next = self.strategy.begin(arrival.at, request);
        self.go((arrival.at, request), next, (SeenKind::Status(503), 0));
    }

    fn run_until(&mut self, end: Moment) {
        while self.events.peek().is_some_and(|Reverse((at, _, _))| *at <= end) {
            let Some(Reverse((at, _, event))) = self.events.pop() else { return };
            match event {
                Event::Attempt { request, rung } => self.attempt(at, request, rung),
                Event::Ended { request, rung, seen, token } => {
                    if let Some(token) = token {
                        self.world.finished(at, token);
                    }
                    let seen = decode(seen);
                    let next = self.strategy.handle(at, request, &seen);
                    self.go((at, request), next, (seen.kind, rung));
                }
            }
        }
    }

    /// Does what the strategy wants, unless the client's time is up.
    fn go(&mut self, (now, request): (Moment, u64), next: Move, (seen, rung): (SeenKind, usize)) {
        let Some(open) = self.open.get(&request) else { return };
        let deadline = open.arrived + self.scenario.workload.deadline;
        match next {
            Move::Attempt { rung, at } if at < deadline => {
                self.push(at.max(now), Event::Attempt { request, rung });
            }
            Move::Attempt { .. } => self.finish(request, SeenKind::TimedOut, rung),
            Move::Finish => self.finish(request, seen, rung),
        }
    }

    fn attempt(&mut self, now: Moment, request: u64, rung: usize) {
        let Some(open) = self.open.get_mut(&request) else { return };
        open.attempts += 1;
        let Some((provider, model)) = target(self.scenario, &open.item, rung) else {
            self.finish(request, SeenKind::Status(404), rung);
            return;
        };
        let ask = open.item.ask(provider, &model);
        let stream = ask.delivery.is_stream();
        let deadline = open.arrived + self.scenario.workload.deadline;
        let head_by = self.strategy.head_timeout().map_or(Moment::NEVER, |most| now + most);
        let reply = self.world.respond(now, &ask);
        let watch = Watch { now, deadline, head_by, silence: self.scenario.workload.silence_max };
        let (at, seen) = if stream { watch.stream(&reply) } else { watch.whole(&reply) };
        let event = Event::Ended { request, rung, seen: encode(seen), token: reply.token };
        self.push(at, event);
    }

    fn finish(&mut self, request: u64, seen: SeenKind, rung: usize) {
        let Some(open) = self.open.remove(&request) else { return };
        let tier = self.scenario.ladder.get(rung).map_or(Tier::Full, |rung| rung.tier);
        let verdict = match (seen, tier) {
            (SeenKind::Answered, Tier::Full) => Verdict::Full,
            (SeenKind::Answered, Tier::Degraded) => Verdict::Useful,
            (SeenKind::Status(status), _) => Verdict::Failed(Flaw::Status(status)),
            (SeenKind::Transport, _) => Verdict::Failed(Flaw::Disconnected),
            (SeenKind::Broken, _) => Verdict::Failed(Flaw::Cut),
            (SeenKind::TimedOut, _) => Verdict::Failed(Flaw::TooLate),
        };
        self.tally.record(open.arrived.since_zero(), &verdict, open.attempts);
    }

    fn push(&mut self, at: Moment, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at, self.order, event)));
    }
}

/// The provider and model of a rung for this request.
pub(crate) fn target<'s>(
    scenario: &'s Scenario,
    item: &WorkItem,
    rung: usize,
) -> Option<(&'s crate::ProviderSettings, String)> {
    let rung = scenario.ladder.get(rung)?;
    let provider = scenario.provider(&rung.provider)?;
    Some((provider, rung.model.clone().unwrap_or_else(|| item.model.clone())))
}

/// How long a client watches an attempt.
pub(crate) struct Watch {
    /// When the attempt began.
    pub(crate) now: Moment,
    /// When the client gives up waiting for the first token.
    pub(crate) deadline: Moment,
    /// When the strategy gives up waiting for the head.
    pub(crate) head_by: Moment,
    /// How long a begun stream may be silent.
    pub(crate) silence: Duration,
}

impl Watch {
    /// When and how a streamed attempt ends for its client.
    pub(crate) fn stream(&self, reply: &Reply) -> (Moment, Seen) {
        let ends = self.now + reply.ends_after;
        let first = reply.first_token_after.map(|after| self.now + after);
        match reply.outcome {
            Outcome::Status(status, retry_after) => {
                self.in_time(ends, Seen { kind: SeenKind::Status(status), retry_after })
            }
            Outcome::Transport => self.in_time(ends, SeenKind::Transport.into()),
            Outcome::Answered | Outcome::Broken | Outcome::Silent => {
                let head = self.now + reply.head_after;
                if !has_head(reply) || head > self.head_by {
                    return (self.head_by.min(self.deadline), SeenKind::TimedOut.into());
                }
                match (reply.outcome, first) {
                    (_, Some(first)) if first > self.deadline => self.late(),
                    (Outcome::Silent, None) => self.late(),
                    (Outcome::Silent, Some(_)) => (ends + self.silence, SeenKind::Broken.into()),
                    (Outcome::Broken, _) if ends > self.deadline && first.is_none() => self.late(),
                    (Outcome::Broken, _) => (ends, SeenKind::Broken.into()),
                    _ => (ends, SeenKind::Answered.into()),
                }
            }
        }
    }

    /// When and how an attempt at a whole answer ends for its client.
    pub(crate) fn whole(&self, reply: &Reply) -> (Moment, Seen) {
        let ends = self.now + reply.ends_after;
        let breaks = matches!(reply.steps.last().map(|s| &s.act), Some(Act::Reset | Act::Close));
        let seen = match reply.outcome {
            Outcome::Answered => SeenKind::Answered,
            Outcome::Broken if breaks => SeenKind::Transport,
            Outcome::Broken => SeenKind::Broken,
            Outcome::Transport => SeenKind::Transport,
            Outcome::Status(status, retry_after) => {
                return self.in_time(ends, Seen { kind: SeenKind::Status(status), retry_after });
            }
            Outcome::Silent if !has_head(reply) => {
                return (self.head_by.min(self.deadline), SeenKind::TimedOut.into());
            }
            Outcome::Silent => return self.late(),
        };
        self.in_time(ends, seen.into())
    }

    fn in_time(&self, at: Moment, seen: Seen) -> (Moment, Seen) {
        let limit = self.head_by.min(self.deadline);
        if at > limit { (limit, SeenKind::TimedOut.into()) } else { (at, seen) }
    }

    fn late(&self) -> (Moment, Seen) {
        (self.deadline, SeenKind::TimedOut.into())
    }
}

fn has_head(reply: &Reply) -> bool {
    reply.steps.iter().any(|step| matches!(step.act, Act::Head { .. }))
}

const fn encode(seen: Seen) -> SeenCode {
    let (code, status) = match seen.kind {
        SeenKind::Answered => (0, 0),
        SeenKind::Status(status) => (1, status),
        SeenKind::Transport => (2, 0),
        SeenKind::Broken => (3, 0),
        SeenKind::TimedOut => (4, 0),
    };
    (code, status, seen.retry_after)
}

const fn decode((code, status, retry_after): SeenCode) -> Seen {
    let kind = match code {
        0 => SeenKind::Answered,
        1 => SeenKind::Status(status),
        2 => SeenKind::Transport,
        3 => SeenKind::Broken,
        _ => SeenKind::TimedOut,
    };
    Seen { kind, retry_after }
}
