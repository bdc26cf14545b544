use schemars::JsonSchema;
use serde::Deserialize;

use super::Number;
use super::route::Reasoning;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    /// Where `backstop models refresh` keeps what it collected; `backstop-models.json` by default.
    file: Option<String>,
    /// What you know of models; the first that speaks of a model counts.
    models: Option<Vec<Model>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Model {
    /// Its name, or the beginning of some names with `*` at its end.
    name: String,
    /// The vendor of the providers this is said of; all of them by default.
    vendor: Option<String>,
    /// A model it is like.
    like: Option<String>,
    /// How strong it is: models of one size stand in for each other.
    size: Option<Size>,
    /// Takes function tools.
    tools: Option<bool>,
    /// Takes images.
    images: Option<bool>,
    /// Takes PDF documents.
    documents: Option<bool>,
    /// Takes sound.
    audio: Option<bool>,
    /// Obeys a JSON schema.
    schema: Option<bool>,
    /// Continues a last assistant turn.
    prefill: Option<bool>,
    /// Takes `temperature`, `top_p` and kin.
    sampling: Option<bool>,
    /// Takes stop strings, at most so many.
    stop_max: Option<Number>,
    /// Takes tools while it reasons.
    tools_with_reasoning: Option<bool>,
    /// Takes being told not to reason at all.
    reasoning_optional: Option<bool>,
    /// Takes system turns in the middle of a conversation.
    system_turns: Option<bool>,
    /// Takes `max_completion_tokens` and refuses `max_tokens`.
    completion_tokens_field: Option<bool>,
    /// How it takes reasoning settings.
    reasoning: Option<Reasoning>,
    /// The context window in tokens.
    context_tokens_max: Option<Number>,
    /// The most output tokens it gives.
    output_tokens_max: Option<Number>,
    /// Calls several tools in one turn.
    parallel_tools: Option<bool>,
    /// The efforts it knows, weakest first.
    efforts: Option<Vec<String>>,
    /// Parameters it refuses.
    refuses: Option<Vec<String>>,
    /// The kinds of content it takes.
    inputs: Option<Vec<Modality>>,
    /// The kinds of content it gives.
    outputs: Option<Vec<Modality>>,
    /// The length of its vectors: an embedding model.
    dimensions: Option<Number>,
    /// The day its provider stops serving it: `2027-07-24`.
    retires_at: Option<String>,
    /// What it costs per million tokens.
    price: Option<Price>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Size {
    Flagship,
    Main,
    Small,
    Local,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Modality {
    Text,
    Image,
    Pdf,
    Audio,
    Video,
    Embedding,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Price {
    /// Three letters; `USD` by default.
    currency: Option<String>,
    /// A million input tokens that no cache holds.
    input: Option<Amount>,
    /// A million output tokens, reasoning included.
    output: Option<Amount>,
    /// A million input tokens read from a cache; like `input` by default.
    cached_input: Option<Amount>,
    /// A million input tokens written to a cache; like `input` by default.
    cache_write: Option<Amount>,
    /// What a request costs whose input is longer than this.
    long: Option<LongPrice>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongPrice {
    /// The largest input that is still billed at the ordinary price.
    above_tokens: Number,
    /// A million input tokens.
    input: Amount,
    /// A million output tokens.
    output: Amount,
    /// A million input tokens read from a cache; like `input` by default.
    cached_input: Option<Amount>,
}

/// An amount of money, or a variable that holds one.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Amount {
    Number(f64),
    Variable(#[schemars(regex(pattern = r"^\$\{.*\}$"))] String),
}
