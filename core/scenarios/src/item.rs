use std::borrow::Cow;

use backstop_vocabulary::{Dialect, Tier};
use serde_json::{Value, json};

use crate::digest::digest;
use crate::intake::refuses_tools_with_reasoning;
use crate::speech::Speech;
use crate::{Ask, Delivery, Flaw, Heard, ProviderSettings, SDK_LOGIN, ToolAsk};

/// One request of a simulated client, and what would be a right answer to it.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkItem {
    /// Which one, from 0.
    pub number: u64,
    /// The kind of client.
    pub population: String,
    /// The model it asks for.
    pub model: String,
    /// The dialect it speaks.
    pub dialect: Dialect,
    /// Whole or streamed.
    pub delivery: Delivery,
    /// What it wants.
    pub wish: Wish,
    /// What it says; begins with a mark that names its population.
    pub prompt: String,
}

/// What a client wants of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Free text.
    Text,
    /// Calls of the tools it offers.
    Tools,
    /// JSON of a schema.
    Schema,
}

/// What a client got, by its own check and never by a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Whole and right, from a target of full worth.
    Full,
    /// Whole and right, from a lesser target.
    Useful,
    /// Anything else.
    Failed(Flaw),
}

impl WorkItem {
    /// The path it is sent to.
    pub fn path(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self.dialect {
            Dialect::AnthropicMessages => "/v1/messages",
            Dialect::OpenaiChat => "/v1/chat/completions",
            Dialect::OpenaiResponses => "/v1/responses",
            Dialect::Gemini if self.delivery.is_stream() => {
                let path = format!("/v1beta/models/{}:streamGenerateContent?alt=sse", self.model);
                return path.into();
            }
            Dialect::Gemini => {
                return format!("/v1beta/models/{}:generateContent", self.model).into();
            }
            Dialect::BedrockConverse => {
                let method = if self.delivery.is_stream() { "-stream" } else { "" };
                return format!("/model/{}/converse{method}", self.model).into();
            }
        })
    }

    /// The headers it is sent with, beside length and host.
    pub fn headers(&self, key: &str) -> Vec<(&'static str, String)> {
        let json = ("content-type", "application/json".to_owned());
        match self.dialect {
            Dialect::AnthropicMessages => vec![
                json,
                ("anthropic-version", "2023-06-01".to_owned()),
                ("x-api-key", key.to_owned()),
            ],
            Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::BedrockConverse => {
                vec![json, ("authorization", format!("Bearer {key}"))]
            }
            Dialect::Gemini => vec![json, ("x-goog-api-key", key.to_owned())],
        }
    }

    /// The body it is sent with.
    pub fn body(&self) -> Vec<u8> {
        let mut body = json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": self.prompt }],
            "stream": self.delivery.is_stream(),
        });
        match self.dialect {
            Dialect::AnthropicMessages => self.finish_anthropic(&mut body),
            Dialect::OpenaiChat => self.finish_openai(&mut body),
            Dialect::OpenaiResponses => return self.responses_body().to_string().into_bytes(),
            Dialect::Gemini => return self.gemini_body().to_string().into_bytes(),
            Dialect::BedrockConverse => return self.converse_body().to_string().into_bytes(),
        }
        body.to_string().into_bytes()
    }

    /// The same request as it would reach a provider directly, in that provider's own dialect.
    pub fn ask(&self, provider: &ProviderSettings, model: &str) -> Ask {
        let mut ask = Ask::text(&provider.name, provider.dialect, model, &self.prompt);
        ask.delivery = self.delivery;
        let usual = if provider.login.is_some() { SDK_LOGIN } else { "" };
        ask.credential = provider.keys.first().cloned().unwrap_or_else(|| usual.to_owned());
        match self.wish {
            Wish::Text => {}
            Wish::Tools => ask.tools = tools(),
            Wish::Schema => ask.schema = Some(schema()),
        }
        ask
    }

    /// Judges what came back from a target of this worth.
    pub fn verdict(&self, heard: Result<Heard, Flaw>, tier: Tier) -> Verdict {
        match heard.and_then(|heard| self.check(&heard)) {
            Err(flaw) => Verdict::Failed(flaw),
            Ok(()) => match tier {
                Tier::Full => Verdict::Full,
                Tier::Degraded => Verdict::Useful,
            },
        }
    }

    /// Whether this is the answer: every character, every call.
    pub fn check(&self, heard: &Heard) -> Result<(), Flaw> {
        let right = self.speech();
        if heard.calls.len() != right.calls.len() {
            return Err(Flaw::WrongAnswer);
        }
        for ((name, arguments), (said, wanted)) in heard.calls.iter().zip(&right.calls) {
            let arguments: Value =
                serde_json::from_str(arguments).map_err(|_| Flaw::GarbledArguments)?;
            let wanted: Value = serde_json::from_str(wanted).map_err(|_| Flaw::WrongAnswer)?;
            if name != said || arguments != wanted {
                return Err(Flaw::WrongAnswer);
            }
        }
        let is_same = match self.wish {
            Wish::Text | Wish::Tools => heard.text == right.text,
            Wish::Schema => {
                let said: Option<Value> = serde_json::from_str(&heard.text).ok();
                let said = said.ok_or(Flaw::GarbledArguments)?;
                serde_json::from_str::<Value>(&right.text).is_ok_and(|wanted| wanted == said)
            }
        };
        if is_same { Ok(()) } else { Err(Flaw::WrongAnswer) }
    }

    fn speech(&self) -> Speech {
        let mut ask = Ask::text("", self.dialect, &self.model, &self.prompt);
        match self.wish {
            Wish::Text => {}
            Wish::Tools => ask.tools = tools(),
            Wish::Schema => ask.schema = Some(schema()),
        }
        Speech::of(&ask)
    }

    fn finish_anthropic(&self, body: &mut Value) {
        body["max_tokens"] = json!(2048);
        match self.wish {
            Wish::Text => {}
            Wish::Tools => {
                let tools = tools().into_iter();
                body["tools"] =
                    tools.map(|it| json!({ "name": it.name, "input_schema": it.schema })).collect();
            }
            Wish::Schema => {
                body["output_config"] =
                    json!({ "format": { "type": "json_schema", "schema": schema() } });
            }
        }
    }

    fn finish_openai(&self, body: &mut Value) {
        if self.delivery == Delivery::StreamWithUsage {
            body["stream_options"] = json!({ "include_usage": true });
        }
        match self.wish {
            Wish::Text => {}
            Wish::Tools => {
                let tools = tools().into_iter();
                body["tools"] = tools
                    .map(|it| {
                        let function = json!({ "name": it.name, "parameters": it.schema });
                        json!({ "type": "function", "function": function })
                    })
                    .collect();
                if refuses_tools_with_reasoning(&self.model) {
                    body["reasoning_effort"] = json!("none");
                }
            }
            Wish::Schema => {
                let form = json!({ "name": "triage", "schema": schema(), "strict": true });
                body["response_format"] = json!({ "type": "json_schema", "json_schema": form });
            }
        }
    }
}

