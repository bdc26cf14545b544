use super::*;
use crate::candidate::tests::candidate;

/// Two keys with two models each at one provider (targets 0 to 3), and another provider (4).
fn targets() -> Vec<Candidate> {
    let mut all: Vec<_> = (0..5).map(|n| candidate(n, 0)).collect();
    for (n, target) in (0_u16..4).zip(&mut all) {
        (target.provider, target.credential, target.model) = (0, n / 2, n % 2);
    }
    all
}

struct Case {
    rollups: Rollups,
    targets: Vec<Candidate>,
}

impl Case {
    fn new() -> Self {
        Self { rollups: Rollups::new(&targets()), targets: targets() }
    }

    fn fail(&mut self, secs: u64, target: usize, class: Class) {
        let failure = Failure::new(class, "");
        self.rollups.handle_failure(Moment::from_secs(secs), &self.targets[target], &failure);
    }

    fn succeed(&mut self, secs: u64, target: usize) {
        self.rollups.handle_success(Moment::from_secs(secs), &self.targets[target], 1);
    }

    fn suspected(&self, secs: u64) -> Vec<usize> {
        let now = Moment::from_secs(secs);
        let suspected = |target: &&Candidate| self.rollups.suspected(now, target);
        self.targets.iter().filter(suspected).map(|target| target.target).collect()
    }
}

#[test]
fn two_failures_on_the_way_without_a_success_between_make_a_provider_suspect() {
    let mut case = Case::new();
    case.fail(0, 0, Class::ConnectFailed);
    case.succeed(1, 1);
    case.fail(2, 0, Class::ConnectFailed);
    assert!(case.suspected(2).is_empty());
    case.fail(3, 1, Class::TlsFailed);
    assert_eq!(case.suspected(3), [0, 1, 2, 3]);
    assert!(case.suspected(33).is_empty());
}

#[test]
fn a_success_lifts_the_suspicion_for_its_own_target_only() {
    let mut case = Case::new();
    case.fail(0, 0, Class::DnsFailed);
    case.fail(0, 1, Class::DnsFailed);
    case.succeed(1, 2);
    assert_eq!(case.suspected(1), [0, 1, 3]);
}

#[test]
fn refused_keys_count_only_when_all_of_them_are() {
    let mut case = Case::new();
    case.fail(0, 0, Class::AuthRefused);
    case.fail(0, 1, Class::AuthRefused);
    assert!(case.suspected(0).is_empty());
    case.fail(1, 2, Class::AuthRefused);
    assert_eq!(case.suspected(1), [0, 1, 2, 3]);
    // The only key of a provider says nothing about the provider.
    let mut case = Case::new();
    case.fail(0, 4, Class::AuthRefused);
    assert!(case.suspected(0).is_empty());
}

#[test]
fn one_failing_model_says_nothing_about_the_others() {
    let mut case = Case::new();
    for _ in 0..20 {
        case.fail(0, 0, Class::Overloaded);
        case.fail(0, 2, Class::Overloaded);
    }
    assert!(case.suspected(0).is_empty());
    for n in 0..5 {
        assert!(case.suspected(0).is_empty(), "after {n} samples of the second model");
        case.fail(0, 1, Class::ServerError);
    }
    assert_eq!(case.suspected(0), [0, 1, 2, 3]);
}

#[test]
fn a_model_that_does_well_stands_for_its_provider() {
    let mut case = Case::new();
    for _ in 0..5 {
        case.succeed(0, 1);
    }
    for _ in 0..20 {
        case.fail(1, 0, Class::ServerError);
    }
    assert!(case.suspected(1).is_empty());
}

#[test]
fn faults_of_the_caller_and_rate_limits_are_no_evidence() {
    let mut case = Case::new();
    for target in [0, 1].repeat(20) {
        case.fail(0, target, Class::InvalidRequest);
        case.fail(0, target, Class::RateLimited);
    }
    assert!(case.suspected(0).is_empty());
}
