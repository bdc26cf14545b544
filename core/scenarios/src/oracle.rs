use std::time::Duration;

use backstop_vocabulary::{Moment, Tier};

use crate::baseline::{Watch, target};
use crate::seen::SeenKind;
use crate::{Flaw, Scenario, Severity, Tally, Verdict, Workload, World};

/// What someone would reach who knows who is up: a request is answered if, at its arrival, any rung
/// of the scenario's ladder would answer it in time, with room for it. One attempt each.
///
/// It never waits and never tries a rung twice, so a gateway that does both may do a little better.
pub fn oracle(scenario: &Scenario, severity: Severity, seed: u64) -> Tally {
    let mut world = World::new(scenario, severity, seed);
    let mut tally = Tally::new(scenario);
    for arrival in Workload::new(scenario, seed) {
        let now = arrival.at;
        let watch = Watch {
            now,
            deadline: now + scenario.workload.deadline,
            head_by: Moment::NEVER,
            silence: Duration::ZERO,
        };
        let mut verdict = Verdict::Failed(Flaw::Status(503));
        for (nth, rung) in scenario.ladder.iter().enumerate() {
            let Some((provider, model)) = target(scenario, &arrival.item, nth) else { continue };
            let ask = arrival.item.ask(provider, &model);
            let reply = world.respond(now, &ask);
            let stream = ask.delivery.is_stream();
            let (_, seen) = if stream { watch.stream(&reply) } else { watch.whole(&reply) };
            if seen.kind == SeenKind::Answered {
                verdict = match rung.tier {
                    Tier::Full => Verdict::Full,
                    Tier::Degraded => Verdict::Useful,
                };
                break;
            }
            if let Some(token) = reply.token {
                world.finished(now, token);
            }
        }
        tally.record(now.since_zero(), &verdict, 1);
    }
    tally
}
