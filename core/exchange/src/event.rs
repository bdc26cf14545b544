use backstop_vocabulary::{Failure, Usage};

use crate::{Artefact, ToolKind};

/// One step of an answer. A stream is a sequence of these; a whole answer is the same sequence at
/// once. Text and fragments are never empty.
///
/// Order: `Start`, then content, then at most one `Finish`, with `Usage` anywhere (later figures
/// replace earlier ones, field by field where zero means "not said"), then `Done`. A `Failed` ends
/// the sequence wherever it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The provider's id of the answer; may be empty.
        id: String,
        /// The model that answers, by its own account; may be empty.
        model: String,
    },
    /// A piece of visible text.
    Text(String),
    /// A piece of readable reasoning.
    Reasoning(String),
    /// What closes the current reasoning block so that its issuer knows it again: a signature, or
    /// the encrypted thought.
    ReasoningSignature(Artefact),
    /// Reasoning that only its issuer can read, whole.
    ReasoningOpaque(Artefact),
    /// A tool call begins. Ordinals count from 0 within the answer.
    ToolStart {
        /// Which call.
        ordinal: u32,
        /// The id its result will answer to; never empty (a reader mints one).
        id: String,
        /// The tool's name.
        name: String,
        /// Function or custom.
        kind: ToolKind,
    },
    /// A piece of a call's arguments.
    ToolArguments {
        /// Which call.
        ordinal: u32,
        /// The piece of JSON text (or free text of a custom tool).
        fragment: String,
    },
    /// A tool call is complete.
    ToolEnd {
        /// Which call.
        ordinal: u32,
    },
    /// A piece of the model's own words when it declines.
    Refusal(String),
    /// A content block that only the reading dialect knows, in raw form, whole: the data of its
    /// frames in order. Lost on other dialects. Counts as content.
    Foreign {
        /// The block's type in its dialect.
        kind: String,
    },
    /// What the answer has cost so far.
    Usage(Usage),
    /// The answer is over for this reason; usage may still follow.
    Finish(Finish),
    /// A sign of life without content.
    Ping,
    /// The terminal event was seen: a complete stream.
    Done,
    /// The provider reported an error inside the answer.
    Failed(Failure),
}

impl Event {
    /// Whether this is content that a person or program would miss: the commit point of a stream is
    /// the first meaningful event. Reasoning counts; pings, starts, usage and signatures do not.
    pub const fn is_meaningful(&self) -> bool {
        match self {
            Self::Text(_)
            | Self::Reasoning(_)
            | Self::ReasoningOpaque(_)
            | Self::ToolStart { .. }
            | Self::ToolArguments { .. }
            | Self::ToolEnd { .. }
            | Self::Refusal(_)
            | Self::Foreign { .. } => true,
            Self::Start { .. }
            | Self::ReasoningSignature(_)
            | Self::Usage(_)
            | Self::Finish(_)
            | Self::Ping
            | Self::Done
            | Self::Failed(_) => false,
        }
    }
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model was done.
    End,
    /// A stop string was met; which one, where the dialect says.
    Stop(Option<String>),
    /// The model waits for the results of its calls.
    ToolUse,
    /// The limit of output tokens was reached.
    Length,
    /// The context window is full.
    WindowFull,
    /// The provider paused its own tool loop; send the answer back to go on.
    Paused,
    /// The model or a filter declined.
    Refused {
        /// The category, where the dialect says.
        category: Option<String>,
    },
    /// A reason this version does not know, in the provider's words.
    Other(String),
}

impl Finish {
    /// A stable name for the journal and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Stop(_) => "stop",
            Self::ToolUse => "tool_use",
            Self::Length => "length",
            Self::WindowFull => "window_full",
            Self::Paused => "paused",
            Self::Refused { .. } => "refused",
            Self::Other(_) => "other",
        }
    }
}
