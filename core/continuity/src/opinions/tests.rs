use super::*;
use crate::candidate::tests::candidate;

const SHAPE: u64 = 7;

fn judge(
    opinions: &mut Opinions,
    secs: u64,
    target: u16,
    class: Class,
    opinion: SecondOpinion,
) -> Class {
    let at = candidate(target, 0);
    let failure = Failure::new(class, "");
    opinions.judge(Moment::from_secs(secs), (&at, SHAPE), failure, opinion).class
}

#[test]
fn one_in_ten_requests_may_be_asked_about_and_ten_saved_up() {
    let mut opinions = Opinions::new();
    assert_eq!((0..20).filter(|_| opinions.take()).count(), 10);
    for n in 1..=30 {
        opinions.deposit();
        assert_eq!(opinions.take(), n % 10 == 0, "request {n}");
    }
    (0..1000).for_each(|_| opinions.deposit());
    assert_eq!((0..20).filter(|_| opinions.take()).count(), 10);
}

#[test]
fn a_key_that_worked_a_minute_ago_is_not_wrong_now() {
    let mut opinions = Opinions::new();
    let refused = |opinions: &mut Opinions, secs| {
        judge(opinions, secs, 0, Class::AuthRefused, SecondOpinion::None)
    };
    assert_eq!(refused(&mut opinions, 0), Class::AuthRefused);
    opinions.handle_success(Moment::from_secs(10), &candidate(0, 0), SHAPE);
    assert_eq!(refused(&mut opinions, 60), Class::ServerError);
    // The run that began so goes on for ten minutes; then the key is taken for revoked.
    assert_eq!(refused(&mut opinions, 600), Class::ServerError);
    assert_eq!(refused(&mut opinions, 700), Class::AuthRefused);
}

#[test]
fn a_key_unused_for_long_is_believed_to_be_wrong() {
    let mut opinions = Opinions::new();
    opinions.handle_success(Moment::ZERO, &candidate(0, 0), SHAPE);
    let class = judge(&mut opinions, 100, 0, Class::AuthRefused, SecondOpinion::None);
    assert_eq!(class, Class::AuthRefused);
}

#[test]
fn all_keys_of_a_provider_refused_at_once_is_the_providers_fault() {
    let mut opinions = Opinions::new();
    let mut other = candidate(1, 0);
    other.provider = 0;
    opinions.handle_success(Moment::ZERO, &candidate(0, 0), SHAPE);
    opinions.handle_success(Moment::ZERO, &other, SHAPE);
    let class = judge(&mut opinions, 100, 0, Class::AuthRefused, SecondOpinion::None);
    assert_eq!(class, Class::AuthRefused);
    let failure = Failure::new(Class::AuthRefused, "");
    let now = Moment::from_secs(110);
    let judged = opinions.judge(now, (&other, SHAPE), failure, SecondOpinion::None);
    assert_eq!(judged.class, Class::ServerError);
}

#[test]
fn a_refusal_that_another_vendor_contradicts_is_not_the_callers() {
    let refused = |opinions: &mut Opinions, secs, opinion| {
        judge(opinions, secs, 0, Class::InvalidRequest, opinion)
    };
    let mut opinions = Opinions::new();
    for stands in [SecondOpinion::None, SecondOpinion::Agreed] {
        assert_eq!(refused(&mut opinions, 0, stands), Class::InvalidRequest);
    }
    // Never seen to work here: two vendors differ. Three times in a minute: it is broken.
    let answered = SecondOpinion::Answered;
    assert_eq!(refused(&mut opinions, 0, answered), Class::UnsupportedFeature);
    assert_eq!(refused(&mut opinions, 1, answered), Class::UnsupportedFeature);
    assert_eq!(refused(&mut opinions, 2, answered), Class::ServerError);
    // The same shape worked a minute ago: broken at once.
    let mut opinions = Opinions::new();
    opinions.handle_success(Moment::ZERO, &candidate(0, 0), SHAPE);
    assert_eq!(refused(&mut opinions, 60, answered), Class::ServerError);
    assert_eq!(refused(&mut opinions, 200, answered), Class::UnsupportedFeature);
}

#[test]
fn other_failures_stay_what_they_are() {
    let mut opinions = Opinions::new();
    for class in Class::ALL {
        if !matches!(class, Class::AuthRefused | Class::InvalidRequest) {
            let judged = judge(&mut opinions, 0, 0, *class, SecondOpinion::Answered);
            assert_eq!(judged, *class);
        }
    }
}
