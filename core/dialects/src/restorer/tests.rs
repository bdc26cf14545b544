use serde_json::json;

use super::*;

fn piece(ordinal: u32, fragment: &str) -> Event {
    Event::ToolArguments { ordinal, fragment: fragment.to_owned() }
}

fn start(ordinal: u32, name: &str, kind: ToolKind) -> Event {
    Event::ToolStart { ordinal, id: "i".to_owned(), name: name.to_owned(), kind }
}

fn text(piece: &str) -> Event {
    Event::Text(piece.to_owned())
}

/// What the client sees of these events.
fn restored(renames: Renames, events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut restorer = Restorer::new(renames);
    let mut seen = Vec::new();
    for event in events {
        restorer.restore(event, |event| seen.push(event));
    }
    seen
}

#[test]
fn free_text_that_came_as_an_argument_is_free_text_again() {
    let mut renames = Renames::default();
    renames.emulate("patch");
    let seen = restored(
        renames,
        [
            start(0, "patch", ToolKind::Function),
            piece(0, "{\"inp"),
            piece(0, "ut\":\"a\\n\\\"b\"}"),
            Event::ToolEnd { ordinal: 0 },
            start(1, "other", ToolKind::Function),
            piece(1, "{\"input\":1}"),
            Event::ToolEnd { ordinal: 1 },
        ],
    );
    let expected = [
        start(0, "patch", ToolKind::Custom),
        piece(0, "a\n\"b"),
        Event::ToolEnd { ordinal: 0 },
        start(1, "other", ToolKind::Function),
        piece(1, "{\"input\":1}"),
        Event::ToolEnd { ordinal: 1 },
    ];
    assert_eq!(seen, expected);
}

#[test]
fn an_answer_ends_at_the_clients_stop_string_and_nothing_follows() {
    let mut renames = Renames::default();
    renames.watch(&["END".to_owned()]);
    let events =
        [text("one E"), text("NDtwo"), text("three"), Event::Finish(Finish::End), Event::Done];
    let seen = restored(renames.clone(), events);
    let stop = Event::Finish(Finish::Stop(Some("END".to_owned())));
    assert_eq!(seen, [text("one "), stop, Event::Done]);
    let events = [text("one E"), Event::Finish(Finish::End), Event::Done];
    let seen = restored(renames, events);
    assert_eq!(seen, [text("one "), text("E"), Event::Finish(Finish::End), Event::Done]);
}

#[test]
fn null_for_what_is_optional_goes_as_it_came() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let mut renames = Renames::default();
    renames.lower_answer(&schema);
    renames.lower("read", &schema);
    let seen = restored(
        renames,
        [
            text("{\"a\":"),
            text("null}"),
            start(0, "read", ToolKind::Function),
            piece(0, "{\"a\": null"),
            piece(0, "}"),
            Event::ToolEnd { ordinal: 0 },
            Event::Finish(Finish::ToolUse),
            Event::Done,
        ],
    );
    let expected = [
        text("{}"),
        start(0, "read", ToolKind::Function),
        piece(0, "{}"),
        Event::ToolEnd { ordinal: 0 },
        Event::Finish(Finish::ToolUse),
        Event::Done,
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_arguments_of_the_answers_own_tool_are_the_answer() {
    let seen = restored(
        Renames::default().answered_by("answer"),
        [
            start(0, "answer", ToolKind::Function),
            piece(0, "{\"a\":"),
            piece(0, "1}"),
            Event::ToolEnd { ordinal: 0 },
            Event::Finish(Finish::ToolUse),
            Event::Done,
        ],
    );
    assert_eq!(seen, [text("{\"a\":1}"), Event::Finish(Finish::End), Event::Done]);
}
