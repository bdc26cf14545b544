use std::time::Duration;

use backstop_vocabulary::{Dialect, Moment};

use crate::{
    Act, Ask, Behaviour, Connecting, Continuation, ContinuationMix, Delivery, Ear, Flaw, Heard,
    Intake, Knobs, Outcome, Reply, RequestHead, Scenario, Scope, Severity, Symptom, Workload,
    World,
};

const HEALTHY: &str = include_str!("../../../../scenarios/healthy.yaml");

fn quiet() -> Scenario {
    let text = HEALTHY.replace("server_errors: 0.5%", "server_errors: 0%");
    let text = text.replace("rate_limits: 1%", "rate_limits: 0%");
    Scenario::read(&text.replace("rate_limits: 2%", "rate_limits: 0%")).unwrap()
}

fn hit(symptom: Symptom) -> World {
    let mut world = World::new(&quiet(), Severity::Mid, 3);
    let scope = Scope::default();
    world.set_behaviours(vec![Behaviour { scope, symptom, share: 1.0 }]);
    world
}

fn body(reply: &Reply) -> Vec<u8> {
    let chunks = reply.steps.iter().filter_map(|step| match &step.act {
        Act::Chunk(bytes) => Some(bytes.to_vec()),
        Act::Head { .. }
        | Act::End
        | Act::Reset
        | Act::Close
        | Act::Hang
        | Act::Refuse
        | Act::Garbage => None,
    });
    chunks.collect::<Vec<_>>().concat()
}

fn hear(ask: &Ask, reply: &Reply) -> Result<Heard, Flaw> {
    let mut ear = Ear::new(ask.dialect, ask.delivery);
    // Odd pieces, so that frames are cut anywhere.
    body(reply).chunks(7).for_each(|piece| ear.feed(piece));
    ear.finish()
}

/// Every dialect and delivery of a prompt for text.
fn asks() -> Vec<Ask> {
    let mut asks = Vec::new();
    for (provider, dialect, model) in [
        ("anthropic", Dialect::AnthropicMessages, "claude-opus-4-6"),
        ("openai", Dialect::OpenaiChat, "gpt-5.6"),
    ] {
        for delivery in [Delivery::Unary, Delivery::Stream, Delivery::StreamWithUsage] {
            let ask = Ask::text(provider, dialect, model, "[api/1] hello");
            asks.push(Ask { delivery, ..ask });
        }
    }
    asks
}

#[test]
fn what_a_strict_client_hears_is_what_the_world_knows_for_every_symptom() {
    let knobs = Knobs { bytes: Some(100_000), ..Knobs::default() };
    for (name, _) in Symptom::ALL {
        let symptom = Symptom::named(name, &knobs).unwrap();
        for ask in asks() {
            let reply = hit(symptom).respond(Moment::ZERO, &ask);
            let heard = hear(&ask, &reply);
            let context = format!("{name} {:?} {:?} {heard:?}", ask.dialect, ask.delivery);
            match reply.outcome {
                // A Chat stream without `[DONE]` is whole to its clients; the strict ear wants it.
                Outcome::Answered
                    if symptom == Symptom::MissingDone && ask.delivery.is_stream() =>
                {
                    assert_eq!(heard, Err(Flaw::Cut), "{context}");
                }
                Outcome::Answered => {
                    assert!(crate::is_sealed(&heard.expect(&context).text), "{context}");
                }
                Outcome::Broken | Outcome::Silent | Outcome::Transport | Outcome::Status(..) => {
                    assert!(heard.is_err(), "{context}");
                }
            }
        }
    }
}

#[test]
fn every_item_of_the_workload_passes_its_own_check_through_the_wire_and_the_rules() {
    let scenario = quiet();
    let mut world = World::new(&scenario, Severity::Mid, 3);
    for arrival in Workload::new(&scenario, 9).take(500) {
        let item = arrival.item;
        // Each asks the provider of its own dialect, by its own bytes.
        let (name, key) = match item.dialect {
            Dialect::AnthropicMessages => ("anthropic", ("x-api-key", "k")),
            Dialect::OpenaiChat
            | Dialect::OpenaiResponses
            | Dialect::Gemini
            | Dialect::BedrockConverse => ("local", ("authorization", "Bearer k")),
        };
        let mut settings = scenario.provider(name).unwrap().clone();
        settings.models = vec!["*".to_owned()];
        let headers = vec![key, ("anthropic-version", "2026-10-21")];
        let head = RequestHead { method: "POST", path: &item.path(), headers };
        let Ok(Intake::Ask(ask)) = Intake::read(&settings, &head, &item.body()) else {
            panic!("{item:?}")
        };
        assert_eq!(ask.population.as_deref(), Some("api"));
        let reply = world.respond(arrival.at, &ask);
        let heard = hear(&ask, &reply).unwrap();
        assert_eq!(item.check(&heard), Ok(()), "{heard:?}");
        let direct = item.ask(&settings, &item.model);
        assert_eq!(
            (ask.prompt, &ask.tools, &ask.schema),
            (direct.prompt, &direct.tools, &direct.schema)
        );
    }
}

