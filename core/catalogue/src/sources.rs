//! What providers and shared files say of models, each in its own form.
//!
//! A reader takes a text and gives what it says; a text of another form is an error, an entry it does
//! not understand is left out. Files that people share are believed about limits, kinds of content
//! and prices only: how a model takes its parameters (prefill, sampling, reasoning) comes from its
//! provider, from our own data, or from the settings, because a wrong word there is a refused request.

mod anthropic;
mod bedrock;
mod gemini;
mod litellm;
mod models_dev;
mod openai;

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Facts, Modality, Price};

/// The longest name of a model.
const NAME_CHARS_MAX: usize = 200;

/// What a source says of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The vendor of the providers it is served at.
    pub vendor: String,
    /// Its name there.
    pub name: String,
    /// What is said.
    pub facts: Facts,
}

/// The form of a text about models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Anthropic's `GET /v1/models`.
    Anthropic,
    /// `GET /v1/models` of `OpenAI` and of everything compatible: `OpenRouter`, vLLM, Ollama, Groq,
    /// Mistral, Together, LM Studio and llama.cpp say more than it in keys of their own.
    Openai,
    /// `models.list` of the Gemini API.
    Gemini,
    /// `GET /foundation-models` of AWS.
    Bedrock,
    /// `LiteLLM`'s `model_prices_and_context_window.json`.
    Litellm,
    /// `api.json` of models.dev.
    ModelsDev,
}

impl Form {
    /// The form of this text; `None` when it is none of them.
    pub fn of(value: &Value) -> Option<Self> {
        if value.get("models").is_some_and(Value::is_array) {
            return Some(Self::Gemini);
        }
        if value.get("modelSummaries").is_some_and(Value::is_array) {
            return Some(Self::Bedrock);
        }
        if let Some(data) = value.get("data").or(Some(value)).and_then(Value::as_array) {
            let anthropic = data.iter().any(|one| one.get("type").is_some_and(|it| it == "model"));
            return Some(if anthropic { Self::Anthropic } else { Self::Openai });
        }
        let entries = value.as_object()?;
        let any = |key: &str| entries.values().any(|entry| entry.get(key).is_some());
        if any("litellm_provider") {
            return Some(Self::Litellm);
        }
        let provider = |entry: &Value| entry.get("models").is_some_and(Value::is_object);
        entries.values().any(provider).then_some(Self::ModelsDev)
    }

    /// The name for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "Anthropic's list of models",
            Self::Openai => "a list of models as OpenAI gives it",
            Self::Gemini => "the Gemini API's list of models",
            Self::Bedrock => "AWS's list of foundation models",
            Self::Litellm => "LiteLLM's price map",
            Self::ModelsDev => "api.json of models.dev",
        }
    }

    /// Whether it speaks of many vendors and says of whom: a file that people share.
    pub const fn names_vendors(self) -> bool {
        matches!(self, Self::Litellm | Self::ModelsDev)
    }
}

/// What the text says, for a provider of this vendor where the text itself names none.
///
/// # Errors
///
/// The text is no JSON, of no form that is known, or names no model.
pub fn read(text: &str, vendor: &str) -> Result<(Form, Vec<Found>), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let form = Form::of(&value).ok_or(
        "neither a provider's list of models, nor LiteLLM's price map, nor api.json of models.dev",
    )?;
    let found = match form {
        Form::Anthropic => anthropic::read(&value, vendor),
        Form::Openai => openai::read(&value, vendor),
        Form::Gemini => gemini::read(&value, vendor),
        Form::Bedrock => bedrock::read(&value, vendor),
        Form::Litellm => litellm::read(&value),
        Form::ModelsDev => models_dev::read(&value),
    };
    let good = |one: &Found| Found::is_name(&one.name) && one.facts.implausible().is_none();
    let found: Vec<Found> = found.into_iter().filter(good).collect();
    if found.is_empty() {
        return Err(format!("{} without a single model in it", form.name()));
    }
    Ok((form, found))
}

