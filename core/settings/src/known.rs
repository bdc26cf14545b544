use backstop_vocabulary::Dialect;

use crate::ProviderKind;

/// A provider that needs no description beyond its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) kind: ProviderKind,
    pub(crate) dialect: Dialect,
    /// What it speaks as well.
    pub(crate) also: &'static [Dialect],
    pub(crate) base_url: &'static str,
    /// The variable that holds its key by custom; empty when it needs none.
    pub(crate) key_variable: &'static str,
}

/// The providers known by name, in the order docs list them.
pub(crate) const KNOWN: [Known; 10] = [
    Known {
        name: "anthropic",
        kind: ProviderKind::Anthropic,
        dialect: Dialect::AnthropicMessages,
        also: &[],
        base_url: "https://api.anthropic.com",
        key_variable: "ANTHROPIC_API_KEY",
    },
    Known {
        name: "openai",
        kind: ProviderKind::Openai,
        dialect: Dialect::OpenaiChat,
        also: &[Dialect::OpenaiResponses],
        base_url: "https://api.openai.com",
        key_variable: "OPENAI_API_KEY",
    },
    compatible("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    compatible("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    compatible("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    compatible("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    compatible("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    compatible("ollama", "http://127.0.0.1:11434/v1", ""),
    compatible("vllm", "http://127.0.0.1:8000/v1", ""),
    compatible("lmstudio", "http://127.0.0.1:1234/v1", ""),
];

const fn compatible(
    name: &'static str,
    base_url: &'static str,
    key_variable: &'static str,
) -> Known {
    let (kind, dialect) = (ProviderKind::Compatible, Dialect::OpenaiChat);
    Known { name, kind, dialect, also: &[], base_url, key_variable }
}

/// The provider of that name.
pub(crate) fn known(name: &str) -> Option<Known> {
    KNOWN.into_iter().find(|known| known.name == name)
}

/// The provider that lives at that host, whatever the operator calls it.
pub(crate) fn known_at(host: &str) -> Option<Known> {
    let at = |known: &Known| {
        known.base_url.split("://").nth(1).is_some_and(|rest| rest.split('/').next() == Some(host))
    };
    KNOWN.into_iter().find(at)
}
