/// Where a usage figure comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The provider reported it.
    #[default]
    Reported,
    /// We estimated it, because the provider did not say.
    Estimated,
}

/// Tokens of one answer, in the one form every dialect is read into and written from.
///
/// Providers count differently (`OpenAI` and Gemini include cached tokens in the input, Anthropic does
/// not); here the three parts of the input never overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens that were neither read from nor written to a prompt cache.
    pub input_uncached: u64,
    /// Input tokens read from a prompt cache.
    pub cache_read: u64,
    /// Input tokens written to a prompt cache.
    pub cache_write: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// The reasoning part of `output`.
    pub reasoning: u64,
    /// Whether the figures are the provider's or ours.
    pub basis: Basis,
}

impl Usage {
    /// All input tokens: uncached, read and written.
    pub const fn input(&self) -> u64 {
        self.input_uncached.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// These figures with later ones over them; zero means "not said".
    #[must_use]
    pub fn updated(self, later: Self) -> Self {
        let pick = |later: u64, before: u64| if later == 0 { before } else { later };
        Self {
            input_uncached: pick(later.input_uncached, self.input_uncached),
            cache_read: pick(later.cache_read, self.cache_read),
            cache_write: pick(later.cache_write, self.cache_write),
            output: pick(later.output, self.output),
            reasoning: pick(later.reasoning, self.reasoning),
            basis: self.basis.max(later.basis),
        }
    }

    /// The sum of two answers' usage; estimated if either is.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_uncached: self.input_uncached.saturating_add(other.input_uncached),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            basis: self.basis.max(other.basis),
        }
    }
}
