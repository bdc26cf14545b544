use std::collections::BTreeMap;

use backstop_resilience::{Outlook, State};
use backstop_vocabulary::Tier;

use super::*;
use crate::candidate::tests::candidate;

/// Health as a script sets it; all else is well.
#[derive(Default)]
struct Script {
    outlooks: BTreeMap<usize, Outlook>,
    suspected: Vec<usize>,
    /// Half-open targets that want real traffic as their probe.
    probing: Vec<usize>,
    denied: Vec<Denied>,
}

/// What a script may switch off.
#[derive(PartialEq)]
enum Denied {
    Retries,
    Opinions,
    Share,
}

const WELL: Outlook = Outlook {
    state: State::Closed,
    share: 1.0,
    guards_itself: false,
    floor_rate: 1.0,
    floor_in_flight: 2,
    until: None,
    recent_failure_share: 0.0,
    clean: true,
    first_token_typical: Duration::from_secs(1),
    first_token_clock: Duration::from_secs(30),
    slow_after: Duration::from_secs(10),
    gap_clock: Duration::from_secs(30),
    whole_clock: Duration::from_secs(300),
    whole_slow_after: Duration::from_secs(100),
};

/// Health that is well everywhere.
pub(crate) fn well() -> impl Outlooks {
    Script::default()
}

impl Outlooks for Script {
    fn outlook(&self, target: usize, _now: Moment) -> Outlook {
        self.outlooks.get(&target).copied().unwrap_or(WELL)
    }

    fn suspected(&self, target: usize, _now: Moment) -> bool {
        self.suspected.contains(&target)
    }

    fn retry_allowed(&self, _target: usize, _now: Moment) -> bool {
        !self.denied.contains(&Denied::Retries)
    }

    fn last_resort_allowed(&self, _target: usize, _now: Moment) -> bool {
        true
    }

    fn may_use_share(&self, _target: usize, _now: Moment) -> bool {
        !self.denied.contains(&Denied::Share)
    }

    fn may_probe(&self, target: usize, _now: Moment) -> bool {
        self.probing.contains(&target)
    }

    fn opinion_allowed(&self, _now: Moment) -> bool {
        !self.denied.contains(&Denied::Opinions)
    }
}

/// A ladder such as `a@x a@x#2 | b@y | c@z:degraded`: model, vendor, credential; rungs between bars.
/// A target is called by its place: `0`, `1`, …
fn ladder(text: &str) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (rung, targets) in (0_u8..).zip(text.split('|')) {
        for word in targets.split_whitespace() {
            let (word, tier) = match word.strip_suffix(":degraded") {
                Some(word) => (word, Tier::Degraded),
                None => (word, Tier::Full),
            };
            let (word, key) = word.split_once('#').unwrap_or((word, "0"));
            let (model, vendor) = word.split_once('@').unwrap();
            let number = |text: &str| u16::from(text.as_bytes()[0]);
            let target = u16::try_from(candidates.len()).unwrap();
            let credential = number(vendor) * 10 + key.parse::<u16>().unwrap();
            candidates.push(Candidate {
                tier,
                vendor: number(vendor),
                provider: number(vendor),
                credential,
                model: number(model),
                pool: credential,
                ..candidate(target, rung)
            });
        }
    }
    candidates
}

fn secs(text: &str) -> Duration {
    Duration::from_secs_f64(text.strip_suffix('s').unwrap().parse().unwrap())
}

fn show(step: &Step) -> String {
    match step {
        Step::Attempt(attempt) => format!("{} {}", attempt.purpose.name(), attempt.candidate),
        Step::Wait(until) => format!("wait {:?}", until.since_zero()),
        Step::GiveUp(failure) => match failure.stay_away {
            Some(wait) => format!("give up {} {wait:?}", failure.class),
            None => format!("give up {}", failure.class),
        },
    }
}

