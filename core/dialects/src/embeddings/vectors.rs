//! The vectors that a host gave: read, checked, and written for a client of another form. Numbers are
//! copied as they were written.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use backstop_vocabulary::{Basis, Class, Failure, Usage};

use super::{VectorForm, VectorRequest};
use crate::base64;
use crate::errors::{ErrorHead, is_html};
use crate::{gemini, openai_chat};

/// Vectors, in the order of their inputs.
#[derive(Debug)]
pub struct Vectors<'a> {
    /// Each a list of numbers, or a text: base64 of 32-bit floats.
    vectors: Vec<&'a RawValue>,
    tokens: Option<u64>,
}

/// All members that any form has; each has few of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer<'a> {
    error: Option<IgnoredAny>,
    #[serde(borrow)]
    data: Vec<Item<'a>>,
    usage: Option<Tokens>,
    #[serde(borrow)]
    embedding: Option<&'a RawValue>,
    #[serde(borrow)]
    embeddings: Option<&'a RawValue>,
    #[serde(borrow)]
    predictions: Vec<Prediction<'a>>,
    usage_metadata: Option<Tokens>,
    input_text_token_count: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    embedding: &'a RawValue,
}

#[derive(Debug, Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    embeddings: Values<'a>,
}

#[derive(Debug, Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
    statistics: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
struct ByType<'a> {
    #[serde(borrow)]
    float: Vec<&'a RawValue>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    #[serde(alias = "promptTokenCount", alias = "token_count")]
    prompt_tokens: u64,
}

impl<'a> Vectors<'a> {
    /// Reads the body of a 200.
    ///
    /// # Errors
    ///
    /// `EmptyAnswer` and `BadAnswer`: a web page, no vector, what is no JSON; or what an error inside
    /// the 200 means. Another host may do better.
    pub fn read(form: VectorForm, answer: &'a [u8]) -> Result<Self, Failure> {
        let answer = answer.trim_ascii();
        if answer.is_empty() {
            return Err(Failure::new(Class::EmptyAnswer, "the provider answered nothing"));
        }
        if is_html("", answer) {
            return Err(bad("the provider answered with a web page".to_owned()));
        }
        let Ok(read) = serde_json::from_slice::<Answer<'a>>(answer) else {
            return Err(bad("the provider sent embeddings that are not valid json".to_owned()));
        };
        if read.error.is_some() {
            let head = ErrorHead { status: 200, ..ErrorHead::default() };
            return Err(match form {
                VectorForm::GeminiOne | VectorForm::GeminiMany | VectorForm::Predict => {
                    gemini::read_error(&head, answer)
                }
                VectorForm::Openai | VectorForm::Titan | VectorForm::Cohere => {
                    openai_chat::read_error(&head, answer)
                }
            });
        }
        let read = read.vectors(form);
        if read.vectors.is_empty() {
            let what = "the provider answered without a vector";
            return Err(Failure::new(Class::EmptyAnswer, what));
        }
        Ok(read)
    }

    /// Whether these are the vectors that were asked for.
    ///
    /// # Errors
    ///
    /// `BadAnswer`: too few, or of another length. Another host may do better.
    pub fn check(&self, asked: &VectorRequest) -> Result<(), Failure> {
        let lengths: Vec<u64> = self.vectors.iter().map(|vector| length(vector)).collect();
        let (first, came) = (lengths.first().copied().unwrap_or(0), lengths.len() as u64);
        if let Some(inputs) = asked.count.filter(|inputs| *inputs != came) {
            return Err(bad(format!("the provider gave {came} vectors for {inputs} inputs")));
        }
        if first == 0 || lengths.iter().any(|length| *length != first) {
            return Err(bad("the provider gave vectors of different lengths".to_owned()));
        }
        match asked.dimensions.filter(|wanted| *wanted != first) {
            Some(wanted) => {
                Err(bad(format!("the provider gave {first} dimensions instead of {wanted}")))
            }
            None => Ok(()),
        }
    }

    /// What they cost, where the provider tells.
    pub fn usage(&self) -> Option<Usage> {
        let usage =
            |tokens| Usage { input_uncached: tokens, basis: Basis::Reported, ..Usage::default() };
        self.tokens.map(usage)
    }

    /// Writes them for a client of this form, who calls the model this.
    pub fn write(&self, form: VectorForm, asked: &VectorRequest, model: &str) -> Vec<u8> {
        let coded = asked.is_coded && form == VectorForm::Openai;
        let written =
            |vector: &&RawValue| if coded { code(vector) } else { list(vector) }.get().to_owned();
        let vectors = self.vectors.iter().map(written);
        let values = || vectors.clone().map(|vector| format!("{{\"values\":{vector}}}"));
        let counted = self.tokens.map(|tokens| json!({ "promptTokenCount": tokens }));
        let usage = counted.map_or_else(String::new, |told| format!(",\"usageMetadata\":{told}"));
        let body = match form {
            VectorForm::GeminiOne => {
                format!("{{\"embedding\":{}{usage}}}", values().next().unwrap_or_default())
            }
            VectorForm::GeminiMany => {
                format!("{{\"embeddings\":[{}]{usage}}}", values().collect::<Vec<_>>().join(","))
            }
            VectorForm::Openai | VectorForm::Predict | VectorForm::Titan | VectorForm::Cohere => {
                let item = |(nth, vector)| {
                    format!("{{\"object\":\"embedding\",\"index\":{nth},\"embedding\":{vector}}}")
                };
                let data = vectors.clone().enumerate().map(item).collect::<Vec<_>>().join(",");
                let tokens = self.tokens.unwrap_or(0);
                let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
                let model = Value::from(model);
                format!(
                    "{{\"object\":\"list\",\"data\":[{data}],\"model\":{model},\"usage\":{usage}}}"
                )
            }
        };
        body.into_bytes()
    }
}

