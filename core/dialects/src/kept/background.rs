//! Answers of Responses that are made while their clients are gone: what such a request is to a
//! provider, and what a client is told of its answer before there is one, and when there will be none.

use serde_json::{Value, json};

use backstop_exchange::Answer;
use backstop_vocabulary::{Dialect, Failure};

use crate::json::{bytes, object};
use crate::{Frame, Head, with_members, write_answer};

/// What an answer repeats of its request as it was asked.
const REPEATED: [&str; 14] = [
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "user",
];

/// The request as any other that asks for a stream: whether somebody waits is no provider's concern.
pub fn foreground(body: &[u8]) -> Result<Vec<u8>, Failure> {
    let bare = with_members(body, &["background", "stream"], &[])?;
    with_members(&bare, &[], &[("stream", "true")])
}

/// What is known of an answer that nobody has begun; `body` is its request.
pub fn queued_answer(head: &Head, body: &[u8]) -> Vec<u8> {
    let empty = write_answer(Dialect::OpenaiResponses, &Answer::default(), head);
    let mut answer: Value = serde_json::from_slice(&empty).unwrap_or_default();
    let asked = object(body).unwrap_or_default();
    for name in REPEATED {
        if let Some(value) = asked.get(name).filter(|value| !value.is_null()) {
            answer[name] = value.clone();
        }
    }
    match asked.get("conversation") {
        Some(Value::String(id)) => answer["conversation"] = json!({ "id": id }),
        Some(Value::Object(named)) => answer["conversation"] = named.clone().into(),
        _ => {}
    }
    answer["background"] = true.into();
    answer["store"] = true.into();
    answer["status"] = "queued".into();
    bytes(&answer)
}

/// The answer with another status.
pub fn with_status(answer: &[u8], status: &str) -> Vec<u8> {
    let mut answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    answer["status"] = status.into();
    bytes(&answer)
}

/// The answer that failed with an error response of this status and body.
pub fn as_failed(answer: &[u8], status: u16, body: &[u8]) -> Vec<u8> {
    let mut answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = match (told["error"]["code"].as_str(), status) {
        (Some(code), _) => code,
        (None, 429) => "rate_limit_exceeded",
        (None, 400..=499) => "invalid_prompt",
        (None, _) => "server_error",
    };
    let message = told["error"]["message"].as_str().unwrap_or("the request failed");
    answer["error"] = json!({ "code": code, "message": message });
    answer["status"] = "failed".into();
    bytes(&answer)
}

/// The first events of the stream of an answer that is queued, numbered from 0.
pub fn opening_events(answer: &[u8]) -> [Vec<u8>; 2] {
    ["response.created", "response.queued"].map(|name| {
        let number = u64::from(name == "response.queued");
        event(name, number, answer)
    })
}

/// The event that ends the stream of an answer that failed.
pub fn last_event(answer: &[u8], number: u64) -> Vec<u8> {
    event("response.failed", number, answer)
}

fn event(name: &str, number: u64, answer: &[u8]) -> Vec<u8> {
    // Bytes of JSON texts.
    let answer = String::from_utf8_lossy(answer);
    let data = format!(
        "{{\"type\":\"{name}\",\"sequence_number\":{number},\"response\":{}}}",
        answer.trim()
    );
    format!("event: {name}\ndata: {data}\n\n").into_bytes()
}

/// What an event of the answer says of its making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing that its client has not been told.
    Nothing,
    /// It goes on.
    News,
    /// It is over; the answer as a whole.
    Whole(Vec<u8>),
    /// It failed; what there is of it, and why.
    Failed(Vec<u8>),
}

/// Says what an event means for an answer whose beginning its client was told already.
pub fn heard(frame: &Frame) -> Told {
    let read = || serde_json::from_slice::<Value>(frame.data()).unwrap_or_default();
    let kind = match frame.event() {
        "" => read()["type"].as_str().unwrap_or_default().to_owned(),
        name => name.to_owned(),
    };
    match kind.as_str() {
        "" | "response.created" | "response.queued" => Told::Nothing,
        "response.completed" | "response.incomplete" => Told::Whole(bytes(&read()["response"])),
        "response.failed" => Told::Failed(bytes(&read()["response"])),
        _ => Told::News,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Frames, Framing};

    fn value(text: &[u8]) -> Value {
        serde_json::from_slice(text).unwrap()
    }

    #[test]
    fn no_provider_learns_that_nobody_waits() {
        for asked in [
            r#"{"model":"m","background":true,"input":"q"}"#,
            r#"{"background":true,"stream":false,"model":"m","input":"q"}"#,
        ] {
            let body = value(&foreground(asked.as_bytes()).unwrap());
            assert_eq!(body, json!({ "model": "m", "input": "q", "stream": true }));
        }
    }

    #[test]
    fn a_queued_answer_says_what_was_asked() {
        let head = Head { id: "7".to_owned(), model: "m".to_owned(), ..Head::default() };
        let body = br#"{"metadata":{"a":"b"},"conversation":"conv_1","temperature":0.5,"top_p":null,"tools":[{"type":"function","name":"f"}]}"#;
        let queued = value(&queued_answer(&head, body));
        assert_eq!(queued["id"], "resp_backstop_7");
        assert_eq!((&queued["status"], &queued["background"]), (&json!("queued"), &json!(true)));
        assert_eq!((&queued["metadata"]["a"], &queued["temperature"]), (&json!("b"), &json!(0.5)));
        assert_eq!(queued["conversation"], json!({ "id": "conv_1" }));
        assert_eq!((&queued["output"], &queued["store"]), (&json!([]), &json!(true)));
        assert_eq!(queued["tools"][0]["name"], "f");
    }

    #[test]
    fn an_answer_fails_with_the_error_that_its_client_would_have_read() {
        let failed = |status, body: &str| {
            value(&as_failed(b"{\"id\":\"r\"}", status, body.as_bytes()))["error"].clone()
        };
        let told = r#"{"error":{"message":"no such model","code":"model_not_found"}}"#;
        assert_eq!(
            failed(404, told),
            json!({ "code": "model_not_found", "message": "no such model" })
        );
        let busy = r#"{"error":{"message":"later","code":null}}"#;
        assert_eq!(failed(429, busy)["code"], "rate_limit_exceeded");
        assert_eq!(failed(400, busy)["code"], "invalid_prompt");
        assert_eq!(failed(503, "gone")["code"], "server_error");
    }

    #[test]
    fn the_events_of_an_answer_begin_once_and_end_with_it() {
        let [created, queued] = opening_events(br#"{"id":"r"}"#);
        let end = last_event(br#"{"id":"r","status":"failed"}"#, 2);
        let news = b"event: response.in_progress\ndata: {}\n\n".to_vec();
        let done =
            b"data: {\"type\":\"response.incomplete\",\"response\":{\"id\":\"r\"}}\n\n".to_vec();
        let mut frames = Frames::new(Framing::Sse, usize::MAX);
        frames.feed(Bytes::from([created, queued, news, done, end].concat()));
        let told: Vec<Told> = frames.map(|frame| heard(&frame.unwrap())).collect();
        let failed = Told::Failed(br#"{"id":"r","status":"failed"}"#.to_vec());
        let whole = Told::Whole(br#"{"id":"r"}"#.to_vec());
        assert_eq!(told, [Told::Nothing, Told::Nothing, Told::News, whole, failed]);
    }
}
