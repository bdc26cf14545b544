//! The kinds of providers: how each is set up, and which of its models is asked.

/// A kind of provider, served by a model of its own.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name in the page's head.
    pub(super) name: &'static str,
    /// Its settings.
    pub(super) settings: &'static str,
    /// The model that is asked.
    pub(super) model: &'static str,
}

impl Kind {
    /// The kind that stands behind this one: another maker's model on another API.
    pub(super) const fn behind(&self) -> &'static Self {
        if self.is_claude() { &CHAT } else { &MESSAGES }
    }

    const fn is_claude(&self) -> bool {
        matches!(self.model.as_bytes(), [b'c', b'l', b'a', b'u', b'd', b'e', ..])
    }
}

/// Behind whoever serves Claude.
pub(super) const CHAT: Kind = Kind {
    name: "OpenAI, Chat only",
    settings: "{ kind: openai, dialect: openai_chat, api_key: key, base_url: \"{at}\" }",
    model: "gpt-4.1",
};

/// Behind everybody else.
pub(super) const MESSAGES: Kind = Kind {
    name: "Anthropic",
    settings: "{ kind: anthropic, api_key: key, base_url: \"{at}\" }",
    model: "claude-opus-4-8",
};

/// All kinds, in the page's order.
pub(super) const KINDS: &[Kind] = &[
    MESSAGES,
    Kind {
        name: "OpenAI",
        settings: "{ kind: openai, api_key: key, base_url: \"{at}\" }",
        model: "gpt-5",
    },
    CHAT,
    Kind {
        name: "Gemini",
        settings: "{ kind: gemini, api_key: key, base_url: \"{at}\" }",
        model: "gemini-3.6-flash",
    },
    Kind {
        name: "Azure v1",
        settings: "{ kind: azure, api_key: key, base_url: \"{at}\", models: { gpt-5: ours } }",
        model: "gpt-5",
    },
    Kind {
        name: "Azure deployments",
        settings: "{ kind: azure, api_key: key, base_url: \"{at}\", api_version: \"2024-10-21\", models: { gpt-5: ours } }",
        model: "gpt-5",
    },
    Kind {
        name: "Foundry, Claude",
        settings: "{ kind: foundry, api_key: key, base_url: \"{at}/anthropic\" }",
        model: "claude-opus-4-8",
    },
    Kind {
        name: "Bedrock, Claude",
        settings: "{ kind: bedrock, region: eu-central-1, api_key: key, base_url: \"{at}\" }",
        model: "claude-opus-4-8",
    },
    Kind {
        name: "Bedrock Converse",
        settings: "{ dialect: bedrock_converse, api_key: key, base_url: \"{at}\", tier: full }",
        model: "amazon.nova-pro-v1:0",
    },
    Kind {
        name: "Vertex, Claude",
        settings: "{ kind: vertex, project: p, location: global, api_key: key, base_url: \"{at}\" }",
        model: "claude-opus-4-8",
    },
    Kind {
        name: "Vertex, Gemini",
        settings: "{ kind: vertex, project: p, location: global, api_key: key, base_url: \"{at}\" }",
        model: "gemini-3.6-flash",
    },
    Kind {
        name: "compatible server",
        settings: "{ dialect: openai_chat, base_url: \"{at}/v1\", tier: full }",
        model: "qwen3",
    },
];