/// Where the next page of a list begins: the query to append, if there is a next page.
pub fn next_page(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    if let Some(token) = value.get("nextPageToken").and_then(Value::as_str) {
        return (!token.is_empty()).then(|| format!("pageToken={}", escaped(token)));
    }
    let more = value.get("has_more").and_then(Value::as_bool) == Some(true);
    let last = value.get("last_id").and_then(Value::as_str).filter(|_| more)?;
    Some(format!("after_id={}", escaped(last)))
}

/// The text with everything that means something in a query percent-encoded.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut query, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(query, "%{byte:02X}");
        }
        query
    })
}

impl Found {
    /// Whether a text can be a name of a model or vendor.
    pub(crate) fn is_name(name: &str) -> bool {
        let fits = |letter: char| !letter.is_control() && !letter.is_whitespace() && letter != '*';
        !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.chars().all(fits)
    }
}

impl Facts {
    /// What of these facts cannot be, in the words of a message.
    pub(crate) fn implausible(&self) -> Option<String> {
        const TOKENS_MAX: u64 = 1_000_000_000;
        const PRICE_MAX: f64 = 1e6;
        let tokens = [self.context_tokens_max, self.output_tokens_max];
        if let Some(tokens) = tokens.into_iter().flatten().find(|it| !(1..=TOKENS_MAX).contains(it))
        {
            return Some(format!("{tokens} tokens cannot be a limit"));
        }
        let price = self.price.as_ref()?;
        let long = price.long.as_ref().map(|long| [long.input, long.output]);
        let prices = price.parts().map(|(_, price)| price).chain(long.into_iter().flatten());
        let wrong = |price: &f64| !price.is_finite() || !(0.0..=PRICE_MAX).contains(price);
        prices.into_iter().find(wrong).map(|price| format!("{price} cannot be a price"))
    }

    /// Takes images, documents and sound from the kinds of content a model reads.
    fn reads(&mut self, inputs: impl IntoIterator<Item = Modality>) {
        let inputs: std::collections::BTreeSet<Modality> = inputs.into_iter().collect();
        self.images = Some(inputs.contains(&Modality::Image));
        self.documents = Some(inputs.contains(&Modality::Pdf));
        self.audio = Some(inputs.contains(&Modality::Audio));
        self.inputs = Some(inputs);
    }
}

/// A number of tokens, from a number or its text.
fn tokens(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range")]
    let whole = || value.as_f64().filter(|it| (1.0..=1e12).contains(it)).map(|it| it as u64);
    number.or_else(whole).filter(|tokens| *tokens > 0)
}

/// A price per token as one per million, without the noise of binary fractions.
fn per_million(value: Option<&Value>) -> Option<f64> {
    per(value, 1e6)
}

/// A price, times so much, rounded to a millionth.
fn per(value: Option<&Value>, times: f64) -> Option<f64> {
    let value = value?;
    let price = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    let price = (price * times * 1e6).round() / 1e6;
    (price.is_finite() && price >= 0.0).then_some(price)
}

/// Whether something is supported: `true`, or `{ "supported": true }`.
fn supported(value: Option<&Value>) -> Option<bool> {
    let value = value?;
    value.as_bool().or_else(|| value.get("supported")?.as_bool())
}

/// The kinds of content of a list of words; words nobody knows are left out.
fn modalities(value: Option<&Value>) -> Option<Vec<Modality>> {
    let word = |value: &Value| match value.as_str()? {
        "text" => Some(Modality::Text),
        "image" => Some(Modality::Image),
        "pdf" | "file" => Some(Modality::Pdf),
        "audio" => Some(Modality::Audio),
        "video" => Some(Modality::Video),
        "embedding" | "embeddings" => Some(Modality::Embedding),
        _ => None,
    };
    Some(value?.as_array()?.iter().filter_map(word).collect())
}

/// The day at the beginning of a time, `2027-07-24`.
fn day(value: Option<&Value>) -> Option<String> {
    let day = value?.as_str()?.get(..10)?;
    let shape = |(at, byte): (usize, u8)| {
        if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() }
    };
    day.bytes().enumerate().all(shape).then(|| day.to_owned())
}

/// The price, unless nothing is known of it.
fn known(price: Price) -> Option<Price> {
    (!price.is_empty()).then_some(price)
}

#[cfg(test)]
mod tests;