/// Runs a script of lines `time facts => step`. Facts: `0 overloaded [asked]` (an attempt failed),
/// `0 refused until`, `0 is open [until]`, `0 mended class`, or `-`.
fn check_with(mut course: Course, mut health: Script, script: &str) {
    let mut chance = Chance::from_seed(1);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (facts, step) = line.split_once("=>").unwrap_or((line, ""));
        let words: Vec<&str> = facts.split_whitespace().collect();
        let now = Moment::ZERO + secs(words[0]);
        let duration = || {
            let last = words.last()?.strip_suffix('s')?;
            last.parse().ok().map(Duration::from_secs_f64)
        };
        match words[1..] {
            ["-"] => {}
            [target, "is", state, ..] => {
                let all = [
                    State::Closed,
                    State::Demoted,
                    State::Ramping,
                    State::HalfOpen,
                    State::Open,
                    State::Paused,
                    State::Blocked,
                ];
                let state = all.into_iter().find(|known| known.name() == state).unwrap();
                let share = match state {
                    State::Closed => 1.0,
                    State::Demoted | State::Ramping => 0.5,
                    State::HalfOpen | State::Open | State::Paused | State::Blocked => 0.0,
                };
                let until = duration().map(|until| Moment::ZERO + until);
                let target = target.parse().unwrap();
                health.outlooks.insert(target, Outlook { state, share, until, ..WELL });
            }
            [target, "refused", _] => {
                course.refused(target.parse().unwrap(), Moment::ZERO + duration().unwrap());
            }
            [target, "mended", class] => {
                let target = target.parse().unwrap();
                let failure = Failure::new(Class::from_code(class).unwrap(), "scripted");
                course.handle_failure(now, target, &failure);
                course.mend(target);
            }
            [target, class, ..] => {
                let class = Class::ALL.iter().find(|known| known.code() == class).unwrap();
                let failure = Failure::new(*class, "scripted").with_stay_away(duration());
                course.handle_failure(now, target.parse().unwrap(), &failure);
            }
            _ => panic!("not a line: {line}"),
        }
        if !step.is_empty() {
            let seen = show(&course.next(now, &health, &mut chance));
            let seen = seen.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
            let matches = step.trim() == seen
                || step
                    .trim()
                    .strip_suffix('…')
                    .is_some_and(|start| seen.starts_with(start.trim_end()));
            assert!(matches, "{line}\nseen: {seen}");
        }
    }
}

fn policy() -> CoursePolicy {
    CoursePolicy { trickle: 0.0, ..CoursePolicy::new(Moment::from_secs(60)) }
}

fn check(text: &str, script: &str) {
    check_with(Course::new(ladder(text), policy(), Moment::ZERO), Script::default(), script);
}

#[test]
fn goes_to_another_vendor_first_then_to_the_sibling() {
    check(
        "a@x b@x | c@y | d@z:degraded",
        "
        0s -                      => first…
        ",
    );
    check(
        "a@x | b@x | c@y | d@z:degraded",
        "
        0s -                      => first 0
        1s 0 connection_reset     => failover 2
        2s 2 connection_reset     => failover 1
        ",
    );
}

#[test]
fn leaves_a_credential_before_the_vendor() {
    check(
        "a@x#1 | a@x#2 | b@x#1 | c@y",
        "
        0s -                      => first 0
        1s 0 auth_refused         => failover 1
        2s 1 rate_limited 20s     => failover 3
        ",
    );
}

#[test]
fn an_overload_skips_the_model_on_all_keys() {
    check(
        "a@x#1 | a@x#2 | b@x#2",
        "
        0s -                      => first 0
        1s 0 overloaded           => failover 2
        ",
    );
}

#[test]
fn an_unreachable_address_skips_everything_behind_it() {
    check(
        "a@x#1 b@x#2 | c@x#3 | d@y:degraded",
        "
        0s 0 is open
        0s -                      => first 1
        1s 1 connect_failed       => wait 1.0…
        ",
    );
}

#[test]
fn replaces_a_stale_connection_twice_for_free() {
    check(
        "a@x | b@y",
        "
        0s -                      => first 0
        0s 0 stale_connection     => stale_retry 0
        0s 0 stale_connection     => stale_retry 0
        0s 0 stale_connection     => failover 1
        ",
    );
    let mut course = Course::new(ladder("a@x"), policy(), Moment::ZERO);
    let (health, mut chance) = (Script::default(), Chance::from_seed(1));
    course.next(Moment::ZERO, &health, &mut chance);
    course.handle_failure(Moment::ZERO, 0, &Failure::new(Class::StaleConnection, ""));
    course.next(Moment::ZERO, &health, &mut chance);
    assert_eq!(course.attempts(), 1);
}

