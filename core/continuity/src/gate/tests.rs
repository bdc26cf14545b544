use super::*;
use backstop_exchange::ToolKind;
use backstop_vocabulary::{Class, Failure, Usage};
use proptest::prelude::*;

fn text(piece: &str) -> Event {
    Event::Text(piece.to_owned())
}

fn tool(ordinal: u32) -> Event {
    Event::ToolStart { ordinal, id: "id".into(), name: "name".into(), kind: ToolKind::Function }
}

fn arguments(ordinal: u32) -> Event {
    Event::ToolArguments { ordinal, fragment: "{}".into() }
}

fn gate() -> Gate {
    Gate::new(Hold::UntilContent, AfterCommit::Resume)
}

fn start() -> Event {
    Event::Start { id: String::new(), model: String::new() }
}

fn check(gate: &mut Gate, script: &[(Event, Pass)]) {
    for (event, pass) in script {
        assert_eq!(gate.take(event), *pass, "{event:?}");
    }
}

#[test]
fn commits_at_the_first_meaningful_delta_and_not_at_signs_of_life() {
    let mut gate = gate();
    check(
        &mut gate,
        &[
            (start(), Pass::Hold),
            (Event::Ping, Pass::Hold),
            (Event::Usage(Usage::default()), Pass::Hold),
            (text("a"), Pass::Release),
            (Event::Ping, Pass::Release),
            (text("b"), Pass::Release),
        ],
    );
    assert_eq!(gate.delivered(), "ab");
    assert!(gate.is_text_open());
}

#[test]
fn reasoning_commits_unless_it_is_to_be_held() {
    let reasoning = Event::Reasoning("hm".into());
    assert_eq!(gate().take(&reasoning), Pass::Release);
    let mut held = Gate::new(Hold::UntilText, AfterCommit::Resume);
    assert_eq!(held.take(&reasoning), Pass::Hold);
    assert_eq!(held.clone().on_break(), Break::Failover);
    assert_eq!(held.take(&text("a")), Pass::Release);
}

#[test]
fn a_reasoning_that_was_sent_alone_may_be_resumed_with_nothing() {
    let mut gate = gate();
    gate.take(&Event::Reasoning("hm".into()));
    assert_eq!(gate.on_break(), Break::Resume);
    assert_eq!(gate.delivered(), "");
}

#[test]
fn holds_a_call_until_it_ends_and_text_between_calls_with_it() {
    let mut gate = Gate::new(Hold::UntilContent, AfterCommit::Error);
    check(
        &mut gate,
        &[
            (text("a"), Pass::Release),
            (tool(0), Pass::Hold),
            (arguments(0), Pass::Hold),
            (tool(1), Pass::Hold),
            (Event::ToolEnd { ordinal: 0 }, Pass::Hold),
            (text("b"), Pass::Hold),
            (Event::ToolEnd { ordinal: 1 }, Pass::Release),
        ],
    );
    assert_eq!(gate.calls(), 2);
    assert_eq!(gate.on_break(), Break::Error);
}

#[test]
fn holds_finished_calls_until_no_other_can_follow_while_a_resume_is_possible() {
    let mut gate = gate();
    let call = |ordinal| [tool(ordinal), arguments(ordinal), Event::ToolEnd { ordinal }];
    assert_eq!(gate.take(&text("a")), Pass::Release);
    assert_eq!(gate.take_all(&call(0)), Pass::Hold);
    let mut broken = gate.clone();
    assert_eq!((broken.on_break(), broken.calls(), broken.delivered()), (Break::Resume, 0, "a"));
    // The one who goes on gets no second chance, so that nothing is gained by holding.
    assert_eq!(broken.take_all(&call(0)), Pass::Release);
    assert_eq!(gate.take_all(&call(1)), Pass::Hold);
    assert_eq!(gate.take(&Event::Finish(Finish::ToolUse)), Pass::Release);
    assert_eq!((gate.calls(), gate.delivered()), (2, "a"));
}

#[test]
fn a_frame_that_ends_a_call_and_begins_another_is_held_whole() {
    let mut gate = Gate::new(Hold::UntilContent, AfterCommit::Error);
    gate.take_all(&[start(), tool(0), arguments(0)]);
    assert_eq!(gate.take_all(&[Event::ToolEnd { ordinal: 0 }, tool(1)]), Pass::Hold);
    assert_eq!(gate.calls(), 0);
    assert_eq!(gate.take_all(&[Event::ToolEnd { ordinal: 1 }]), Pass::Release);
    assert_eq!(gate.calls(), 2);
}

#[test]
fn a_call_that_broke_before_anything_was_sent_is_an_ordinary_failover() {
    let mut gate = gate();
    gate.take_all(&[start(), tool(0), arguments(0)]);
    assert_eq!(gate.on_break(), Break::Failover);
    // The next target begins afresh.
    assert_eq!(gate.take(&start()), Pass::Hold);
    assert_eq!(gate.take(&text("a")), Pass::Release);
}

#[test]
fn text_before_a_broken_call_may_be_resumed_once() {
    let mut gate = gate();
    check(&mut gate, &[(text("a"), Pass::Release), (tool(0), Pass::Hold)]);
    assert_eq!(gate.on_break(), Break::Resume);
    assert_eq!(gate.delivered(), "a");
    assert_eq!(gate.take(&text("b")), Pass::Release);
    assert_eq!(gate.on_break(), Break::Error);
}

