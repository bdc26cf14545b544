//! What a provider of any kind understands of a request: which dialect, and which question in it.

use serde_json::{Value, json};

use backstop_dialects::{Delivery, Framing, Method, called, fixed_path, read_request};
use backstop_exchange::Request;
use backstop_vocabulary::Dialect;

/// A question, and how it is to be answered.
#[derive(Debug)]
pub(super) struct Heard {
    /// The dialect of question and answer.
    pub(super) dialect: Dialect,
    /// The dialect of errors: a cloud's own, whatever it serves.
    pub(super) errors: Dialect,
    /// How a stream is framed.
    pub(super) framing: Framing,
    pub(super) asked: Request,
}

/// The question, if the provider understands it.
pub(super) fn heard(path: &str, body: &[u8]) -> Option<Heard> {
    let body: Value = serde_json::from_slice(body).ok()?;
    if let Some((_, model)) = path.split_once("/publishers/anthropic/models/") {
        return of_vertex(model, body);
    }
    if let Some((model, call)) = path.strip_prefix("/model/").and_then(|it| it.split_once('/'))
        && call.starts_with("invoke")
    {
        return of_bedrock(model, call, body);
    }
    if let Some((_, model)) = path.split_once("/models/").filter(|(_, it)| it.contains(':')) {
        return in_path(&format!("/v1beta/models/{model}"), &body);
    }
    if path.starts_with("/model/") {
        return in_path(path, &body);
    }
    let spoken = |dialect: &Dialect| {
        let tail = fixed_path(*dialect).and_then(|path| path.strip_prefix("/v1"));
        tail.is_some_and(|tail| path.ends_with(tail))
    };
    let dialect = Dialect::ALL.into_iter().find(spoken)?;
    plain(dialect, &body)
}

fn plain(dialect: Dialect, body: &Value) -> Option<Heard> {
    let asked = read_request(dialect, body.to_string().as_bytes()).ok()?;
    Some(Heard { dialect, errors: dialect, framing: Framing::Sse, asked })
}

/// A question whose model and delivery stand in its path.
fn in_path(path: &str, body: &Value) -> Option<Heard> {
    let called = called(path)?;
    let Method::Answer(delivery) = called.method else { return None };
    let mut heard = plain(called.dialect, body)?;
    heard.asked.stream = delivery == Delivery::Stream;
    heard.framing = match called.dialect {
        Dialect::BedrockConverse => Framing::EventStream,
        Dialect::AnthropicMessages
        | Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::Gemini => Framing::Sse,
    };
    Some(heard)
}

/// Claude at Google: the model is in the path, the version in the body.
fn of_vertex(model: &str, mut body: Value) -> Option<Heard> {
    body.get("anthropic_version")?;
    body["model"] = model.split(':').next()?.into();
    plain(Dialect::AnthropicMessages, &body)
}

/// Claude at AWS: model and delivery are in the path, the version in the body.
fn of_bedrock(model: &str, call: &str, mut body: Value) -> Option<Heard> {
    body.get("anthropic_version")?;
    if body.get("model").is_some() || body.get("stream").is_some() {
        return None;
    }
    body["model"] = model.into();
    body["stream"] = json!(call == "invoke-with-response-stream");
    let heard = plain(Dialect::AnthropicMessages, &body)?;
    let (errors, framing) = (Dialect::BedrockConverse, Framing::EventStream);
    Some(Heard { errors, framing, ..heard })
}