#[test]
fn asks_a_target_once_more_for_free_when_its_request_could_be_mended() {
    check(
        "a@x | b@y",
        "
        0s -                            => first 0
        0s 0 mended signature_refused   => repair 0
        0s 0 signature_refused          => failover 1
        0s 1 mended unsupported_feature => repair 1
        0s 1 mended unsupported_feature => repair 1
        0s 1 mended signature_refused   => repair 1
        0s 1 mended unsupported_feature => give up signature_refused
        ",
    );
    // Not where it must not be asked at all, and not instead of a verdict.
    check(
        "a@x | b@y",
        "
        0s -                            => first 0
        0s 0 is paused 9s
        0s 0 mended signature_refused   => failover 1
        0s 1 mended content_refused     => give up content_refused
        ",
    );
    let few = CoursePolicy { attempts_max: 1, ..policy() };
    check_with(
        Course::new(ladder("a@x"), few, Moment::ZERO),
        Script::default(),
        "
        0s -                            => first 0
        0s 0 mended signature_refused   => repair 0
        0s 0 server_error               => give up rung_exhausted…
        ",
    );
}

#[test]
fn repeats_a_lone_server_error_at_once_when_nothing_of_its_tier_is_left() {
    check(
        "a@x | d@z:degraded",
        "
        0s -                      => first 0
        1s 0 server_error         => retry 0
        2s 0 server_error         => wait 2.1…
        ",
    );
}

#[test]
fn does_not_repeat_a_lone_server_error_without_a_clean_record_or_budget() {
    let mut health = Script::default();
    health.outlooks.insert(0, Outlook { clean: false, ..WELL });
    let course = || Course::new(ladder("a@x | d@z:degraded"), policy(), Moment::ZERO);
    check_with(course(), health, "0s - => first 0\n 1s 0 server_error => wait 1.0…");
    let health = Script { denied: vec![Denied::Retries], ..Script::default() };
    check_with(course(), health, "0s - => first 0\n 1s 0 server_error => failover 1");
}

#[test]
fn takes_a_lower_tier_only_when_the_upper_cannot_answer_in_time() {
    check(
        "a@x | d@z:degraded",
        "
        0s 0 is paused 20s        => wait 2…
        30s 0 is closed           => first 0
        31s 0 rate_limited 30s    => failover 1
        ",
    );
}

#[test]
fn takes_what_answers_in_time_before_what_is_too_slow() {
    let slow = |targets: &[usize]| {
        let typical = Outlook { first_token_typical: Duration::from_secs(70), ..WELL };
        let outlooks = targets.iter().map(|target| (*target, typical)).collect();
        Script { outlooks, ..Script::default() }
    };
    let course = || Course::new(ladder("a@x | b@y | d@z:degraded"), policy(), Moment::ZERO);
    check_with(course(), slow(&[0]), "0s - => first 1");
    check_with(course(), slow(&[0, 1]), "0s - => first 2\n1s 2 connection_reset => failover 0");
}

#[test]
fn waits_for_its_preferred_target_within_the_routes_patience() {
    let patient = CoursePolicy { patience: Duration::from_secs(3), ..policy() };
    let course = || Course::new(ladder("a@x | b@y"), patient, Moment::ZERO);
    check_with(
        course(),
        Script::default(),
        "
        0s -                      => first 0
        1s 0 rate_limited 2s      => wait 3s
        3s -                      => retry 0
        4s 0 rate_limited 1s      => failover 1
        ",
    );
    check_with(course(), Script::default(), "0s 0 is paused 4s => first 1");
    check_with(
        course(),
        Script::default(),
        "0s 0 is paused 2s => wait 2s\n2s 0 is closed => first 0",
    );
    check("a@x | b@y", "0s 0 is paused 2s => first 1");
}