#[test]
fn what_is_not_free_text_is_an_error() {
    let mut strict = Gate::new(Hold::UntilContent, AfterCommit::Error);
    strict.take(&text("{"));
    assert_eq!(strict.on_break(), Break::Error);
    let mut refused = gate();
    refused.take(&Event::Refusal("no".into()));
    assert_eq!(refused.on_break(), Break::Error);
    let mut forgetful = gate();
    forgetful.take(&text("a"));
    forgetful.forget();
    assert_eq!((forgetful.on_break(), forgetful.delivered()), (Break::Error, ""));
}

#[test]
fn a_stream_that_lacks_only_its_terminal_event_is_complete() {
    let mut gate = gate();
    gate.take(&text("a"));
    gate.take(&Event::Finish(Finish::End));
    assert_eq!(gate.on_break(), Break::Complete);
    let mut whole = Gate::new(Hold::Whole, AfterCommit::Error);
    assert_eq!(whole.take(&text("{}")), Pass::Hold);
    assert_eq!(whole.take(&Event::Finish(Finish::End)), Pass::Hold);
    assert_eq!(whole.clone().take(&Event::Done), Pass::Release);
    assert_eq!(whole.on_break(), Break::Complete);
    assert_eq!(whole.delivered(), "");
}

#[test]
fn a_finish_does_not_complete_a_call_that_never_ended() {
    let mut gate = gate();
    gate.take_all(&[start(), tool(0), arguments(0), Event::Finish(Finish::ToolUse)]);
    assert_eq!(gate.on_break(), Break::Failover);
}

#[test]
fn a_whole_stream_that_breaks_fails_over_however_much_came() {
    let mut whole = Gate::new(Hold::Whole, AfterCommit::Error);
    assert_eq!(whole.take(&text("{\"a\":")), Pass::Hold);
    assert_eq!(whole.on_break(), Break::Failover);
}

#[test]
fn a_complete_answer_without_content_is_empty_unless_something_explains_it() {
    let ended = |finish: Option<Finish>| {
        let mut gate = gate();
        gate.take(&start());
        if let Some(finish) = finish {
            gate.take(&Event::Finish(finish));
        }
        gate.take(&Event::Done)
    };
    assert_eq!(ended(Some(Finish::End)), Pass::Empty);
    assert_eq!(ended(None), Pass::Empty);
    assert_eq!(ended(Some(Finish::Refused { category: None })), Pass::Release);
    assert_eq!(ended(Some(Finish::Stop(None))), Pass::Release);
}

/// The events of a well-formed or broken stream, in any order the readers may give.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        Just(start()),
        Just(Event::Ping),
        "[a-z ]{1,5}".prop_map(Event::Text),
        Just(Event::Reasoning("hm".into())),
        Just(tool(0)),
        Just(Event::ToolEnd { ordinal: 0 }),
        Just(Event::Finish(Finish::End)),
        Just(Event::Refusal("no".into())),
        Just(Event::Failed(Failure::new(Class::Overloaded, ""))),
    ];
    proptest::collection::vec(event, 0..30).prop_map(|events| {
        let mut open = false;
        let well_formed = events.into_iter().filter(|event| {
            if matches!(event, Event::ToolStart { .. }) {
                return !std::mem::replace(&mut open, true);
            }
            !matches!(event, Event::ToolEnd { .. }) || std::mem::replace(&mut open, false)
        });
        well_formed.collect()
    })
}

proptest! {
    /// The reference: the client's copy is a list of what was released, and nothing else.
    #[test]
    fn says_of_the_client_what_the_client_has(events in events(), whole in any::<bool>()) {
        let hold = if whole { Hold::Whole } else { Hold::UntilContent };
        let mut gate = Gate::new(hold, AfterCommit::Resume);
        let (mut held, mut client) = (Vec::new(), Vec::new());
        for event in &events {
            held.push(event.clone());
            if gate.take(event) == Pass::Release {
                client.append(&mut held);
            }
        }
        let mut sent_text = String::new();
        for event in &client {
            if let Event::Text(piece) = event {
                sent_text.push_str(piece);
            }
        }
        let starts = client.iter().filter(|event| matches!(event, Event::ToolStart { .. })).count();
        let ends = client.iter().filter(|event| matches!(event, Event::ToolEnd { .. })).count();
        prop_assert_eq!(gate.delivered(), sent_text);
        prop_assert_eq!(starts, ends, "a call was sent unfinished");
        prop_assert_eq!(gate.calls() as usize, ends);
        prop_assert_eq!(gate.is_committed(), !client.is_empty());
        if !client.is_empty() {
            prop_assert!(client.iter().any(Event::is_meaningful), "committed to nothing");
        }
        let finished = events.iter().any(|event| matches!(event, Event::Finish(_)));
        match gate.on_break() {
            Break::Failover => prop_assert!(client.is_empty()),
            Break::Resume => {
                prop_assert!(!client.is_empty() && ends == 0);
                prop_assert!(!client.iter().any(|event| matches!(event, Event::Refusal(_))));
            }
            Break::Complete => prop_assert!(finished),
            Break::Error => prop_assert!(!client.is_empty()),
        }
    }
}
