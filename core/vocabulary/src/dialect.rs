use std::fmt;

/// An API that clients speak to us and that we speak to providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// Anthropic Messages: `POST /v1/messages`.
    AnthropicMessages,
    /// `OpenAI` Chat Completions: `POST /v1/chat/completions`.
    OpenaiChat,
    /// `OpenAI` Responses: `POST /v1/responses`.
    OpenaiResponses,
    /// Gemini `generateContent`: `POST /v1beta/models/{model}:generateContent`.
    Gemini,
    /// Amazon Bedrock Converse: `POST /model/{model}/converse`.
    BedrockConverse,
}

impl Dialect {
    /// Every dialect, in the order docs list them.
    pub const ALL: [Self; 5] = [
        Self::AnthropicMessages,
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::Gemini,
        Self::BedrockConverse,
    ];

    /// The name used in settings, headers, the journal and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "anthropic_messages",
            Self::OpenaiChat => "openai_chat",
            Self::OpenaiResponses => "openai_responses",
            Self::Gemini => "gemini",
            Self::BedrockConverse => "bedrock_converse",
        }
    }

    /// The dialect of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