impl<'a> Answer<'a> {
    fn vectors(self, form: VectorForm) -> Vectors<'a> {
        let values = |value: &'a RawValue| {
            serde_json::from_str::<Values<'a>>(value.get()).ok().map(|it| it.values)
        };
        let each = |list: &'a RawValue| -> Vec<&'a RawValue> {
            serde_json::from_str(list.get()).unwrap_or_default()
        };
        let mut tokens = self.usage.or(self.usage_metadata).map(|it| it.prompt_tokens);
        let vectors: Vec<&RawValue> = match form {
            VectorForm::Openai => self.data.iter().map(|item| item.embedding).collect(),
            VectorForm::GeminiOne => self.embedding.and_then(values).into_iter().collect(),
            VectorForm::GeminiMany => self
                .embeddings
                .map(each)
                .unwrap_or_default()
                .into_iter()
                .filter_map(values)
                .collect(),
            VectorForm::Predict => {
                let counted = self.predictions.iter().filter_map(|it| it.embeddings.statistics);
                tokens = counted.map(|it| it.prompt_tokens).reduce(u64::saturating_add);
                self.predictions.iter().map(|it| it.embeddings.values).collect()
            }
            VectorForm::Titan => {
                tokens = self.input_text_token_count;
                self.embedding.into_iter().collect()
            }
            VectorForm::Cohere => self.embeddings.map_or_else(Vec::new, |all| {
                if all.get().starts_with('[') {
                    return each(all);
                }
                let typed = serde_json::from_str::<ByType<'a>>(all.get());
                typed.map_or_else(|_| Vec::new(), |typed| typed.float)
            }),
        };
        Vectors { vectors, tokens }
    }
}

fn bad(what: String) -> Failure {
    Failure::new(Class::BadAnswer, what)
}

/// How many numbers a vector has: as a list, or as base64 of 32-bit floats.
fn length(vector: &RawValue) -> u64 {
    if let Ok(coded) = serde_json::from_str::<String>(vector.get()) {
        return coded.trim_end_matches('=').len() as u64 * 3 / 4 / 4;
    }
    let items = serde_json::from_str::<Vec<IgnoredAny>>(vector.get());
    items.map_or(0, |items| items.len() as u64)
}

/// The vector as a list of numbers.
fn list(vector: &RawValue) -> Box<RawValue> {
    let Ok(coded) = serde_json::from_str::<String>(vector.get()) else { return vector.to_owned() };
    let bytes = base64::decode(&coded).unwrap_or_default();
    let number = |bytes: &[u8]| bytes.try_into().map(f32::from_le_bytes).unwrap_or_default();
    let numbers: Vec<f32> = bytes.chunks(4).map(number).collect();
    serde_json::value::to_raw_value(&numbers).unwrap_or_else(|_| vector.to_owned())
}

/// The vector as base64 of 32-bit floats.
fn code(vector: &RawValue) -> Box<RawValue> {
    let Ok(numbers) = serde_json::from_str::<Vec<f32>>(vector.get()) else {
        return vector.to_owned();
    };
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let coded = base64::encode(&bytes);
    serde_json::value::to_raw_value(&coded).unwrap_or_else(|_| vector.to_owned())
}
