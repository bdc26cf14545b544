use std::collections::BTreeMap;

use backstop_exchange::{CallIds, Habits, Prefill};
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
    /// Empty where each customer has an address of its own.
    pub(crate) base_url: &'static str,
    /// The variable that holds its key by custom; empty when it needs none.
    pub(crate) key_variable: &'static str,
    /// Who runs it, and so what fails together with it: of the same weights at two clouds one goes on.
    pub(crate) vendor: &'static str,
    /// Where its vendor says how it is; empty if nowhere.
    pub(crate) status_page: &'static str,
    /// How it departs from Chat Completions.
    pub(crate) habits: Habits,
}

/// Refuses every field it does not know with 422 `extra_forbidden`, reported of these; its own
/// reference has `random_seed`, and ids of calls are nine letters and digits.
const MISTRAL: Habits = Habits {
    refuses: &[
        "stream_options",
        "user",
        "safety_identifier",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "top_k",
        "store",
        "verbosity",
        "service_tier",
        "prompt_cache_key",
        "messages.name",
    ],
    seed: "random_seed",
    call_ids: CallIds::Nine,
    ..Habits::PLAIN
};
/// <https://console.groq.com/docs/openai>
const GROQ: Habits = Habits {
    refuses: &["logprobs", "top_logprobs", "logit_bias", "messages.name", "n"],
    ..Habits::PLAIN
};
/// <https://api-docs.deepseek.com/guides/thinking_mode>: 400 unless the thought before a call comes
/// back with it. `json_object` is the only form of an answer.
const DEEPSEEK: Habits = Habits { wants_thoughts: true, schema: false, ..Habits::PLAIN };
/// <https://docs.x.ai/docs/guides/reasoning>: its reasoning models refuse these, and stop strings.
const XAI: Habits = Habits {
    refuses: &["presence_penalty", "frequency_penalty", "logit_bias"],
    stop: false,
    ..Habits::PLAIN
};
/// Passes these over in silence; images only as their bytes.
const OLLAMA: Habits = Habits {
    refuses: &["n", "logit_bias"],
    heeds_tool_choice: false,
    fetches_images: false,
    ..Habits::PLAIN
};
const VLLM: Habits = Habits { prefill: Some(Prefill::Flags), ..Habits::PLAIN };
/// Continues a last assistant turn of itself.
const LLAMACPP: Habits = Habits { prefill: Some(Prefill::Plain), ..Habits::PLAIN };

/// A second variable that the vendor's own tools look into, where they do.
const ALSO_KEYS: [(&str, &str); 1] = [("GEMINI_API_KEY", "GOOGLE_API_KEY")];

impl Known {
    /// Its key from the environment, and the variable that holds it.
    pub(crate) fn key_in(self, env: &BTreeMap<String, String>) -> Option<(&'static str, &str)> {
        let also = ALSO_KEYS.into_iter().filter(|(first, _)| *first == self.key_variable);
        let variables = std::iter::once(self.key_variable).chain(also.map(|(_, second)| second));
        let mut set = variables.filter_map(|name| Some((name, env.get(name)?.as_str())));
        set.find(|(_, key)| !key.trim().is_empty())
    }
}

/// The providers known by name, in the order docs list them.
pub(crate) const KNOWN: [Known; 17] = [
    Known {
        kind: ProviderKind::Anthropic,
        dialect: Dialect::AnthropicMessages,
        status_page: "https://status.claude.com",
        ..compatible("anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY")
    },
    Known {
        kind: ProviderKind::Openai,
        also: &[Dialect::OpenaiResponses],
        status_page: "https://status.openai.com",
        ..compatible("openai", "https://api.openai.com", "OPENAI_API_KEY")
    },
    Known {
        kind: ProviderKind::Azure,
        also: &[Dialect::OpenaiResponses],
        status_page: "https://azure.status.microsoft/status",
        ..compatible("azure", "", "AZURE_OPENAI_API_KEY")
    },
    Known {
        kind: ProviderKind::Foundry,
        dialect: Dialect::AnthropicMessages,
        vendor: "azure",
        status_page: "https://azure.status.microsoft/status",
        ..compatible("foundry", "", "ANTHROPIC_FOUNDRY_API_KEY")
    },
    Known {
        kind: ProviderKind::Bedrock,
        dialect: Dialect::AnthropicMessages,
        vendor: "aws",
        status_page: "https://health.aws.amazon.com/health/status",
        ..compatible("bedrock", "", "AWS_BEARER_TOKEN_BEDROCK")
    },
    Known {
        kind: ProviderKind::Vertex,
        dialect: Dialect::AnthropicMessages,
        also: &[Dialect::OpenaiChat],
        vendor: "google",
        status_page: "https://status.cloud.google.com",
        ..compatible("vertex", "", "")
    },
    Known {
        kind: ProviderKind::Gemini,
        dialect: Dialect::Gemini,
        vendor: "google",
        status_page: "https://status.cloud.google.com",
        ..compatible("gemini", "https://generativelanguage.googleapis.com", "GEMINI_API_KEY")
    },
    Known {
        status_page: "https://status.openrouter.ai",
        ..compatible("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY")
    },
    Known {
        status_page: "https://status.mistral.ai",
        habits: MISTRAL,
        ..compatible("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY")
    },
    Known {
        status_page: "https://groqstatus.com",
        habits: GROQ,
        ..compatible("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY")
    },
    Known {
        status_page: "https://status.deepseek.com",
        habits: DEEPSEEK,
        ..compatible("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY")
    },
    Known {
        status_page: "https://status.x.ai",
        habits: XAI,
        ..compatible("xai", "https://api.x.ai/v1", "XAI_API_KEY")
    },
    Known {
        status_page: "https://status.together.ai",
        ..compatible("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY")
    },
    Known { habits: OLLAMA, ..compatible("ollama", "http://127.0.0.1:11434/v1", "") },
    Known { habits: VLLM, ..compatible("vllm", "http://127.0.0.1:8000/v1", "") },
    Known { habits: LLAMACPP, ..compatible("llamacpp", "http://127.0.0.1:8080/v1", "") },
    compatible("lmstudio", "http://127.0.0.1:1234/v1", ""),
];

const fn compatible(
    name: &'static str,
    base_url: &'static str,
    key_variable: &'static str,
) -> Known {
    let (kind, dialect) = (ProviderKind::Compatible, Dialect::OpenaiChat);
    let (vendor, status_page, habits) = (name, "", Habits::PLAIN);
    Known { name, kind, dialect, also: &[], base_url, key_variable, vendor, status_page, habits }
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