#[test]
fn keeps_one_attempt_for_a_different_vendor() {
    check(
        "a@x b@x | c@x | d@x | e@x | f@z:degraded",
        "
        0s 1 is open
        0s -                      => first 0
        1s 0 connection_reset     => failover 2
        2s 2 connection_reset     => failover 3
        3s 3 connection_reset     => failover 4
        4s 4 connection_reset     => failover 5
        5s 5 connection_reset     => give up rung_exhausted 1s
        ",
    );
}

#[test]
fn makes_a_last_resort_at_each_vendor_when_all_are_open_then_takes_the_next_rung() {
    check(
        "a@x b@x | c@y | d@z:degraded",
        "
        0s 0 is open 9s
        0s 1 is open 7s
        0s 2 is open 5s
        0s -                      => last_resort 2
        1s 2 server_error         => last_resort 1
        2s 1 server_error         => failover 3
        3s 3 server_error         => retry 3
        ",
    );
    check(
        "a@x | d@z:degraded",
        "
        0s 0 is blocked 900s
        0s 1 is open 60s          => last_resort 1
        1s 1 overloaded           => give up…
        ",
    );
    check(
        "a@x | d@z:degraded",
        "
        0s 0 is blocked 900s      => first 1
        ",
    );
}

#[test]
fn an_open_suspected_or_demoted_target_is_left_for_a_well_one() {
    check("a@x | b@y", "0s 0 is open 9s => first 1");
    let suspected = Script { suspected: vec![0], ..Script::default() };
    let course = || Course::new(ladder("a@x | b@y"), policy(), Moment::ZERO);
    check_with(course(), suspected, "0s - => first 1\n 1s 1 connection_reset => failover 0");
    let no_share = || Script { denied: vec![Denied::Share], ..Script::default() };
    check_with(course(), no_share(), "0s 0 is demoted => first 1");
    check_with(course(), Script::default(), "0s 0 is demoted => first 0");
    let lone = || Course::new(ladder("a@x | d@z:degraded"), policy(), Moment::ZERO);
    check_with(lone(), no_share(), "0s 0 is demoted => first 0");
    check_with(
        lone(),
        no_share(),
        "0s 0 is ramping => first 1\n1s 1 connection_reset => failover 0",
    );
}

#[test]
fn nobody_waits_for_an_absurd_pause_and_the_client_hears_of_a_sane_one() {
    let patient = || CoursePolicy { deadline: Moment::from_secs(600), ..policy() };
    let course = |text: &str| Course::new(ladder(text), patient(), Moment::ZERO);
    let script = "
        0s 0 is paused 300s
        0s 1 is paused 290s       => give up rate_limited 290s
        ";
    check_with(course("a@x | b@y"), Script::default(), script);
    // Three days, of a limit that this request was the first to see.
    let script = "
        0s -                          => first 0
        1s 0 rate_limited 259200s     => give up rate_limited 900s
        ";
    check_with(course("a@x"), Script::default(), script);
    // Once the machines have taken it in.
    let mut health = Script::default();
    let until = Some(Moment::from_secs(301));
    health.outlooks.insert(0, Outlook { state: State::Paused, share: 0.0, until, ..WELL });
    let mut course = course("a@x");
    let limited =
        Failure::new(Class::RateLimited, "").with_stay_away(Some(Duration::from_secs(259_200)));
    course.handle_failure(Moment::from_secs(1), 0, &limited);
    let step = course.next(Moment::from_secs(1), &health, &mut Chance::from_seed(1));
    assert_eq!(show(&step), "give up rate_limited 300s");
}

#[test]
fn waiting_for_the_best_leaves_time_for_what_stands_below() {
    check(
        "a@x | d@z:degraded",
        "
        0s -                      => first 0
        1s 0 rate_limited 30s     => wait 31s
        31s -                     => retry 0
        32s 0 rate_limited 10s    => failover 1
        ",
    );
}

#[test]
fn one_that_merely_limits_its_growth_is_asked_before_a_lesser_one() {
    let growing = Outlook { state: State::Ramping, share: 0.5, guards_itself: true, ..WELL };
    let health = || Script {
        outlooks: BTreeMap::from([(0, growing)]),
        denied: vec![Denied::Share],
        ..Script::default()
    };
    let lone = Course::new(ladder("a@x | d@z:degraded"), policy(), Moment::ZERO);
    check_with(lone, health(), "0s - => first 0");
    // What is as good is still preferred, so that the growth is shared.
    let pair = Course::new(ladder("a@x | b@y | d@z:degraded"), policy(), Moment::ZERO);
    check_with(pair, health(), "0s - => first 1\n1s 1 connection_reset => failover 0");
}

