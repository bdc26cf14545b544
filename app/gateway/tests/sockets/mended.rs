//! Targets that say what of a request they do not take: it is asked again without that, at once, and
//! the next one is written right from the start.

use std::time::Duration;

use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::client::{Call, Got, item};
use crate::host::{Heard, Host, refuses};
use crate::peer::Script;
use crate::quick::quickly;
use crate::says::says;
use crate::stage::{ANTHROPIC, OPENAI, Providers, Stage, provider, settings};

const CHAT: Dialect = Dialect::OpenaiChat;
const CLAUDE: Dialect = Dialect::AnthropicMessages;

/// What a host answers: the first complaint that fits the request, else a text.
type Complaint = fn(&Heard) -> Option<Value>;

fn call(dialect: Dialect, body: &Value) -> Call {
    let path = match dialect {
        Dialect::AnthropicMessages => "/v1/messages",
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::OpenaiResponses => "/v1/responses",
        Dialect::Gemini | Dialect::BedrockConverse => panic!("a path that says more"),
    };
    let headers = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let body = body.to_string().into_bytes();
    Call { method: "POST", path: path.to_owned(), headers, body }
}

fn openai(message: &str, param: &str, code: &str) -> Value {
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": param, "code": code } })
}

/// `Unsupported parameter`, for the first of these fields that the request has.
fn without(heard: &Heard, fields: &[&str]) -> Option<Value> {
    let field = fields.iter().find(|field| heard.body.get(**field).is_some())?;
    let message = format!("Unsupported parameter: '{field}' is not supported with this model.");
    Some(openai(&message, field, "unsupported_parameter"))
}

/// A host of this dialect that complains, before another vendor that does not.
async fn open(dialect: Dialect, complaint: Complaint) -> (Host, Stage, Providers, String) {
    open_as(dialect, &dialect.to_string(), complaint).await
}

/// The same with all the dialects that the host is said to speak.
async fn open_as(
    dialect: Dialect,
    spoken: &str,
    complaint: Complaint,
) -> (Host, Stage, Providers, String) {
    let host = Host::open(move |heard, _| answer(dialect, heard, complaint)).await;
    let (providers, base) = (Providers::open().await, format!("http://{}/v1", host.address));
    let base = if dialect == CLAUDE { format!("http://{}", host.address) } else { base };
    let yaml = provider(&settings(&["there/house-7", OPENAI], ""), dialect, &base);
    let yaml = yaml.replacen(
        &format!("there: {{ dialect: {dialect}"),
        &format!("there: {{ dialect: {spoken}"),
        1,
    );
    let stage = Stage::open(&providers, &yaml);
    (host, stage, providers, yaml)
}

fn answer(dialect: Dialect, heard: &Heard, complaint: Complaint) -> Script {
    if let Some(error) = complaint(heard) {
        return refuses(&error);
    }
    let items = heard.head.starts_with("post /v1/responses");
    says(if items { Dialect::OpenaiResponses } else { dialect }, heard, "all is well")
}

#[track_caller]
fn assert_mended(got: &Got, repairs: usize) {
    assert_eq!(got.status, 200, "{}", got.everything());
    assert!(got.header("backstop-answer").contains("target=there/"), "{}", got.everything());
    let attempts = got.lines_of("backstop-attempts").join(", ");
    assert_eq!(attempts.matches("purpose=repair").count(), repairs, "{attempts}");
    assert!(got.text().contains("all is well"), "{}", got.text());
}

fn taught(stage: &Stage) -> Vec<String> {
    let status = stage.gateway.status();
    let targets = status["targets"].as_object().expect("targets");
    let mut all = Vec::new();
    for (name, target) in targets {
        let taught = target["taught"].as_array().expect("a list").iter();
        all.extend(taught.map(|it| format!("{name} {}", it.as_str().unwrap_or_default())));
    }
    all
}