impl WorkItem {
    fn gemini_body(&self) -> Value {
        let mut body =
            json!({ "contents": [{ "role": "user", "parts": [{ "text": self.prompt }] }] });
        match self.wish {
            Wish::Text => {}
            Wish::Tools => {
                let function =
                    |it: ToolAsk| json!({ "name": it.name, "parametersJsonSchema": it.schema });
                let functions: Vec<Value> = tools().into_iter().map(function).collect();
                body["tools"] = json!([{ "functionDeclarations": functions }]);
            }
            Wish::Schema => {
                body["generationConfig"] = json!({
                    "responseMimeType": "application/json", "responseJsonSchema": schema(),
                });
            }
        }
        body
    }

    fn responses_body(&self) -> Value {
        let mut body = json!({
            "model": self.model,
            "input": [{ "role": "user", "content": self.prompt }],
            "stream": self.delivery.is_stream(),
            "store": false,
        });
        match self.wish {
            Wish::Text => {}
            Wish::Tools => {
                let function = |it: ToolAsk| {
                    json!({ "type": "function", "name": it.name, "parameters": it.schema,
                            "strict": false })
                };
                body["tools"] = tools().into_iter().map(function).collect();
            }
            Wish::Schema => {
                let format = json!({ "type": "json_schema", "name": "triage", "schema": schema(),
                                     "strict": true });
                body["text"] = json!({ "format": format });
            }
        }
        body
    }
}

impl WorkItem {
    fn converse_body(&self) -> Value {
        let mut body = json!({
            "messages": [{ "role": "user", "content": [{ "text": self.prompt }] }],
            "inferenceConfig": { "maxTokens": 2048 },
        });
        match self.wish {
            Wish::Text => {}
            Wish::Tools => {
                let spec = |it: ToolAsk| json!({ "toolSpec": { "name": it.name, "inputSchema": { "json": it.schema } } });
                let tools: Vec<Value> = tools().into_iter().map(spec).collect();
                body["toolConfig"] = json!({ "tools": tools });
            }
            Wish::Schema => {
                let form =
                    json!({ "jsonSchema": { "name": "triage", "schema": schema().to_string() } });
                body["outputConfig"] =
                    json!({ "textFormat": { "type": "json_schema", "structure": form } });
            }
        }
        body
    }
}

/// A prompt of a population: the mark, then words.
pub(crate) fn prompt(population: &str, number: u64) -> String {
    let topic =
        crate::sample::WORDS[usize::try_from(digest(&number.to_le_bytes()) % 8).unwrap_or(0)];
    format!("[{population}/{number}] Please tell me about the {topic}, briefly and to the point.")
}

fn tools() -> Vec<ToolAsk> {
    let weather = json!({
        "type": "object",
        "properties": { "city": { "type": "string" }, "days": { "type": "integer" } },
        "required": ["city", "days"],
        "additionalProperties": false,
    });
    let search = json!({
        "type": "object",
        "properties": {
            "query": { "type": "string" },
            "open": { "type": "boolean" },
            "limit": { "type": "integer", "minimum": 1, "maximum": 50 },
        },
        "required": ["query", "open", "limit"],
        "additionalProperties": false,
    });
    vec![
        ToolAsk { name: "get_weather".to_owned(), schema: weather },
        ToolAsk { name: "search_tickets".to_owned(), schema: search },
    ]
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "summary": { "type": "string" },
            "priority": { "type": "string", "enum": ["low", "normal", "high"] },
            "score": { "type": "integer" },
            "tags": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["summary", "priority", "score", "tags"],
        "additionalProperties": false,
    })
}
