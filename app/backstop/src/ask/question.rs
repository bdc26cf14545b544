//! What is asked, of which model, in which dialect.

use std::io::{self, IsTerminal as _, Read as _};

use backstop_catalogue::{Catalogue, Model, Size};
use backstop_dialects::Delivery;
use backstop_settings::{Route, Rung, Settings, TargetChoice, TargetModel};
use backstop_vocabulary::Dialect;
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};

use crate::cli;
use crate::exit::UsageError;

/// The longest answer where the model's own limit is not known; Messages must name one.
const OUTPUT_TOKENS_MAX: u64 = 4096;
/// The longest answer asked for where the model could give more: a day's reading.
const OUTPUT_TOKENS_WANTED: u64 = 32_000;

/// One question, ready to be sent.
pub(super) struct Question {
    pub(super) model: String,
    pub(super) dialect: Dialect,
    text: String,
    system: Option<String>,
    output_tokens_max: u64,
}

impl Question {
    /// Takes argument and standard input together: the argument is the instruction, what comes in
    /// is the material.
    pub(super) fn gather(args: &cli::Ask, settings: &Settings) -> anyhow::Result<Self> {
        let text = text(args.question.as_deref())?;
        let catalogue = Catalogue::built_in();
        let model = match &args.model {
            Some(model) => model.clone(),
            None => usual_model(settings, &catalogue).ok_or_else(|| {
                UsageError("no route names a model: say which with `--model`".to_owned())
            })?,
        };
        let known = catalogue.model("", &model);
        let anthropic = match known {
            Some(known) => known.vendor == "anthropic",
            None => model.starts_with("claude"),
        };
        let dialect = if anthropic { Dialect::AnthropicMessages } else { Dialect::OpenaiChat };
        let most = known.and_then(|known| known.abilities.output_tokens_max);
        let output_tokens_max = most.unwrap_or(OUTPUT_TOKENS_MAX).min(OUTPUT_TOKENS_WANTED);
        Ok(Self { model, dialect, text, system: args.system.clone(), output_tokens_max })
    }

    /// The request as any client would send it.
    pub(super) fn request(&self) -> io::Result<(Parts, Bytes)> {
        let mut request = http::Request::new(());
        *request.method_mut() = http::Method::POST;
        let path = backstop_dialects::path(self.dialect, &self.model, Delivery::Stream);
        *request.uri_mut() = path.parse().map_err(io::Error::other)?;
        let kind = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        Ok((request.into_parts().0, Bytes::from(self.body().to_string())))
    }

    fn body(&self) -> Value {
        let asks = json!({ "role": "user", "content": self.text });
        match self.dialect {
            Dialect::AnthropicMessages => {
                let mut body = json!({
                    "model": self.model, "max_tokens": self.output_tokens_max,
                    "stream": true, "messages": [asks],
                });
                if let Some(system) = &self.system {
                    body["system"] = json!(system);
                }
                body
            }
            Dialect::OpenaiResponses => json!({
                "model": self.model, "stream": true, "store": false,
                "instructions": self.system, "input": self.text,
            }),
            Dialect::Gemini => {
                let said = |text: &str| json!({ "parts": [{ "text": text }] });
                let mut body = json!({ "contents": [said(&self.text)] });
                if let Some(system) = &self.system {
                    body["systemInstruction"] = said(system);
                }
                body
            }
            Dialect::BedrockConverse => {
                let mut body = json!({
                    "messages": [{ "role": "user", "content": [{ "text": self.text }] }],
                    "inferenceConfig": { "maxTokens": self.output_tokens_max },
                });
                if let Some(system) = &self.system {
                    body["system"] = json!([{ "text": system }]);
                }
                body
            }
            Dialect::OpenaiChat => {
                let system = self.system.iter();
                let mut turns: Vec<Value> =
                    system.map(|text| json!({ "role": "system", "content": text })).collect();
                turns.push(asks);
                json!({
                    "model": self.model, "stream": true,
                    "stream_options": { "include_usage": true }, "messages": turns,
                })
            }
        }
    }
}

fn text(argument: Option<&str>) -> anyhow::Result<String> {
    let mut material = String::new();
    if !io::stdin().is_terminal() {
        let read = io::stdin().lock().read_to_string(&mut material);
        read.map_err(|error| UsageError(format!("cannot read standard input as text: {error}")))?;
    }
    let (instruction, material) = (argument.unwrap_or_default().trim(), material.trim_end());
    let text = match (instruction, material) {
        ("", "") => {
            let cure = "give it as an argument or on standard input";
            return Err(UsageError(format!("there is no question: {cure}")).into());
        }
        (instruction, "") => instruction.to_owned(),
        ("", material) => material.to_owned(),
        (instruction, material) => format!("{instruction}\n\n{material}"),
    };
    Ok(text)
}

/// The model of the first route that an operator wrote; else an everyday model whose own vendor is
/// there; else whatever the first route offers.
fn usual_model(settings: &Settings, catalogue: &Catalogue) -> Option<String> {
    let mut routes = settings.routes.iter().filter(|route| !route.models.is_empty());
    if let Some(written) = routes.clone().find(|route| !route.built_in) {
        return model_of(written, catalogue);
    }
    let own = |name: &&str| {
        let route = settings.route(name);
        let first = route.and_then(|route| route.ladder.first());
        let targets = first.map(targets).unwrap_or_default();
        targets.iter().any(|target| target.model == TargetModel::AsAsked)
    };
    let everyday = best(catalogue).find(own).map(str::to_owned);
    everyday.or_else(|| routes.find_map(|route| model_of(route, catalogue)))
}

/// A model that a route answers: named outright, or the best known one that a pattern matches.
fn model_of(route: &Route, catalogue: &Catalogue) -> Option<String> {
    let plain = route.models.iter().find(|pattern| !pattern.as_str().contains('*'));
    if let Some(pattern) = plain {
        return Some(pattern.as_str().to_owned());
    }
    let matches = |name: &&str| route.models.iter().any(|pattern| pattern.matches(name));
    let listed = catalogue.models().iter().filter_map(Model::listed_name);
    let mut named =
        route.ladder.iter().flat_map(targets).filter_map(|target| match &target.model {
            TargetModel::Named(name) => Some(&**name),
            TargetModel::AsAsked => None,
        });
    best(catalogue).chain(listed).find(matches).or_else(|| named.next()).map(str::to_owned)
}

/// The targets of a rung; none of a kind of rung that this version does not know.
fn targets(rung: &Rung) -> &[TargetChoice] {
    if let Rung::Targets(targets) = rung { targets } else { &[] }
}

/// What each vendor would send, everyday models first.
fn best(catalogue: &Catalogue) -> impl Iterator<Item = &str> {
    let sizes = [Size::Main, Size::Flagship, Size::Small];
    sizes.into_iter().flat_map(|size| catalogue.best_of(size, "")).map(|one| one.model)
}