#[test]
fn a_half_open_target_gets_a_request_as_its_probe_only_where_it_wants_one() {
    check("a@x | b@y", "0s 0 is half_open => first 1");
    let course = || Course::new(ladder("a@x | b@y"), policy(), Moment::ZERO);
    let probing = || Script { probing: vec![0], ..Script::default() };
    check_with(
        course(),
        probing(),
        "
        0s 0 is half_open         => probe 0
        1s 0 server_error         => failover 1
        ",
    );
    // A lease that is taken is not asked for again.
    check_with(
        course(),
        probing(),
        "
        0s 0 is half_open         => probe 0
        0s 0 refused 0s           => first 1
        ",
    );
    let lone = Course::new(ladder("a@x"), policy(), Moment::ZERO);
    check_with(
        lone,
        probing(),
        "
        0s 0 is half_open         => probe 0
        0s 0 refused 0s           => last_resort 0
        ",
    );
}

#[test]
fn the_trickle_leaves_what_is_not_well_alone() {
    let always = CoursePolicy { trickle: 1.0, ..policy() };
    let course = || Course::new(ladder("a@x | b@y | c@z"), always, Moment::ZERO);
    check_with(course(), Script::default(), "0s 1 is demoted => trickle 2");
    check_with(course(), Script::default(), "0s 0 is demoted => first 0");
    let suspected = Script { suspected: vec![1, 2], ..Script::default() };
    check_with(course(), suspected, "0s - => first 0\n1s 0 connection_reset => failover…");
}

#[test]
fn a_pause_that_claims_to_be_over_is_still_a_pause() {
    check("a@x", "1s 0 is paused 1s => give up rate_limited");
}

#[test]
fn asks_another_vendor_about_a_refusal_once() {
    check(
        "a@x | b@x | c@y | d@z",
        "
        0s -                      => first 0
        1s 0 invalid_request      => second_opinion 2
        2s 2 invalid_request      => give up invalid_request
        ",
    );
    check(
        "a@x | c@y | d@z",
        "
        0s -                      => first 0
        1s 0 invalid_request      => second_opinion 1
        2s 1 overloaded           => give up invalid_request
        ",
    );
    let course = Course::new(ladder("a@x | c@y"), policy(), Moment::ZERO);
    let health = Script { denied: vec![Denied::Opinions], ..Script::default() };
    check_with(course, health, "0s - => first 0\n1s 0 invalid_request => give up invalid_request");
}

#[test]
fn never_shops_for_a_laxer_model() {
    check("a@x | b@y", "0s - => first 0\n1s 0 content_refused => give up content_refused");
}

#[test]
fn takes_what_is_too_long_only_to_larger_windows_and_two_targets() {
    let mut candidates = ladder("a@x | b@y | c@z | d@w");
    candidates[0].context_tokens_max = Some(200_000);
    candidates[2].context_tokens_max = Some(1_000_000);
    candidates[3].context_tokens_max = Some(2_000_000);
    let course = Course::new(candidates, policy(), Moment::ZERO);
    check_with(
        course,
        Script::default(),
        "
        0s -                      => first 0
        1s 0 context_too_long     => failover 2
        2s 2 context_too_long     => give up context_too_long
        ",
    );
    check("a@x | b@y", "0s - => first 0\n1s 0 context_too_long => give up context_too_long");
}

#[test]
fn blames_the_request_only_when_nothing_else_stood_in_the_way() {
    let course = || Course::new(ladder("a@x | b@y"), policy(), Moment::ZERO);
    let health = || Script { denied: vec![Denied::Retries], ..Script::default() };
    check_with(
        course(),
        health(),
        "
        0s -                      => first 0
        1s 0 unsupported_feature  => failover 1
        2s 1 signature_refused    => give up unsupported_feature
        ",
    );
    check_with(
        course(),
        health(),
        "
        0s -                      => first 0
        1s 0 unsupported_feature  => failover 1
        2s 1 server_error         => give up rung_exhausted 1s
        ",
    );
}

