use std::collections::BTreeSet;

use serde_json::{Map, Value};

use backstop_vocabulary::Dialect;

use crate::Loss;

/// What a client asks, in no dialect.
///
/// Rich enough for every dialect; what only one of them knows is kept in `extras` and in
/// [`Block::Foreign`], for use on the same dialect, and is a listed [`crate::Loss`] on another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model the client named.
    pub model: String,
    /// The instructions that come before the conversation, in order.
    pub system: Vec<Text>,
    /// The conversation.
    pub turns: Vec<Turn>,
    /// The tools the model may call.
    pub tools: Vec<Tool>,
    /// Whether and which tool it must call.
    pub tool_choice: ToolChoice,
    /// Whether several calls in one turn are wanted; `None` is the provider's default.
    pub parallel_tools: Option<bool>,
    /// The most tokens the answer may have, reasoning included where the provider counts it.
    pub output_tokens_max: Option<u64>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Strings that end the answer.
    pub stop: Vec<String>,
    /// How much the model should think first.
    pub reasoning: Reasoning,
    /// The form the answer must have.
    pub format: Format,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// Whether a streaming client asked for usage (Chat Completions makes it optional).
    pub stream_usage: bool,
    /// An opaque id of the end user.
    pub user: Option<String>,
    /// Free key-value pairs of the client.
    pub metadata: Map<String, Value>,
    /// The service tier, in the client dialect's words.
    pub service_tier: Option<String>,
    /// `low`, `medium` or `high`: how long answers should be.
    pub verbosity: Option<String>,
    /// The dialect `extras` belong to.
    pub dialect: Option<Dialect>,
    /// Top-level fields this form has no place for, whole.
    pub extras: Map<String, Value>,
    /// What this form has no place for further inside: lost once the request is written anew, in
    /// whatever dialect.
    pub lost: Vec<Loss>,
    /// The first of `extras` that only a provider of the same dialect can honour (state it holds, a
    /// tool it runs, sound it makes): without it the request would mean something else.
    pub bound: Option<String>,
}

impl Request {
    /// Takes away the thoughts that bear a mark which does not stay.
    pub fn keep_thoughts(&mut self, mut stays: impl FnMut(&Artefact) -> bool) {
        for turn in &mut self.turns {
            turn.blocks.retain(|block| match block {
                Block::Reasoning { artefact: Some(artefact), .. } => stays(artefact),
                Block::Reasoning { artefact: None, .. }
                | Block::Text(_)
                | Block::Media(_)
                | Block::ToolCall(_)
                | Block::ToolResult(_)
                | Block::Refusal(_)
                | Block::Foreign { .. } => true,
            });
        }
        self.turns.retain(|turn| !turn.blocks.is_empty());
    }
}

/// A text with an optional prompt-cache mark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// The dialect's own cache mark at this place (`cache_control` and kin), whole.
    pub cache_hint: Option<Value>,
}

impl Text {
    /// A text without a mark.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), cache_hint: None }
    }
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person or program that asks, and the results of tools.
    User,
    /// The model.
    Assistant,
    /// An instruction in the middle of the conversation.
    System,
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub blocks: Vec<Block>,
    /// The speaker's name, where a dialect has one.
    pub name: Option<String>,
}

impl Turn {
    /// A turn of a single text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, blocks: vec![Block::Text(Text::plain(text))], name: None }
    }
}

/// A part of a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Text.
    Text(Text),
    /// An image, document or sound.
    Media(Media),
    /// A call the model made.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// What the model thought, with the state only its issuer can read.
    Reasoning {
        /// The readable part; empty when withheld.
        text: String,
        /// The opaque part, to be replayed to its issuer byte for byte.
        artefact: Option<Artefact>,
    },
    /// The model declined, in its own words.
    Refusal(String),
    /// A block only one dialect knows, whole; carried to the same dialect, lost on another.
    Foreign {
        /// Whose block it is.
        dialect: Dialect,
        /// The block's type in that dialect.
        kind: String,
        /// The block.
        json: Value,
    },
}

/// State that is bound to who made it: a signature, an encrypted thought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// The dialect whose form `data` has.
    pub dialect: Dialect,
    /// What it is in that dialect: `signature`, `redacted`, `encrypted`.
    pub kind: String,
    /// The bytes as the issuer wrote them.
    pub data: String,
}

/// What a medium shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A PDF or text document.
    Document,
    /// Sound.
    Audio,
}

