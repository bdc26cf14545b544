use std::fmt;

use crate::Dialect;

/// What a client speaks to us: a dialect of conversations, or an API whose bytes pass as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    /// A conversation in this dialect.
    Answer(Dialect),
    /// `OpenAI`'s embeddings: `POST /v1/embeddings`.
    Embeddings,
    /// Gemini's embeddings: `:embedContent` and `:batchEmbedContents`.
    GeminiEmbeddings,
    /// Anything else that a provider offers: `/passthrough/{provider}/…`.
    Passthrough,
}

impl Api {
    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let dialects = Dialect::ALL.into_iter().map(Self::Answer);
        dialects.chain([Self::Embeddings, Self::GeminiEmbeddings, Self::Passthrough])
    }

    /// The name used in the journal and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answer(dialect) => dialect.name(),
            Self::Embeddings => "openai_embeddings",
            Self::GeminiEmbeddings => "gemini_embeddings",
            Self::Passthrough => "passthrough",
        }
    }

    /// The API of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|api| api.name() == name)
    }
}

impl From<Dialect> for Api {
    fn from(dialect: Dialect) -> Self {
        Self::Answer(dialect)
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