#[test]
fn tells_the_client_the_smallest_wait_when_all_are_limited() {
    let course = || Course::new(ladder("a@x | b@y"), policy(), Moment::ZERO);
    let health = Script { denied: vec![Denied::Retries], ..Script::default() };
    check_with(
        course(),
        health,
        "
        0s -                      => first 0
        1s 0 rate_limited 90s     => failover 1
        2s 1 rate_limited 70s     => give up rate_limited 70s
        ",
    );
    check(
        "a@x | b@y",
        "
        0s 0 is paused 90s
        0s 1 is blocked 900s      => give up rung_exhausted 90s
        ",
    );
}

#[test]
fn whoever_was_told_to_come_back_may_even_when_the_budget_for_retries_is_spent() {
    check_with(
        Course::new(ladder("a@x"), policy(), Moment::ZERO),
        Script { denied: vec![Denied::Retries], ..Script::default() },
        "
        0s -                      => first 0
        1s 0 rate_limited 30s     => wait 31s
        31s -                     => retry 0
        32s 0 overloaded          => give up…
        ",
    );
}

#[test]
fn ends_at_the_deadline() {
    check(
        "a@x | b@y",
        "
        0s -                      => first 0
        60s 0 first_token_timeout => give up deadline_passed 1s
        ",
    );
}

#[test]
fn a_refused_attempt_does_not_count() {
    let mut course = Course::new(ladder("a@x | b@y"), policy(), Moment::ZERO);
    let (health, mut chance) = (Script::default(), Chance::from_seed(1));
    course.next(Moment::ZERO, &health, &mut chance);
    course.refused(0, Moment::from_secs(5));
    assert_eq!(course.attempts(), 0);
    let step = course.next(Moment::ZERO, &health, &mut chance);
    assert_eq!(show(&step), "first 1");
}

#[test]
fn leaves_room_for_another_attempt() {
    let mut health = Script::default();
    health.outlooks.insert(0, Outlook { first_token_clock: Duration::from_secs(59), ..WELL });
    let mut chance = Chance::from_seed(1);
    let by = |text: &str, policy: CoursePolicy, chance: &mut Chance| {
        let mut course = Course::new(ladder(text), policy, Moment::ZERO);
        match course.next(Moment::ZERO, &health, chance) {
            Step::Attempt(attempt) => attempt.first_token_by,
            Step::Wait(_) | Step::GiveUp(_) => Moment::NEVER,
        }
    };
    assert_eq!(by("a@x | b@y", policy(), &mut chance), Moment::from_secs(36));
    assert_eq!(by("a@x", policy(), &mut chance), Moment::from_secs(59));
    let short = CoursePolicy { first_token_max: Some(Duration::from_secs(3)), ..policy() };
    assert_eq!(by("a@x | b@y", short, &mut chance), Moment::from_secs(3));
}

#[test]
fn spreads_by_weight_and_keeps_the_trickle() {
    let mut candidates = ladder("a@x b@y c@z | d@w | e@v:degraded");
    (candidates[0].weight, candidates[1].weight, candidates[2].weight) = (80, 20, 0);
    let rules = CoursePolicy { trickle: 0.01, ..policy() };
    let (health, mut chance) = (Script::default(), Chance::from_seed(1));
    let mut seen = [0_u32; 5];
    for _ in 0..20_000 {
        let mut course = Course::new(candidates.clone(), rules, Moment::ZERO);
        if let Step::Attempt(attempt) = course.next(Moment::ZERO, &health, &mut chance) {
            seen[attempt.candidate] += 1;
        }
    }
    assert!((15_500..16_100).contains(&seen[0]) && (3_700..4_200).contains(&seen[1]), "{seen:?}");
    assert!((150..250).contains(&seen[3]) && seen[2] == 0 && seen[4] == 0, "{seen:?}");
}

