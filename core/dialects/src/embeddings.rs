//! Vectors of texts: what clients ask in `OpenAI`'s and Gemini's form, and how each host of a model is
//! asked. Where a host speaks the client's own form the bytes pass as they are; what came back is
//! always checked for what a client relies on: a vector for each input, all of one length, of the
//! length that was asked for.
//!
//! Only hosts of one and the same model are ever asked, so a word that changes its vectors (what the
//! text is for, its title) either goes along or makes the host unfit. It is never left out.

mod bedrock;
mod gemini;
mod openai;
mod vectors;

use serde_json::Value;

use backstop_exchange::Loss;
use backstop_vocabulary::{Class, Failure};

pub use vectors::Vectors;

/// The path of `OpenAI`'s form, at us and below a provider's base URL.
pub const EMBEDDINGS_PATH: &str = "/v1/embeddings";

/// How vectors are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorForm {
    /// `OpenAI`'s `/v1/embeddings`.
    Openai,
    /// Gemini's `:embedContent`: one text.
    GeminiOne,
    /// Gemini's `:batchEmbedContents`.
    GeminiMany,
    /// Vertex's `:predict`.
    Predict,
    /// Amazon's Titan by Bedrock's `invoke`: one text.
    Titan,
    /// Cohere's models by Bedrock's `invoke`.
    Cohere,
}

/// What is wanted, in no form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorRequest {
    inputs: Vec<Input>,
    /// How many vectors are expected; `None` where that cannot be read.
    count: Option<u64>,
    dimensions: Option<u64>,
    /// Whether the client reads vectors as base64 of 32-bit floats.
    is_coded: bool,
    /// What Cohere's models make of a text: `search_document`.
    input_type: Option<String>,
    /// What is asked for that only the client's own form can say.
    beyond: Option<String>,
    /// What says who asks, and changes no vector.
    user: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Input {
    text: String,
    /// What Gemini's models make of it: `RETRIEVAL_QUERY`.
    task: Option<String>,
    title: Option<String>,
}

impl VectorRequest {
    /// Reads a client's request. What cannot be read is left to a host of the same form to judge.
    pub fn read(form: VectorForm, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match form {
            VectorForm::GeminiOne => gemini::read_one(&body),
            VectorForm::GeminiMany => gemini::read_many(&body),
            VectorForm::Openai | VectorForm::Predict | VectorForm::Titan | VectorForm::Cohere => {
                openai::read(&body)
            }
        }
    }

    /// The cheapest question that a host of this form takes.
    pub fn probe(form: VectorForm) -> Self {
        let input = Input { text: "ready".to_owned(), ..Input::default() };
        let input_type = (form == VectorForm::Cohere).then(|| "search_query".to_owned());
        Self { inputs: vec![input], count: Some(1), input_type, ..Self::default() }
    }

    /// Writes it for a host, which calls the model this, and says what stays behind.
    ///
    /// # Errors
    ///
    /// `UnsupportedFeature`, in words that end the sentence "it …": the form cannot say it.
    pub fn write(&self, form: VectorForm, model: &str) -> Result<(Vec<u8>, Vec<Loss>), Failure> {
        if let Some(what) = &self.beyond {
            return lacks(&format!("{what} for vectors"));
        }
        let body = match form {
            VectorForm::Openai => openai::write(self, model)?,
            VectorForm::GeminiOne => gemini::write_one(self)?,
            VectorForm::GeminiMany => gemini::write_many(self, model)?,
            VectorForm::Predict => gemini::write_instances(self, model)?,
            VectorForm::Titan => bedrock::write_titan(self)?,
            VectorForm::Cohere => bedrock::write_cohere(self)?,
        };
        let lost = self.user.is_some() && form != VectorForm::Openai;
        let losses = lost.then(|| Loss::new("user", "the host has no place for it"));
        Ok((body.to_string().into_bytes(), losses.into_iter().collect()))
    }

    /// The only input, where the form takes one.
    fn only(&self) -> Result<&Input, Failure> {
        match self.inputs.as_slice() {
            [input] => Ok(input),
            _ => lacks("several inputs at once"),
        }
    }

    /// Stops at what only Gemini's models are told.
    fn has_no_tasks(&self) -> Result<(), Failure> {
        let told = |input: &Input| input.task.is_some() || input.title.is_some();
        if self.inputs.iter().any(told) { lacks("tasks and titles of texts") } else { Ok(()) }
    }

    /// Stops at what only Cohere's models are told.
    fn has_no_type(&self) -> Result<(), Failure> {
        if self.input_type.is_some() { lacks("input_type") } else { Ok(()) }
    }
}

fn lacks<T>(what: &str) -> Result<T, Failure> {
    Err(Failure::new(Class::UnsupportedFeature, format!("lacks {what}")))
}

/// A text member that says something.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The name of a member that says something and is not among these.
fn other_than(value: &Value, known: &[&str]) -> Option<String> {
    let members = value.as_object()?;
    let says =
        |(name, value): &(&String, &Value)| !value.is_null() && !known.contains(&name.as_str());
    members.iter().find(says).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests;