/// An image, document or sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// The media type, for example `image/png`; empty when unknown.
    pub media_type: String,
    /// Where the bytes are.
    pub source: Source,
    /// A title or file name.
    pub title: Option<String>,
    /// How closely to look: `low`, `high`, `auto`.
    pub detail: Option<String>,
    /// The dialect's own cache mark at this place, whole.
    pub cache_hint: Option<Value>,
    /// Fields of this block that only its dialect knows (context, citations…).
    pub extras: Map<String, Value>,
}

/// Where the bytes of a medium are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Here, in base 64.
    Base64(String),
    /// Here, as text (a text document).
    Text(String),
    /// At an address.
    Url(String),
    /// At the provider, under an id only it knows.
    File {
        /// Whose id it is.
        dialect: Dialect,
        /// The id.
        id: String,
    },
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The id its result answers to.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: JSON text for a function, free text for a custom tool. Never re-serialised.
    pub arguments: String,
    /// Which kind of tool it is.
    pub kind: ToolKind,
    /// The dialect's own cache mark at this place, whole.
    pub cache_hint: Option<Value>,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The call it answers.
    pub call_id: String,
    /// What the tool said: texts, images, documents.
    pub blocks: Vec<Block>,
    /// Whether the tool failed.
    pub is_error: bool,
    /// The dialect's own cache mark at this place, whole.
    pub cache_hint: Option<Value>,
}

/// Which kind a tool is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ToolKind {
    /// Called with JSON arguments of a schema; run by the client.
    #[default]
    Function,
    /// Called with free text (a grammar, perhaps); run by the client.
    Custom,
    /// Built into one provider: its definition, whole. Lost or refused elsewhere.
    Hosted {
        /// Whose tool it is.
        dialect: Dialect,
        /// The definition.
        json: Value,
    },
}

/// A tool the model may call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON Schema of its arguments; `None` when the client gave none.
    pub schema: Option<Value>,
    /// Whether arguments must obey the schema; `None` is the dialect's default.
    pub strict: Option<bool>,
    /// Which kind it is.
    pub kind: ToolKind,
    /// Whether the client answers the calls of a hosted tool, so that another provider may offer a
    /// function in its place.
    pub run_by_client: bool,
    /// The dialect's own cache mark at this place, whole.
    pub cache_hint: Option<Value>,
    /// Fields only its dialect knows (`defer_loading`, `format` of a custom tool…).
    pub extras: Map<String, Value>,
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The client did not say.
    #[default]
    Unsaid,
    /// The model decides.
    Auto,
    /// Some tool.
    Any,
    /// No tool.
    None,
    /// This tool.
    Named(String),
    /// One of these; `required` says whether one must be called.
    Among {
        /// The names.
        names: Vec<String>,
        /// Whether one must be called.
        required: bool,
    },
}

impl ToolChoice {
    /// The names of the tools that may be called; `None` where all may.
    pub fn allowed(&self) -> Option<BTreeSet<&str>> {
        match self {
            Self::Among { names, .. } => Some(names.iter().map(String::as_str).collect()),
            Self::Unsaid | Self::Auto | Self::Any | Self::None | Self::Named(_) => None,
        }
    }
}

/// How tokens are drawn. Numbers are kept as the client wrote them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 1 (Anthropic) or 0 to 2 (`OpenAI`).
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// The most likely k only.
    pub top_k: Option<u64>,
    /// −2 to 2.
    pub presence_penalty: Option<f64>,
    /// −2 to 2.
    pub frequency_penalty: Option<f64>,
    /// For repeatable answers.
    pub seed: Option<i64>,
    /// How many answers; `None` is one.
    pub answers: Option<u64>,
    /// How many alternatives per token to report; `Some(0)` is the chosen token only.
    pub logprobs: Option<u64>,
    /// Token id to bias.
    pub logit_bias: Option<Value>,
}

/// How much the model should think.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// How hard; `None` is the provider's default.
    pub effort: Option<Effort>,
    /// A token budget (Anthropic's `enabled` form).
    pub budget_tokens: Option<u64>,
    /// `Some(false)`: thinking switched off; `Some(true)`: on; `None`: not said.
    pub enabled: Option<bool>,
    /// Anthropic's `adaptive` form was used.
    pub adaptive: bool,
    /// Whether a readable summary is wanted.
    pub visible: Option<bool>,
}

/// How hard to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More.
    Xhigh,
    /// As much as possible.
    Max,
}

/// The form an answer must have.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// Free text.
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON of this schema.
    Schema(JsonSchema),
}

/// A schema the answer must obey.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonSchema {
    /// Its name, where the dialect has one.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON Schema.
    pub schema: Value,
    /// Whether the provider must enforce it; `None` is the dialect's default.
    pub strict: Option<bool>,
}