#[test]
fn a_session_keeps_to_its_target_while_that_is_well() {
    let mut health = Script::default();
    let mut chance = Chance::from_seed(1);
    let mut first = |affinity: u64, health: &Script| {
        let rules = CoursePolicy { affinity: Some(affinity), ..policy() };
        let mut course = Course::new(ladder("a@x b@y c@z"), rules, Moment::ZERO);
        show(&course.next(Moment::ZERO, health, &mut chance))
    };
    let before: Vec<_> = (0..300).map(|session| first(session, &health)).collect();
    let again: Vec<_> = (0..300).map(|session| first(session, &health)).collect();
    assert_eq!(before, again);
    health.outlooks.insert(1, Outlook { state: State::Open, share: 0.0, ..WELL });
    for (session, before) in before.iter().enumerate() {
        let after = first(session as u64, &health);
        assert!(before == "first 1" || *before == after, "{before} {after}");
    }
    let each = |n: usize| before.iter().filter(|step| **step == format!("first {n}")).count();
    assert!((0..3).all(|n| (60..140).contains(&each(n))), "{before:?}");
}

#[test]
fn says_why_no_target_can_serve() {
    let mut candidates = ladder("a@x | b@y");
    candidates[0].standing = Err(crate::Unfit::Request("lacks tools".into()));
    candidates[1].standing = Err(crate::Unfit::Forbidden);
    let mut course = Course::new(candidates, policy(), Moment::ZERO);
    let step = course.next(Moment::ZERO, &Script::default(), &mut Chance::from_seed(1));
    let Step::GiveUp(failure) = step else { panic!("{step:?}") };
    assert_eq!(failure.class, Class::NoTarget);
    assert!(failure.message.contains("lacks tools"), "{failure}");
}

#[test]
fn a_ladder_that_leads_nowhere_but_back_says_so() {
    let (health, mut chance) = (Script::default(), Chance::from_seed(1));
    for (text, class) in [("a@x", Class::LoopDetected), ("a@x | b@y", Class::RungExhausted)] {
        let mut course = Course::new(ladder(text), policy(), Moment::ZERO);
        let mut now = Moment::ZERO;
        let failure = loop {
            match course.next(now, &health, &mut chance) {
                Step::Attempt(attempt) => {
                    let looped = attempt.candidate == 0;
                    let class = if looped { Class::LoopDetected } else { Class::AuthRefused };
                    course.handle_failure(now, attempt.candidate, &Failure::new(class, ""));
                }
                Step::Wait(until) => now = until,
                Step::GiveUp(failure) => break failure,
            }
        };
        assert_eq!(failure.class, class, "{text}");
    }
}

#[test]
fn names_what_was_tried() {
    let mut course = Course::new(ladder("a@x | b@y"), policy(), Moment::ZERO);
    let health = Script { denied: vec![Denied::Retries], ..Script::default() };
    let mut chance = Chance::from_seed(1);
    let message = loop {
        match course.next(Moment::ZERO, &health, &mut chance) {
            Step::Attempt(attempt) => {
                let failure = Failure::new(Class::Overloaded, "");
                course.handle_failure(Moment::ZERO, attempt.candidate, &failure);
            }
            Step::Wait(_) => panic!("nothing to wait for"),
            Step::GiveUp(failure) => break failure.message,
        }
    };
    let expected = "no target of the ladder could answer; 2 attempts at 2 vendors: overloaded ×2";
    assert_eq!(&*message, expected);
}

#[test]
fn continues_a_broken_stream_elsewhere() {
    let mut course = Course::new(ladder("a@x | b@x | c@y"), policy(), Moment::ZERO);
    let (health, mut chance) = (Script::default(), Chance::from_seed(1));
    course.next(Moment::ZERO, &health, &mut chance);
    let late = Moment::from_secs(100);
    course.handle_failure(late, 0, &Failure::new(Class::StreamCut, ""));
    course.begin_resume(Moment::from_secs(130));
    assert_eq!(show(&course.next(late, &health, &mut chance)), "resume 2");
}

