use backstop_exchange::{Abilities, CallIds, Habits, Prefill};
use backstop_vocabulary::Class;
use serde_json::{Value, json};

use crate::TargetForm;
use crate::openai_chat::read_request;
use crate::openai_chat::request_write::write_request;

/// What a server of these habits is sent, and what is said to be lost.
fn sent(body: &Value, habits: Habits) -> (Value, Vec<String>) {
    let request = read_request(body.to_string().as_bytes()).unwrap();
    let abilities = Abilities { images: true, ..Abilities::default() }.at(habits);
    let target = TargetForm { model: "m", abilities: &abilities, stream: request.stream };
    let written = write_request(&request, &target).unwrap();
    let losses = written.losses.iter().map(|loss| loss.field.clone()).collect();
    (serde_json::from_slice(&written.body).unwrap(), losses)
}

fn body(more: &Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn what_a_server_refuses_is_left_out_and_listed_where_it_said_something() {
    let asked = body(&json!({
        "stream": true, "stream_options": { "include_usage": true }, "n": 1, "seed": 7,
        "user": "u", "logit_bias": { "1": 2 }, "temperature": 0.5,
    }));
    let refuses = &["stream_options", "n", "user", "logit_bias"];
    let (sent, losses) = sent(&asked, Habits { refuses, seed: "random_seed", ..Habits::PLAIN });
    let expected = body(&json!({ "temperature": 0.5, "random_seed": 7, "stream": true }));
    assert_eq!(sent, expected);
    assert_eq!(losses, ["user", "logit_bias"]);
}

#[test]
fn a_speakers_name_goes_only_to_servers_that_take_it() {
    let asked =
        json!({ "model": "m", "messages": [{ "role": "user", "name": "ann", "content": "hi" }] });
    let (kept, _) = sent(&asked, Habits::PLAIN);
    assert_eq!(kept["messages"][0]["name"], "ann");
    let refuses = &["messages.name"];
    let (sent, losses) = sent(&asked, Habits { refuses, ..Habits::PLAIN });
    assert_eq!(sent["messages"], body(&json!({}))["messages"]);
    assert_eq!(losses, ["messages.name"]);
}

/// A conversation with one call and its result.
fn called(thought: Option<&str>) -> Value {
    let mut call = json!({ "role": "assistant", "content": null, "tool_calls": [
        { "id": "call_abc", "type": "function", "function": { "name": "look", "arguments": "{}" } },
    ] });
    if let Some(thought) = thought {
        call["reasoning_content"] = thought.into();
    }
    json!({ "model": "m", "messages": [
        { "role": "user", "content": "hi" },
        call,
        { "role": "tool", "tool_call_id": "call_abc", "content": "seen" },
    ] })
}

#[test]
fn ids_of_calls_are_what_the_server_takes_and_agree_with_their_results() {
    let (sent, _) = sent(&called(None), Habits { call_ids: CallIds::Nine, ..Habits::PLAIN });
    let id = sent["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
    assert_eq!(sent["messages"][2]["tool_call_id"], id);
}

#[test]
fn a_thought_that_led_to_a_call_goes_back_and_a_line_stands_in_for_one_that_is_not_ours() {
    let habits = Habits { wants_thoughts: true, ..Habits::PLAIN };
    let (own, losses) = sent(&called(Some("I look.")), habits);
    assert_eq!(own["messages"][1]["reasoning_content"], "I look.");
    assert!(losses.is_empty());
    let (other, losses) = sent(&called(None), habits);
    assert_eq!(other["messages"][1]["reasoning_content"], "Next: look (call_abc).");
    assert_eq!(losses, ["reasoning_content"]);
    let (plain, _) = sent(&called(None), Habits::PLAIN);
    assert_eq!(plain["messages"][1].get("reasoning_content"), None);
}

#[test]
fn a_last_assistant_turn_is_continued_in_the_servers_own_way() {
    let asked = json!({ "model": "m", "messages": [
        { "role": "user", "content": "count" }, { "role": "assistant", "content": "one, " },
    ] });
    let (flags, losses) = sent(&asked, Habits { prefill: Some(Prefill::Flags), ..Habits::PLAIN });
    assert_eq!(flags["messages"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&flags["continue_final_message"], &flags["add_generation_prompt"]),
        (&json!(true), &json!(false))
    );
    assert!(losses.is_empty());
    let (plain, _) = sent(&asked, Habits { prefill: Some(Prefill::Plain), ..Habits::PLAIN });
    assert_eq!(plain["messages"].as_array().unwrap().len(), 2);
    assert_eq!(plain.get("continue_final_message"), None);
    // The next question is no continuation.
    let (asks, _) =
        sent(&body(&json!({})), Habits { prefill: Some(Prefill::Flags), ..Habits::PLAIN });
    assert_eq!(asks.get("continue_final_message"), None);
}

#[test]
fn a_server_that_heeds_no_choice_gets_no_tools_where_none_may_be_called() {
    let habits = Habits { heeds_tool_choice: false, ..Habits::PLAIN };
    let tools = json!([{ "type": "function", "function": { "name": "look", "parameters": {} } }]);
    for (choice, given, lost) in [
        (json!("auto"), true, &[][..]),
        (json!("none"), false, &["tools"]),
        (json!("required"), true, &["tool_choice"]),
    ] {
        let (sent, losses) = sent(&body(&json!({ "tools": tools, "tool_choice": choice })), habits);
        assert_eq!(sent.get("tools").is_some(), given, "{choice}");
        assert_eq!(losses, lost, "{choice}");
    }
}

#[test]
fn a_server_that_fetches_nothing_is_not_sent_an_address() {
    let asked = json!({ "model": "m", "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
    ] }] });
    let request = read_request(asked.to_string().as_bytes()).unwrap();
    let habits = Habits { fetches_images: false, ..Habits::PLAIN };
    let abilities = Abilities { images: true, ..Abilities::default() }.at(habits);
    let target = TargetForm { model: "m", abilities: &abilities, stream: false };
    assert_eq!(write_request(&request, &target).unwrap_err().class, Class::UnsupportedFeature);
}