#[test]
fn repeats_from_a_seed() {
    let scenario = Scenario::read(HEALTHY).unwrap();
    let run = |seed| -> Vec<Reply> {
        let mut world = World::new(&scenario, Severity::Mid, seed);
        let arrivals = Workload::new(&scenario, 1).take(300);
        let provider = &scenario.providers[0];
        arrivals.map(|it| world.respond(it.at, &it.item.ask(provider, &it.item.model))).collect()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_continuation_fits_what_was_delivered_in_each_mode() {
    let whole = hear(&asks()[0], &hit(Symptom::MissingDone).respond(Moment::ZERO, &asks()[0]))
        .unwrap()
        .text;
    let cut = whole.char_indices().nth(90).unwrap().0;
    let nothing = ContinuationMix { exact: 0.0, overlap: 0.0, start_over: 0.0, rephrase: 0.0 };
    let said = |mix, prefill| {
        let mut scenario = quiet();
        scenario.continuation = mix;
        let continuation = Some(Continuation { partial: whole[..cut].to_owned(), prefill });
        let ask = Ask { continuation, ..asks()[4].clone() };
        let reply = World::new(&scenario, Severity::Mid, 1).respond(Moment::ZERO, &ask);
        hear(&ask, &reply).unwrap().text
    };
    assert_eq!(said(ContinuationMix { exact: 1.0, ..nothing }, false), whole[cut..]);
    assert_eq!(said(ContinuationMix { start_over: 1.0, ..nothing }, true), whole[cut..]);
    assert_eq!(said(ContinuationMix { start_over: 1.0, ..nothing }, false), whole);
    let overlap = said(ContinuationMix { overlap: 1.0, ..nothing }, false);
    assert!(whole.ends_with(&overlap) && overlap.len() > whole.len() - cut, "{overlap}");
    let other = said(ContinuationMix { rephrase: 1.0, ..nothing }, false);
    assert!(!whole.ends_with(&other) && crate::is_sealed(&other), "{other}");
}

#[test]
fn a_full_provider_refuses_and_a_finished_request_makes_room() {
    let mut scenario = quiet();
    scenario.providers[0].concurrency_max = 2;
    let mut world = World::new(&scenario, Severity::Mid, 1);
    let ask = asks()[0].clone();
    let first = world.respond(Moment::ZERO, &ask);
    let _second = world.respond(Moment::ZERO, &ask);
    assert_eq!(world.in_flight(Moment::ZERO, "anthropic"), 2);
    let third = world.respond(Moment::ZERO, &ask);
    assert_eq!((third.outcome, third.token), (Outcome::Status(529, None), None));
    world.finished(Moment::ZERO, first.token.unwrap());
    assert_eq!(world.respond(Moment::ZERO, &ask).outcome, Outcome::Answered);
}

#[test]
fn a_provider_that_minds_growth_throttles_and_then_lets_in() {
    let mut scenario = quiet();
    scenario.providers[0].ramp = Some(crate::Ramp { free_per_minute: 10, growth: 2.0 });
    let mut world = World::new(&scenario, Severity::Mid, 1);
    let mut let_in = Vec::new();
    for minute in 0..4 {
        let at = |nth: u64| Moment::from_millis(minute * 60_000 + nth * 600);
        let answered =
            (0..100).filter(|nth| world.respond(at(*nth), &asks()[0]).outcome == Outcome::Answered);
        let_in.push(answered.count());
    }
    assert_eq!(let_in, [10, 20, 40, 80]);
}

#[test]
fn connection_faults_show_when_connecting_and_are_not_drawn_twice() {
    let mut world = hit(Symptom::Dns);
    assert_eq!(world.connect(Moment::ZERO, "openai"), Connecting::NoName);
    let fresh = Ask { fresh_connection: true, ..asks()[0].clone() };
    assert_eq!(world.respond(Moment::ZERO, &fresh).outcome, Outcome::Answered);
    assert_eq!(world.respond(Moment::ZERO, &asks()[0]).outcome, Outcome::Transport);
}

#[test]
fn a_scope_hits_nobody_else() {
    let mut world = hit(Symptom::HangBeforeHeaders);
    let scope = Scope {
        providers: vec!["anthropic".to_owned()],
        models: vec!["claude-opus-*".to_owned()],
        populations: vec!["api".to_owned()],
        methods: vec!["stream".to_owned()],
        ..Scope::default()
    };
    let symptom = Symptom::StallThenSuccess(Duration::from_secs(30));
    world.set_behaviours(vec![Behaviour { scope, symptom, share: 1.0 }]);
    let stream = asks()[1].clone();
    let slow = |world: &mut World, ask: &Ask| {
        world.respond(Moment::ZERO, ask).head_after > Duration::from_secs(29)
    };
    assert!(slow(&mut world, &stream));
    assert!(!slow(&mut world, &asks()[0]), "another method");
    assert!(!slow(&mut world, &asks()[4]), "another provider");
    let haiku = Ask { model: "claude-haiku-4-5".to_owned(), ..stream.clone() };
    assert!(!slow(&mut world, &haiku), "another model");
    assert!(!slow(&mut world, &Ask { population: None, ..stream }), "another population");
}

#[test]
fn the_share_of_a_phase_is_the_share_of_requests_hit() {
    let text = include_str!("../../../../scenarios/2026-06-16.yaml");
    let scenario = Scenario::read(text).unwrap();
    let mut world = World::new(&scenario, Severity::Mid, 5);
    let during = Moment::ZERO + scenario.phases[1].from + Duration::from_secs(60);
    let mut hits = 0;
    for nth in 0..10_000 {
        let reply = world.respond(during, &asks()[nth % 3]);
        hits += u32::from(reply.symptom.is_some());
        if let Some(token) = reply.token {
            world.finished(during, token);
        }
    }
    assert!((900..1100).contains(&hits), "{hits}");
}

#[test]
fn a_phase_hits_its_share_of_all_requests_also_where_connections_fail_first() {
    const DOWN: &str = include_str!("../../../../scenarios/vendor-down-12h.yaml");
    let scenario = Scenario::read(DOWN).unwrap();
    let now = Moment::from_secs(2 * 3600);
    for (severity, expected) in [(Severity::Low, 90), (Severity::Mid, 100)] {
        let mut world = World::new(&scenario, severity, 7);
        let mut ask =
            Ask::text("anthropic", Dialect::AnthropicMessages, "claude-opus-4-6", "[api/1] hello");
        ask.fresh_connection = true;
        let mut hits = 0;
        for _ in 0..10_000 {
            let connected = world.connect(now, "anthropic") == Connecting::Accepted;
            if !connected {
                hits += 1;
                continue;
            }
            let reply = world.respond(now, &ask);
            hits += u32::from(reply.symptom.is_some());
            if let Some(token) = reply.token {
                world.finished(now, token);
            }
        }
        let share = f64::from(hits) / 100.0;
        assert!((share - f64::from(expected)).abs() < 1.0, "{severity}: {share} %");
    }
}

#[test]
fn a_phase_that_hits_all_spares_no_request_on_a_fresh_connection() {
    const DOWN: &str = include_str!("../../../../scenarios/vendor-down-12h.yaml");
    let scenario = Scenario::read(DOWN).unwrap();
    let now = Moment::from_secs(2 * 3600);
    let mut fresh =
        Ask::text("anthropic", Dialect::AnthropicMessages, "claude-opus-4-6", "[api/1] hello");
    fresh.fresh_connection = true;
    for severity in [Severity::Mid, Severity::High] {
        let mut world = World::new(&scenario, severity, 11);
        let (mut refused, mut failed) = (0, 0);
        for nth in 0..20_000 {
            if world.connect(now, "anthropic") == Connecting::Accepted {
                let reply = world.respond(now, &fresh);
                if let Some(token) = reply.token {
                    world.finished(now, token);
                }
                // The error of a good day may come before the symptom.
                assert_ne!(reply.outcome, Outcome::Answered, "{severity} {nth}");
                failed += 1;
            } else {
                refused += 1;
            }
        }
        assert!(refused > 1000 && failed > 1000, "{severity}: both kinds, {refused} {failed}");
    }
}