#[test]
fn plans_without_changing_anything() {
    let course = Course::new(ladder("a@x | b@y | d@z:degraded"), policy(), Moment::ZERO);
    let mut health = Script::default();
    health.outlooks.insert(1, Outlook { state: State::Blocked, share: 0.0, ..WELL });
    let plan = course.plan(Moment::ZERO, &health);
    let turns: Vec<_> = plan.iter().map(|prospect| (prospect.candidate, prospect.turn)).collect();
    let expected = [
        (0, Some((1, AttemptPurpose::First))),
        (2, Some((2, AttemptPurpose::Failover))),
        (1, None),
    ];
    assert_eq!(turns, expected);
    assert_eq!(course.attempts(), 0);
}

#[test]
fn the_last_attempt_goes_to_a_lower_tier_that_was_not_tried() {
    let mut course = Course::new(ladder("a@x | b@y | d@z:degraded"), policy(), Moment::ZERO);
    let (health, mut chance) = (Script::default(), Chance::from_seed(1));
    let mut now = Moment::ZERO;
    let mut tried = Vec::new();
    loop {
        match course.next(now, &health, &mut chance) {
            Step::Attempt(attempt) => {
                tried.push(attempt.candidate);
                course.handle_failure(now, attempt.candidate, &Failure::new(Class::Overloaded, ""));
            }
            Step::Wait(until) => now = until,
            Step::GiveUp(_) => break,
        }
    }
    assert_eq!((tried.len(), tried.last()), (5, Some(&2)), "{tried:?}");
}

#[test]
fn a_broken_stream_is_not_continued_by_the_target_that_broke_it() {
    let mut course = Course::new(ladder("a@x | d@z:degraded"), policy(), Moment::ZERO);
    let (health, mut chance) = (Script::default(), Chance::from_seed(1));
    assert_eq!(show(&course.next(Moment::ZERO, &health, &mut chance)), "first 0");
    course.handle_failure(Moment::ZERO, 0, &Failure::new(Class::StreamCut, ""));
    course.begin_resume(Moment::from_secs(60));
    assert_eq!(show(&course.next(Moment::from_secs(1), &health, &mut chance)), "resume 1");
    // Alone, it gets the chance.
    let mut alone = Course::new(ladder("a@x"), policy(), Moment::ZERO);
    alone.next(Moment::ZERO, &health, &mut chance);
    alone.handle_failure(Moment::ZERO, 0, &Failure::new(Class::StreamCut, ""));
    alone.begin_resume(Moment::from_secs(60));
    assert!(!matches!(alone.next(Moment::from_secs(1), &health, &mut chance), Step::GiveUp(_)));
}

#[test]
fn those_who_wait_for_one_pause_do_not_all_go_at_its_end() {
    let mut health = Script::default();
    let until = Some(Moment::from_secs(20));
    health.outlooks.insert(0, Outlook { state: State::Paused, share: 0.0, until, ..WELL });
    let mut chance = Chance::from_seed(1);
    let mut moments: Vec<_> = (0..20)
        .map(|_| {
            let mut course = Course::new(ladder("a@x"), policy(), Moment::ZERO);
            match course.next(Moment::ZERO, &health, &mut chance) {
                Step::Wait(until) => until.since_zero(),
                other @ (Step::Attempt(_) | Step::GiveUp(_)) => panic!("{}", show(&other)),
            }
        })
        .collect();
    moments.sort();
    assert!(moments[0] >= Duration::from_secs(20) && moments[19] <= Duration::from_secs(30));
    assert!(moments[19] > moments[0] + Duration::from_secs(5), "{moments:?}");
}

#[test]
fn waits_for_what_is_soon_back_when_nothing_else_is_left() {
    let waits = |until_s: u64| {
        let mut health = Script::default();
        let until = Some(Moment::from_secs(until_s));
        let away = Outlook { state: State::Open, share: 0.0, until, ..WELL };
        health.outlooks.insert(0, away);
        let mut course = Course::new(ladder("a@x"), policy(), Moment::ZERO);
        let mut chance = Chance::from_seed(1);
        course.next(Moment::ZERO, &health, &mut chance);
        course.handle_failure(Moment::ZERO, 0, &Failure::new(Class::Overloaded, ""));
        show(&course.next(Moment::from_secs(1), &health, &mut chance))
    };
    assert!(waits(10).starts_with("wait 10."), "{}", waits(10));
    assert!(waits(40).starts_with("give up rung_exhausted"), "{}", waits(40));
}
