//! The form of an answer: what the client asked for holds, whatever the target was told.

use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::fits::Pair;
use crate::peer::Script;

fn chat_answer(message: &Value, finish: &str) -> Vec<u8> {
    json!({
        "object": "chat.completion", "id": "c-1", "created": 1, "model": "a-model",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 },
    })
    .to_string()
    .into_bytes()
}

fn chat_stream(pieces: &[&str]) -> Vec<u8> {
    let chunk = |choice: Value| {
        let chunk = json!({ "object": "chat.completion.chunk", "id": "c-1", "created": 1,
            "model": "a-model", "choices": [choice] });
        format!("data: {chunk}\n\n")
    };
    let mut stream: String = pieces
        .iter()
        .map(|piece| {
            chunk(json!({ "index": 0, "delta": { "content": piece }, "finish_reason": null }))
        })
        .collect();
    stream.push_str(&chunk(json!({ "index": 0, "delta": {}, "finish_reason": "stop" })));
    stream.push_str("data: [DONE]\n\n");
    stream.into_bytes()
}

fn message(content: &str) -> Value {
    json!({ "role": "assistant", "content": content })
}

/// Asks for an object with a name, and a size that may be left out.
fn structured(client: Dialect) -> Value {
    let schema = json!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "size": { "type": "integer", "minimum": 3 } },
        "required": ["name"],
        "additionalProperties": false,
    });
    let messages = json!([{ "role": "user", "content": "what is it?" }]);
    match client {
        Dialect::AnthropicMessages => json!({
            "model": "m", "max_tokens": 99, "messages": messages,
            "output_config": { "format": { "type": "json_schema", "schema": schema } },
        }),
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::Gemini
        | Dialect::BedrockConverse => json!({
            "model": "m", "messages": messages,
            "response_format": { "type": "json_schema",
                "json_schema": { "name": "it", "schema": schema, "strict": true } },
        }),
    }
}

const KNOWS_SCHEMAS: &str = ", abilities: { schema: true }";

#[tokio::test]
async fn what_may_be_left_out_is_null_at_the_target_and_left_out_at_the_client() {
    for stream in [false, true] {
        let answer = if stream {
            Script::stream(&chat_stream(&["{\"name\": \"a\", \"si", "ze\": null}"]))
        } else {
            Script::whole(
                "200 OK",
                &chat_answer(&message("{\"name\": \"a\", \"size\": null}"), "stop"),
            )
        };
        let (client, other) = (Dialect::AnthropicMessages, Dialect::OpenaiChat);
        let mut pair = Pair::open_with(client, (other, answer), ("", KNOWS_SCHEMAS)).await;
        let mut body = structured(client);
        body["stream"] = stream.into();
        let got = pair.ask(&body).await;
        assert_eq!(got.status, 200, "{}", got.everything());
        let asked = pair.asked().await;
        let form = &asked["response_format"]["json_schema"];
        assert_eq!(form["strict"], true, "{asked}");
        assert_eq!(form["schema"]["properties"]["size"]["type"], json!(["integer", "null"]));
        assert!(got.text().contains(r#"{\"name\":\"a\"}"#), "{}", got.text());
        let lost = got.header("backstop-lost");
        assert!(lost.contains("output_config.format=schema rewritten"), "{lost}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_the_clients_schema_is_the_targets_failure() {
    for stream in [false, true] {
        let wrong = "{\"name\": \"a\", \"size\": 2}";
        let answer = if stream {
            Script::stream(&chat_stream(&[wrong]))
        } else {
            Script::whole("200 OK", &chat_answer(&message(wrong), "stop"))
        };
        let (client, other) = (Dialect::AnthropicMessages, Dialect::OpenaiChat);
        let pair = Pair::open_with(client, (other, answer), ("", KNOWS_SCHEMAS)).await;
        let mut body = structured(client);
        body["stream"] = stream.into();
        let got = pair.ask(&body).await;
        assert_ne!(got.status, 200, "{}", got.everything());
        assert!(!got.text().contains("\\\"size\\\""), "{}", got.text());
        let tried = got.header("backstop-attempts");
        assert!(tried.contains("other/elsewhere; purpose="), "{tried}");
        assert!(tried.contains("error=bad_answer"), "{tried}");
    }
}

#[tokio::test]
async fn a_model_without_schemas_answers_through_a_tool() {
    let call = json!({ "id": "call_1", "type": "function",
        "function": { "name": "give_answer", "arguments": "{\"name\":\"a\"}" } });
    let message = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    let answer = Script::whole("200 OK", &chat_answer(&message, "tool_calls"));
    let (client, other) = (Dialect::AnthropicMessages, Dialect::OpenaiChat);
    let mut pair = Pair::open_with(client, (other, answer), ("", "")).await;
    let got = pair.ask(&structured(client)).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    let answer = got.json();
    assert_eq!(answer["content"], json!([{ "type": "text", "text": "{\"name\":\"a\"}" }]));
    assert_eq!(answer["stop_reason"], "end_turn");
    let asked = pair.asked().await;
    assert_eq!(asked["tool_choice"]["function"]["name"], "give_answer", "{asked}");
    assert_eq!(asked.get("response_format"), None);
}

#[tokio::test]
async fn an_answer_ends_at_a_stop_string_that_its_target_does_not_know() {
    let (client, other) = (Dialect::AnthropicMessages, Dialect::OpenaiChat);
    let blind = ", abilities: { stop_max: 0 }";
    let mut body = json!({
        "model": "m", "max_tokens": 99, "stop_sequences": ["END", "\n\n"],
        "messages": [{ "role": "user", "content": "count" }],
    });
    let whole = Script::whole("200 OK", &chat_answer(&message("one, two END three"), "stop"));
    let mut pair = Pair::open_with(client, (other, whole), ("", blind)).await;
    let got = pair.ask(&body).await;
    let answer = got.json();
    assert_eq!(answer["content"][0]["text"], "one, two ", "{}", got.everything());
    assert_eq!(
        (&answer["stop_reason"], &answer["stop_sequence"]),
        (&json!("stop_sequence"), &json!("END"))
    );
    assert_eq!(answer["usage"]["output_tokens"], 2);
    assert_eq!(pair.asked().await.get("stop"), None);
    body["stream"] = true.into();
    let pieces = ["one, ", "two E", "ND th", "ree"];
    let endless = Script::beating(&chat_stream(&pieces[..3]), b": still here\n\n");
    let pair = Pair::open_with(client, (other, endless), ("", blind)).await;
    let text = pair.ask(&body).await.text();
    assert!(text.contains("two ") && !text.contains("th"), "{text}");
    assert!(text.contains(r#""stop_reason":"stop_sequence","stop_sequence":"END""#), "{text}");
    assert!(text.trim_end().ends_with(r#"{"type":"message_stop"}"#), "{text}");
    pair.stage.assert_idle("a provider that talks on after the stop string").await;
}
