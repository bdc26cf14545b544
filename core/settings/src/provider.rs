use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backstop_catalogue::Catalogue;
use backstop_exchange::{Abilities, Habits};
use backstop_surfaces::Surface;
use backstop_vocabulary::{Dialect, Tier};

use crate::{Credential, Passthrough};

/// Whose API a provider is: decides the authentication header and the known quirks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// Anthropic's own API.
    Anthropic,
    /// `OpenAI`'s own API.
    Openai,
    /// Google's Gemini API.
    Gemini,
    /// `OpenAI`'s models on Azure.
    Azure,
    /// Claude on Azure's Foundry.
    Foundry,
    /// AWS Bedrock.
    Bedrock,
    /// Google Vertex.
    Vertex,
    /// Any server that speaks one of the dialects: Ollama, vLLM, llama.cpp, a proxy.
    Compatible,
}

impl ProviderKind {
    /// The name used in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Gemini => "gemini",
            Self::Azure => "azure",
            Self::Foundry => "foundry",
            Self::Bedrock => "bedrock",
            Self::Vertex => "vertex",
            Self::Compatible => "compatible",
        }
    }

    /// Who makes the models it serves; `None` where they may be anybody's.
    pub const fn weights(self) -> Option<&'static str> {
        match self {
            Self::Anthropic | Self::Foundry => Some("anthropic"),
            Self::Openai | Self::Azure => Some("openai"),
            Self::Gemini => Some("google"),
            Self::Bedrock | Self::Vertex | Self::Compatible => None,
        }
    }
}

/// A provider of models.
#[derive(Clone)]
pub struct Provider {
    /// Its name.
    pub name: Arc<str>,
    /// Whose API it is.
    pub kind: ProviderKind,
    /// The dialect it speaks, and is spoken to when a client's own is not among `also`.
    pub dialect: Dialect,
    /// The dialects it speaks as well: their clients' own bytes go to it.
    pub also: Vec<Dialect>,
    /// Scheme, host, port and path prefix, without a trailing slash: `https://api.anthropic.com`,
    /// `http://127.0.0.1:11434/v1`. Paths of a dialect are appended without their own `/v1` when
    /// the prefix ends in `/v1`.
    pub base_url: String,
    /// How its dialects are offered below that address.
    pub surface: Surface,
    /// The region it is in, where it has one; requests to AWS are signed for it.
    pub region: Option<Arc<str>>,
    /// Its own names of models, by ours; a model that is not here has the same name at both.
    pub models: BTreeMap<Arc<str>, Arc<str>>,
    /// Its credentials, at least one.
    pub credentials: Vec<Credential>,
    /// How it departs from Chat Completions, where that is known.
    pub habits: Habits,
    /// Who runs it: providers of one vendor share a failure domain. Not who makes the models: the
    /// same weights at another cloud are another vendor's.
    pub vendor: Arc<str>,
    /// What answers of this provider are worth unless a target says otherwise.
    pub tier: Tier,
    /// The most attempts in flight at once, over all models; `None` is the gateway's own limit.
    pub concurrency_max: Option<u32>,
    /// The longest that opening a connection may take: DNS, proxy, TCP and TLS together.
    pub connect_max: Duration,
    /// The vendor's public status page, a hint only.
    pub status_page: Option<String>,
    /// What applications may reach under `/passthrough/`.
    pub passthrough: Passthrough,
    /// Whether it fetches what a request gives by address, as far as its dialect and surface have that.
    pub takes_urls: bool,
    /// The proxy to go through, from `proxy` or the environment; `None` goes directly.
    pub proxy: Option<String>,
}

impl Provider {
    /// How long opening a connection may take unless the settings say otherwise: a SYN that was lost
    /// is sent again after 1 s, and a second time after 3 s.
    pub const CONNECT_MAX: Duration = Duration::from_secs(3);

    /// Whether it speaks the dialect.
    pub fn speaks(&self, dialect: Dialect) -> bool {
        self.dialect == dialect || self.also.contains(&dialect)
    }

    /// The dialect in which a client's request for a model (by our name) goes to it: the client's own
    /// if the model is offered in that. `None` if the provider cannot offer the model at all.
    pub fn dialect_for(&self, client: Dialect, model: &str) -> Option<Dialect> {
        match self.surface.dialects(&self.own_name(model)) {
            Some(offered) if offered.contains(&client) => Some(client),
            Some(offered) => offered.first().copied(),
            None if self.speaks(client) => Some(client),
            None => Some(self.dialect),
        }
    }

    /// What a model that we call `model` can do here, as far as the catalogue tells.
    pub fn abilities(&self, catalogue: &Catalogue, model: &str) -> Abilities {
        let habits = Habits { fetches_images: self.takes_urls, ..self.habits };
        catalogue.abilities(&self.vendor, model).at(habits)
    }

    /// What the provider calls a model that we call `model`.
    pub fn own_name<'a>(&'a self, model: &'a str) -> Cow<'a, str> {
        let listed = self.models.get(model).map(|own| Cow::Borrowed(&**own));
        listed.or_else(|| self.surface.usual_name(model)).unwrap_or(Cow::Borrowed(model))
    }

    /// Whether a model that we call `model` can be there, as far as names tell: where every model has
    /// a name of the operator's making, one that the settings do not know is not asked for.
    pub fn may_offer(&self, model: &str) -> bool {
        let named = self.kind == ProviderKind::Azure && !self.models.is_empty();
        let listed =
            || self.models.contains_key(model) || self.models.values().any(|own| **own == *model);
        if named { listed() } else { self.surface.may_have(&self.own_name(model)) }
    }
}

impl fmt::Debug for Provider {
    /// Leaves the proxy out: its address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("dialect", &self.dialect)
            .field("also", &self.also)
            .field("base_url", &self.base_url)
            .field("surface", &self.surface)
            .field("region", &self.region)
            .field("models", &self.models)
            .field("credentials", &self.credentials)
            .field("vendor", &self.vendor)
            .field("tier", &self.tier)
            .field("concurrency_max", &self.concurrency_max)
            .field("connect_max", &self.connect_max)
            .field("status_page", &self.status_page)
            .field("passthrough", &self.passthrough)
            .field("takes_urls", &self.takes_urls)
            .finish_non_exhaustive()
    }
}
