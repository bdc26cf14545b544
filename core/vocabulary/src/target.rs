use std::fmt;
use std::sync::Arc;

/// How good an answer is, compared with what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The model asked for, or one that stands in for it without loss.
    Full,
    /// Useful, but less than what was asked for: a small local model.
    Degraded,
}

impl Tier {
    /// The name used in settings, headers and the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Degraded => "degraded",
        }
    }
}

/// The unit of health: one model at one provider with one credential, perhaps in one region.
///
/// It is the stable name of a target: health survives a reload under it. Shown as
/// `provider/model`, with `#credential` and `@region` where they are not the default.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    /// The provider's name in the settings.
    pub provider: Arc<str>,
    /// The model's name at that provider.
    pub model: Arc<str>,
    /// The credential's name in the settings; `default` when the provider has only one.
    pub credential: Arc<str>,
    /// The region, where the provider has several.
    pub region: Option<Arc<str>>,
}

impl TargetKey {
    /// The credential name of a provider that has only one.
    pub const DEFAULT_CREDENTIAL: &'static str = "default";

    /// A target with the provider's only credential and no region.
    pub fn new(provider: &str, model: &str) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            credential: Self::DEFAULT_CREDENTIAL.into(),
            region: None,
        }
    }
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)?;
        if &*self.credential != Self::DEFAULT_CREDENTIAL {
            write!(f, "#{}", self.credential)?;
        }
        self.region.as_ref().map_or(Ok(()), |region| write!(f, "@{region}"))
    }
}
