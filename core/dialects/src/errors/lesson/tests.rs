use super::*;

fn field(path: &str) -> Refused {
    Refused::Field(path.into())
}

/// What a refusal makes of the body that was refused, and of another.
#[track_caller]
fn check(refused: &Refused, body: &str, expected: &str) -> Lesson {
    let lesson = Lesson::of(refused, body.as_bytes()).unwrap_or_else(|| panic!("{refused:?}"));
    assert_eq!(applied(&lesson, body), expected);
    lesson
}

fn applied(lesson: &Lesson, body: &str) -> String {
    let changed = lesson.apply(body.as_bytes(), Dialect::OpenaiChat);
    changed.map_or_else(|| body.to_owned(), |(body, _)| String::from_utf8(body).unwrap())
}

#[test]
fn a_slight_field_goes_and_every_other_byte_stays() {
    let lesson = check(
        &field("temperature"),
        r#"{"a": 1, "temperature":0.2 , "b":2}"#,
        r#"{"a": 1 , "b":2}"#,
    );
    assert_eq!(applied(&lesson, r#"{"temperature":1,"b":2}"#), r#"{"b":2}"#);
    assert_eq!(applied(&lesson, r#"{ "temperature":1 }"#), "{  }");
    assert_eq!(applied(&lesson, r#"{"b":{"temperature":1}}"#), r#"{"b":{"temperature":1}}"#);
    assert_eq!(lesson.to_string(), "without temperature");
    let body = r#"{"messages":[{"role":"user"},{"role":"assistant","reasoning_content":"x","content":"y"},{"reasoning_content":"z"}]}"#;
    let left = r#"{"messages":[{"role":"user"},{"role":"assistant","content":"y"},{}]}"#;
    check(&field("messages[1].reasoning_content"), body, left);
    let body = r#"{"messages":[{"content":[{"type":"text","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}"#;
    let left =
        r#"{"messages":[{"content":[{"type":"text","cache_control":{"type":"ephemeral"}}]}]}"#;
    check(&field("messages.0.content.0.text.cache_control.ttl"), body, left);
    check(
        &field("top_k"),
        r#"{"generationConfig":{"topK":9,"seed":1}}"#,
        r#"{"generationConfig":{"seed":1}}"#,
    );
    check(
        &field("generation_config.topK"),
        r#"{"generationConfig":{"topK":9}}"#,
        r#"{"generationConfig":{}}"#,
    );
}

#[test]
fn what_the_answer_is_worth_stays_and_so_does_what_is_not_there() {
    let body = r#"{"tools":[],"n":2,"temprature":1,"max_output_tokens":9,"messages":[{"content":"a"}],"name":"x"}"#;
    for path in [
        "tools",
        "n",
        "temprature",
        "max_output_tokens",
        "messages.0.content",
        "name",
        "temperature",
    ] {
        assert_eq!(Lesson::of(&field(path), body.as_bytes()), None, "{path}");
    }
    assert_eq!(Lesson::of(&field("temperature"), b"no json"), None);
    // The same name is another thing elsewhere.
    let body = r#"{"messages":[{"content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","name":"f","user":1}]}],"tools":[{"name":"f","user":1}]}"#;
    for path in ["content.0.thinking", "content.1.tool_use.name", "content.1.user"] {
        let path = format!("messages.0.{path}");
        assert_eq!(Lesson::of(&field(&path), body.as_bytes()), None, "{path}");
    }
    assert_eq!(Lesson::of(&field("tools.0.user"), body.as_bytes()), None);
    // Nor is anybody's name remembered.
    assert_eq!(Lesson::of(&Refused::Value("user".into()), br#"{"user":"ana"}"#), None);
}

#[test]
fn a_value_goes_only_while_it_is_that_one() {
    let refused = Refused::Value("reasoning_effort".into());
    let lesson = check(&refused, r#"{"reasoning_effort":"minimal","a":1}"#, r#"{"a":1}"#);
    let other = r#"{"reasoning_effort":"low","a":1}"#;
    assert_eq!(applied(&lesson, other), other);
    assert_eq!(lesson.to_string(), "without reasoning_effort \"minimal\"");
}

#[test]
fn the_limit_of_tokens_takes_the_name_that_the_target_knows() {
    let (from, to) = ("max_tokens".into(), "max_completion_tokens".into());
    let refused = Refused::Renamed { from, to };
    let lesson =
        check(&refused, r#"{"max_tokens" : 9,"a":1}"#, r#"{"max_completion_tokens":9,"a":1}"#);
    assert_eq!(
        applied(&lesson, r#"{"max_tokens":9,"max_completion_tokens":8}"#),
        r#"{"max_completion_tokens":8}"#
    );
    check(&field("max_completion_tokens"), r#"{"max_completion_tokens":9}"#, r#"{"max_tokens":9}"#);
    let (from, to) = ("model".into(), "max_tokens".into());
    assert_eq!(Lesson::of(&Refused::Renamed { from, to }, br#"{"model":"m"}"#), None);
}

#[test]
fn of_two_that_exclude_each_other_one_goes() {
    let (stays, goes) = ("temperature".into(), "top_p".into());
    let refused = Refused::Both { stays, goes };
    let lesson = check(&refused, r#"{"top_p":0.9,"temperature":1}"#, r#"{"temperature":1}"#);
    assert_eq!(applied(&lesson, r#"{"top_p":0.9}"#), r#"{"top_p":0.9}"#);
}

#[test]
fn what_a_model_cannot_do_is_an_ability_less() {
    let learnt = |refused: &Refused| {
        let lesson = Lesson::of(refused, br#"{"stop":["a"]}"#).unwrap();
        let mut abilities = Abilities { prefill: true, ..Abilities::default() };
        lesson.teach(&mut abilities);
        abilities
    };
    assert!(!learnt(&Refused::Prefill).prefill);
    assert_eq!(learnt(&field("stop")).stop_max, 0);
    let tools = learnt(&Refused::ToolsWithReasoning { unless_off: true });
    assert!(!tools.tools_with_reasoning && tools.reasoning_optional);
    assert_eq!(tools.reasoning, ReasoningForm::Effort);
}

#[test]
fn losses_are_told_in_the_words_of_the_client() {
    let body = br#"{"generationConfig":{"topK":9},"top_p":1,"user":"u"}"#;
    let word = |path: &str, client| {
        let lesson = Lesson::of(&field(path), body).unwrap();
        lesson.apply(body, client).unwrap().1.unwrap().field
    };
    assert_eq!(word("top_k", Dialect::OpenaiChat), "top_k");
    assert_eq!(word("top_k", Dialect::Gemini), "topK");
    assert_eq!(word("top_p", Dialect::BedrockConverse), "topP");
    assert_eq!(word("user", Dialect::OpenaiChat), "user");
}