#[tokio::test]
async fn a_target_that_complains_of_what_the_request_has_not_teaches_nothing() {
    let prefill: Complaint = |_| {
        let message = "This model does not support assistant message prefill.";
        Some(
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": message } }),
        )
    };
    let (host, stage, _providers, _) = open(CLAUDE, prefill).await;
    let body = json!({ "model": "house-7", "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] });
    let got = stage.send(&call(CLAUDE, &body)).await;
    assert!(got.status == 200 && !got.everything().contains("repair"), "{}", got.everything());
    assert_eq!((host.heard().len(), taught(&stage)), (1, Vec::<String>::new()));
}

#[tokio::test]
async fn a_field_that_is_refused_is_left_out_at_once_and_from_then_on() {
    let (host, stage, providers, yaml) = open(CHAT, |heard| without(heard, &["temperature"])).await;
    let body = r#"{"model":"house-7", "temperature":0.3,"messages":[{"role":"user","content":"hi"}], "seed": 1}"#;
    let mut asked = call(CHAT, &Value::Null);
    asked.body = body.as_bytes().to_vec();
    let got = stage.send(&asked).await;
    assert_mended(&got, 1);
    assert!(
        got.header("backstop-lost").contains("temperature=refused by the target"),
        "{}",
        got.everything()
    );
    assert_eq!(stage.state("there"), "closed");
    assert_eq!(taught(&stage), ["there/house-7 openai_chat: without temperature"]);
    let mut left: Value = serde_json::from_str(body).unwrap();
    left.as_object_mut().unwrap().remove("temperature");
    assert_eq!(host.last(), left);
    // From now on at once, and what a client does not ask for is not lost.
    assert_mended(&stage.send(&asked).await, 0);
    assert_eq!(host.heard().len(), 3);
    let plain = json!({ "model": "house-7", "messages": [{ "role": "user", "content": "hi" }] });
    assert_eq!(stage.send(&call(CHAT, &plain)).await.header("backstop-lost"), "");
    // Until the settings are read anew.
    stage.reload(&providers, &yaml);
    assert_eq!(taught(&stage), Vec::<String>::new());
    assert_mended(&stage.send(&asked).await, 1);
}

#[tokio::test]
async fn what_was_learnt_from_one_dialect_counts_for_clients_of_all() {
    let complaint = |heard: &Heard| {
        let error = without(heard, &["temperature"]).or_else(|| {
            heard.body.get("max_tokens")?;
            let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
            Some(openai(message, "max_tokens", "unsupported_parameter"))
        });
        error.or_else(|| {
            heard.body.get("max_completion_tokens").is_none().then(|| openai("no limit", "", ""))
        })
    };
    let (host, stage, _providers, _) = open(CHAT, complaint).await;
    let messages = json!([{ "role": "user", "content": "hi" }]);
    let claude =
        json!({ "model": "house-7", "max_tokens": 4096, "temperature": 0.5, "messages": messages });
    assert_mended(&stage.send(&call(CLAUDE, &claude)).await, 2);
    assert_eq!(host.last()["max_completion_tokens"], 4096);
    let chat =
        json!({ "model": "house-7", "max_tokens": 9, "temperature": 0.5, "messages": messages });
    let got = stage.send(&call(CHAT, &chat)).await;
    assert_mended(&got, 0);
    assert_eq!(got.header("backstop-lost"), "temperature=refused by the target and left out");
    assert_eq!(host.last()["max_completion_tokens"], 9);
}

#[tokio::test]
async fn what_the_answer_is_worth_is_asked_of_another_target() {
    let (host, stage, _providers, _) =
        open(CHAT, |heard| without(heard, &["response_format", "logprobs"])).await;
    let body = json!({ "model": "house-7", "messages": [{ "role": "user", "content": "hi" }], "logprobs": true });
    for nth in 1..3 {
        let got = stage.send(&call(CHAT, &body)).await;
        assert!(got.header("backstop-answer").contains("target=openai/"), "{}", got.everything());
        assert_eq!(host.heard().len(), nth);
    }
    assert_eq!(taught(&stage), Vec::<String>::new());
}

#[tokio::test]
async fn a_target_that_complains_without_end_is_left_for_the_next() {
    fn complains(heard: &Heard) -> Option<Value> {
        without(heard, &["temperature", "top_p", "seed", "user", "verbosity"])
    }
    let (host, stage, _providers, _) = open(CHAT, complains).await;
    let body = json!({ "model": "house-7", "messages": [{ "role": "user", "content": "hi" }], "temperature": 1,
                       "top_p": 0.5, "seed": 1, "user": "u", "verbosity": "low" });
    let got = stage.send(&call(CHAT, &body)).await;
    assert!(got.header("backstop-answer").contains("target=openai/"), "{}", got.everything());
    assert_eq!(host.heard().len(), 4);
    // Four are known now, and the fifth is a repair away.
    assert_mended(&stage.send(&call(CHAT, &body)).await, 1);
    assert_mended(&stage.send(&call(CHAT, &body)).await, 0);
}

#[tokio::test]
async fn a_value_is_left_out_and_another_goes_as_it_is() {
    let complaint = |heard: &Heard| {
        let refused = heard.body["reasoning_effort"] == "minimal";
        let message = "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'low' and 'high'.";
        refused.then(|| openai(message, "reasoning_effort", "unsupported_value"))
    };
    let (host, stage, _providers, _) = open(CHAT, complaint).await;
    let body = |effort: &str| json!({ "model": "house-7", "reasoning_effort": effort, "messages": [{ "role": "user", "content": "hi" }] });
    assert_mended(&stage.send(&call(CHAT, &body("minimal"))).await, 1);
    assert_mended(&stage.send(&call(CHAT, &body("minimal"))).await, 0);
    assert_mended(&stage.send(&call(CHAT, &body("low"))).await, 0);
    assert_eq!(host.last()["reasoning_effort"], "low");
}

#[tokio::test]
async fn an_answer_that_the_client_began_becomes_an_instruction_where_that_is_refused() {
    let complaint = |heard: &Heard| {
        let messages = heard.body["messages"].as_array().expect("messages");
        let message = "This model does not support assistant message prefill. The conversation must end with a user message.";
        let error = json!({ "type": "error", "error": { "type": "invalid_request_error", "message": message } });
        (messages.last()?["role"] == "assistant").then_some(error)
    };
    let (host, stage, _providers, _) = open(CLAUDE, complaint).await;
    let messages =
        json!([{ "role": "user", "content": "hi" }, { "role": "assistant", "content": "Well," }]);
    let body = json!({ "model": "house-7", "max_tokens": 9, "messages": messages });
    for repairs in [1, 0] {
        let got = stage.send(&call(CLAUDE, &body)).await;
        assert_mended(&got, repairs);
        assert!(got.header("backstop-lost").contains("begun answer"), "{}", got.everything());
        assert_eq!(host.last()["messages"][2]["role"], "user", "{:#}", host.last());
    }
    // Who begins no answer is passed through to the byte.
    let plain = json!({ "model": "house-7", "max_tokens": 9, "x": 1, "messages": [{ "role": "user", "content": "hi" }] });
    assert_mended(&stage.send(&call(CLAUDE, &plain)).await, 0);
    assert_eq!(host.last(), plain);
}

/// `OpenAI`'s newer models at Chat Completions.
fn no_tools_while_it_reasons(heard: &Heard) -> Option<Value> {
    let chat = heard.head.starts_with("post /v1/chat/completions");
    let reasons = heard.body["reasoning_effort"] != "none";
    let message = "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions. \
                   To use function tools, use /v1/responses or set reasoning_effort to 'none'.";
    let error = json!({ "error": { "message": message, "type": "invalid_request_error", "param": "reasoning_effort", "code": null } });
    (chat && reasons && heard.body.get("tools").is_some()).then_some(error)
}

fn with_tools() -> Value {
    let tool = json!({ "type": "function", "function": { "name": "look", "parameters": { "type": "object", "properties": {} } } });
    json!({ "model": "house-7", "reasoning_effort": "high", "messages": [{ "role": "user", "content": "hi" }], "tools": [tool] })
}

#[tokio::test]
async fn tools_that_a_reasoning_model_refuses_at_one_path_go_to_the_other() {
    let spoken = "[openai_chat, openai_responses]";
    let (host, stage, _providers, _) = open_as(CHAT, spoken, no_tools_while_it_reasons).await;
    for (repairs, requests) in [(1, 2), (0, 3)] {
        assert_mended(&stage.send(&call(CHAT, &with_tools())).await, repairs);
        let heard = host.heard();
        assert_eq!(heard.len(), requests);
        let last = heard.last().unwrap();
        assert!(last.head.starts_with("post /v1/responses"), "{}", last.head);
        assert_eq!(
            (&last.body["reasoning"]["effort"], &last.body["tools"][0]["name"]),
            (&json!("high"), &json!("look"))
        );
    }
    // Without tools nothing changes.
    let plain = json!({ "model": "house-7", "messages": [{ "role": "user", "content": "hi" }] });
    assert_mended(&stage.send(&call(CHAT, &plain)).await, 0);
    assert!(host.heard().last().unwrap().head.starts_with("post /v1/chat/completions"));
    assert_eq!(host.last(), plain);
}

#[tokio::test]
async fn where_there_is_no_other_path_the_model_answers_without_reasoning_and_says_so() {
    let (host, stage, _providers, _) = open(CHAT, no_tools_while_it_reasons).await;
    for repairs in [1, 0] {
        let got = stage.send(&call(CHAT, &with_tools())).await;
        assert_mended(&got, repairs);
        assert!(got.header("backstop-lost").contains("reasoning_effort="), "{}", got.everything());
        assert_eq!(host.last()["reasoning_effort"], "none");
    }
}

/// A model that goes on by instruction, and refuses an answer that was begun for it.
fn goes_on(heard: &Heard, _: usize) -> Script {
    let messages = heard.body["messages"].as_array().expect("messages");
    if messages.last().expect("a message")["role"] == "assistant" {
        let message = "This model does not support assistant message prefill. The conversation must end with a user message.";
        let error = json!({ "type": "error", "error": { "type": "invalid_request_error", "message": message } });
        return refuses(&error);
    }
    let begun = messages.iter().rfind(|message| message["role"] == "assistant").expect("an answer");
    let begun = &begun["content"];
    let begun = begun.as_str().or_else(|| begun[0]["text"].as_str()).expect("a text");
    let word = begun.split_whitespace().last().expect("a word");
    says(CLAUDE, heard, &format!("{word} and all is well."))
}

#[tokio::test]
async fn a_broken_stream_goes_on_by_instruction_where_a_begun_answer_is_refused() {
    let (host, providers) = (Host::open(goes_on).await, Providers::open().await);
    providers.fail("anthropic", "cut_stream");
    let second = "{ target: there/house-7, abilities: { prefill: true } }";
    let yaml = settings(&[ANTHROPIC, second], "");
    let stage =
        Stage::open(&providers, &provider(&yaml, CLAUDE, &format!("http://{}", host.address)));
    let item = item(CLAUDE, Delivery::Stream, Wish::Text);
    for purposes in [&["first", "resume", "repair"][..], &["first", "resume"]] {
        let got = stage.ask(&item).await;
        assert!(got.text().contains("and all is well."), "{}", got.everything());
        assert!(got.text().contains("message_stop"), "{}", got.everything());
        let row = &stage.rows(2 - purposes.len() % 2).await[0];
        let seen: Vec<&str> = row.attempts.iter().map(|attempt| &*attempt.purpose).collect();
        assert!(row.resumed && seen == purposes, "{row:#?}");
    }
    assert_eq!(taught(&stage), ["there/house-7 anthropic_messages: without a begun answer"]);
    assert_eq!((stage.state("there"), host.heard().len()), ("closed".to_owned(), 3));
}

/// A conversation with a call that another vendor made.
fn with_call(model: &str) -> Value {
    let call = json!({ "id": "call_0123456789abcdef", "type": "function", "function": { "name": "look", "arguments": "{}" } });
    json!({ "model": model, "messages": [
        { "role": "user", "content": "hi" },
        { "role": "assistant", "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "call_0123456789abcdef", "content": "seen" },
    ] })
}

fn short_ids_only(heard: &Heard) -> Option<Value> {
    let id = heard.body["messages"][1]["tool_calls"][0]["id"].as_str()?;
    let message = format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
    (id.len() != 9).then(|| json!({ "object": "error", "message": message, "type": "invalid_request_message_order", "code": "3280" }))
}

#[tokio::test]
async fn ids_of_calls_become_as_short_as_the_server_wants_them() {
    let (host, stage, _providers, _) = open(CHAT, short_ids_only).await;
    for repairs in [1, 0] {
        assert_mended(&stage.send(&call(CHAT, &with_call("house-7"))).await, repairs);
        let messages = host.last()["messages"].clone();
        assert_eq!(messages[1]["tool_calls"][0]["id"], messages[2]["tool_call_id"]);
    }
}

#[tokio::test]
async fn a_vendor_that_is_known_to_want_short_ids_gets_them_from_the_start() {
    let host = Host::open(|heard, _| answer(CHAT, heard, short_ids_only)).await;
    let yaml = settings(&["mistral/mistral-large-latest"], "");
    let there = format!(
        "providers:\n  mistral: {{ api_key: any, base_url: \"http://{}/v1\" }}\n",
        host.address
    );
    let yaml = yaml.replacen("providers:\n", &there, 1);
    let stage = Stage::open(&Providers::open().await, &yaml);
    let got = stage.send(&call(CHAT, &with_call("mistral-large-latest"))).await;
    assert!(got.status == 200 && host.heard().len() == 1, "{}", got.everything());
    assert_eq!(taught(&stage), Vec::<String>::new());
}

/// The same request with a key of the gateway, and with these beta features.
fn shown(body: &Value, key: &str, betas: &str) -> Call {
    let mut asked = call(CHAT, body);
    for (name, value) in [("backstop-key", key), ("anthropic-beta", betas)] {
        asked.headers.push((name.to_owned(), value.to_owned()));
    }
    asked
}

#[tokio::test]
async fn what_one_caller_was_refused_changes_nothing_for_another() {
    let (host, providers) = (
        Host::open(|heard, _| answer(CHAT, heard, no_tools_while_it_reasons)).await,
        Providers::open().await,
    );
    let hash = |key: &str| blake3::hash(key.as_bytes()).to_hex();
    let keys = format!(
        "keys:\n  - {{ name: one, hash: {} }}\n  - {{ name: two, hash: {} }}\n",
        hash("bst-key-of-the-first"),
        hash("bst-key-of-the-second")
    );
    let base = format!("http://{}/v1", host.address);
    let yaml = provider(&settings(&["there/house-7", OPENAI], ""), CHAT, &base);
    let stage = Stage::open(&providers, &format!("{keys}{yaml}"));
    for (key, betas, repairs) in [
        ("bst-key-of-the-first", "", 1),
        ("bst-key-of-the-first", "", 0),
        ("bst-key-of-the-second", "", 1),
        ("bst-key-of-the-second", "", 0),
        ("bst-key-of-the-first", "", 0),
        // What a provider lets somebody do may depend on these.
        ("bst-key-of-the-first", "a-feature-2026-01-01", 1),
    ] {
        assert_mended(&stage.send(&shown(&with_tools(), key, betas)).await, repairs);
    }
    let known = ["there/house-7 openai_chat: without tools while it reasons"];
    assert_eq!(taught(&stage), known);
}

#[tokio::test]
async fn words_of_a_client_that_an_error_repeats_teach_nothing() {
    let complaint = |heard: &Heard| {
        let sent = heard.body["service_tier"].as_str()?;
        let message = format!("Invalid value: '{sent}'. Supported values are: 'auto'.");
        Some(openai(&message, "service_tier", "invalid_value"))
    };
    let (host, stage, _providers, _) = open(CHAT, complaint).await;
    let mut body = with_tools();
    body["service_tier"] = "function tools with reasoning_effort".into();
    stage.send(&call(CHAT, &body)).await;
    assert_eq!((host.heard().len(), taught(&stage)), (1, Vec::<String>::new()));
    assert_mended(&stage.send(&call(CHAT, &with_tools())).await, 0);
    assert_eq!(host.last(), with_tools());
}

#[tokio::test]
async fn a_model_that_was_told_not_to_reason_teaches_nothing_of_tools() {
    let complaint = |heard: &Heard| {
        let message = "Function tools with reasoning_effort are not supported.";
        heard.body.get("tools").map(|_| openai(message, "reasoning_effort", ""))
    };
    let (host, stage, _providers, _) = open(CHAT, complaint).await;
    let mut body = with_tools();
    body["reasoning_effort"] = "none".into();
    stage.send(&call(CHAT, &body)).await;
    assert_eq!((host.heard().len(), taught(&stage)), (1, Vec::<String>::new()));
}

#[tokio::test]
async fn what_was_learnt_is_forgotten_after_six_hours() {
    quickly(async {
        let (host, stage, _providers, _) = open(CHAT, |heard| without(heard, &["seed"])).await;
        let body = json!({ "model": "house-7", "seed": 1, "messages": [{ "role": "user", "content": "hi" }] });
        for (minutes, repairs) in [(0, 1), (350, 0), (20, 1), (350, 0)] {
            tokio::time::advance(Duration::from_mins(minutes)).await;
            assert_mended(&stage.send(&call(CHAT, &body)).await, repairs);
        }
        assert_eq!(host.heard().len(), 6);
    })
    .await;
}
