//! One entry of `model_list`: a model at a provider, under the name of its group.

use backstop_catalogue::{Catalogue, names};

use super::Import;
use super::providers::Site;
use crate::import::written::quoted;
use crate::yaml::Node;

/// A deployment, carried.
#[derive(Debug)]
pub(super) struct Deployment {
    /// The name clients ask for.
    pub(super) group: String,
    /// Its line.
    pub(super) line: u32,
    /// Number of its provider.
    pub(super) provider: usize,
    /// Our name of the model; `None` is the one that was asked for.
    pub(super) model: Option<String>,
    /// Names that a `*` of theirs stood for.
    pub(super) patterns: &'static [&'static str],
    pub(super) weight: Option<f64>,
    pub(super) requests_per_minute: Option<f64>,
    pub(super) tokens_per_minute: Option<f64>,
    pub(super) order: u32,
}

/// Servers of one vendor that speak Chat Completions and have no preset here.
const COMPATIBLE: [(&str, &str, &str); 6] = [
    ("fireworks_ai", "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
    ("perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    ("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    ("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    ("nvidia_nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    ("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
];
/// Presets of the same address: their name, ours, the variable of their key.
const PRESETS: [(&str, &str, &str); 8] = [
    ("anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    ("openai", "openai", "OPENAI_API_KEY"),
    ("gemini", "gemini", "GEMINI_API_KEY"),
    ("openrouter", "openrouter", "OPENROUTER_API_KEY"),
    ("mistral", "mistral", "MISTRAL_API_KEY"),
    ("groq", "groq", "GROQ_API_KEY"),
    ("deepseek", "deepseek", "DEEPSEEK_API_KEY"),
    ("together_ai", "together", "TOGETHER_API_KEY"),
];

/// The deployment of an entry; what cannot be carried is listed.
pub(super) fn read(item: &Node, catalogue: &Catalogue, import: &mut Import) -> Option<Deployment> {
    let line = item.place.line;
    let group = item.get("model_name").and_then(Node::text);
    let (Some(group), Some(params)) = (group, item.get("litellm_params")) else {
        import.leave(
            line,
            "model_list[]",
            "an entry without `model_name` or `litellm_params` serves nobody",
        );
        return None;
    };
    let (provider, model) = provider_and_model(params);
    let entry = Entry { params, provider: &provider, model: &model, base_model: base_model(item) };
    let site = match entry.site(import) {
        Ok(site) => site,
        Err(why) => {
            import.leave(line, &format!("model_list[{group}]"), why);
            return None;
        }
    };
    leave_rest(item, params, import);
    let (ours, theirs) = entry.names(&site, catalogue);
    let wild = theirs == "*";
    if site.stem == "azure" && !wild && catalogue.model("", &ours).is_none() {
        let why = format!(
            "which model the deployment `{ours}` serves is not said: name it in the provider's `models` and in the ladder, like `gpt-5.4: {ours}`"
        );
        import.leave(line, &format!("model_list[{group}]"), why);
    }
    let number = if wild {
        import.providers.at(site, ("", ""))
    } else {
        import.providers.at(site, (&ours, &theirs))
    };
    let rate = |key: &str| params.get(key).or_else(|| item.get(key)).and_then(Node::number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range")]
    let order = rate("order").filter(|it| (0.0..=1e6).contains(it)).map_or(1, |order| order as u32);
    Some(Deployment {
        group,
        line,
        provider: number,
        model: (!wild).then_some(ours),
        patterns: if wild { patterns(&provider) } else { &[] },
        weight: rate("weight"),
        requests_per_minute: rate("rpm"),
        tokens_per_minute: rate("tpm"),
        order,
    })
}

/// What a `*` of this provider means, as names that clients ask for.
fn patterns(provider: &str) -> &'static [&'static str] {
    match provider {
        "anthropic" => &["claude-*"],
        "openai" => &["gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "text-embedding-*"],
        "gemini" => &["gemini-*"],
        _ => &[],
    }
}

/// Their `provider/model`; without a provider, who makes models of such a name.
fn provider_and_model(params: &Node) -> (String, String) {
    let whole = params.get("model").and_then(Node::text).unwrap_or_default();
    let named = params.get("custom_llm_provider").and_then(Node::text);
    if let Some(named) = named {
        let model = whole.strip_prefix(&format!("{named}/")).unwrap_or(&whole).to_owned();
        return (named, model);
    }
    match whole.split_once('/') {
        Some((provider, model)) => (provider.to_owned(), model.to_owned()),
        None if whole.starts_with("claude") => ("anthropic".to_owned(), whole),
        None if whole.starts_with("gemini") => ("vertex_ai".to_owned(), whole),
        None => ("openai".to_owned(), whole),
    }
}

fn base_model(item: &Node) -> Option<String> {
    let name = item.get("model_info")?.get("base_model")?.text()?;
    Some(names::canonical(&name))
}

/// Lists what else stands in the entry.
fn leave_rest(item: &Node, params: &Node, import: &mut Import) {
    let known = ["model_name", "litellm_params", "model_info", "rpm", "tpm"];
    for (name, node) in item.entries().iter().filter(|(name, _)| !known.contains(&&*name.text)) {
        import.leave(
            node.place.line,
            &format!("model_list[].{}", name.text),
            "there is no such setting",
        );
    }
    import.leave_section("model_list[].litellm_params", params.entries());
}

/// An entry while its provider is looked for.
struct Entry<'a> {
    params: &'a Node,
    provider: &'a str,
    model: &'a str,
    base_model: Option<String>,
}

impl Entry<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.params.get(key).and_then(Node::text).filter(|text| !text.is_empty())
    }

    /// A value as ours: `os.environ/NAME` is a variable.
    fn value(&self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let variable = text.strip_prefix("os.environ/").map(|name| format!("${{{name}}}"));
        Some(variable.unwrap_or(text))
    }

    fn base_url(&self) -> Option<String> {
        self.value("api_base").or_else(|| self.value("base_url"))
    }

    /// The provider's site, or why there can be none.
    fn site(&self, import: &mut Import) -> Result<Site, String> {
        if let Some((_, stem, variable)) =
            PRESETS.iter().find(|(theirs, ..)| *theirs == self.provider)
        {
            return Ok(self.preset(stem, variable, import));
        }
        match self.provider {
            "azure" | "azure_text" => Ok(self.azure(import)),
            "azure_ai" if self.model.contains("claude") => {
                let mut site = Site { stem: "foundry", is_kind: true, keys: Vec::new() };
                site.keys.extend(self.base_url().map(|url| ("base_url", quoted(&url))));
                self.key(&mut site, "ANTHROPIC_FOUNDRY_API_KEY", import);
                Ok(site)
            }
            "bedrock" | "bedrock_converse" => Ok(self.bedrock(import)),
            "vertex_ai" | "vertex_ai_beta" => Ok(self.vertex()),
            "ollama" | "ollama_chat" => Ok(self.local("ollama", "/v1", import)),
            "hosted_vllm" | "vllm" => Ok(self.local("vllm", "", import)),
            "lm_studio" => Ok(self.local("lmstudio", "", import)),
            other => self.server(other, import),
        }
    }

    fn preset(&self, stem: &'static str, variable: &str, import: &mut Import) -> Site {
        let mut site = Site { stem, is_kind: true, keys: Vec::new() };
        if let Some(url) = self.base_url() {
            // A server that only speaks as OpenAI does is not OpenAI.
            if stem == "openai" && !url.contains("api.openai.com") {
                site = Site {
                    stem: "server",
                    is_kind: false,
                    keys: vec![("dialect", "openai_chat".to_owned())],
                };
            }
            site.keys.push(("base_url", quoted(&url)));
        }
        self.key(&mut site, variable, import);
        site
    }

    fn azure(&self, import: &mut Import) -> Site {
        let mut site = Site { stem: "azure", is_kind: true, keys: Vec::new() };
        if let Some(url) = self.base_url() {
            let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
            site.keys.push(match host.strip_suffix(".openai.azure.com") {
                Some(resource) => ("resource", quoted(resource)),
                None => ("base_url", quoted(&url)),
            });
        }
        site.keys
            .extend(self.value("api_version").map(|version| ("api_version", quoted(&version))));
        if self.text("api_key").is_some() {
            self.key(&mut site, "AZURE_OPENAI_API_KEY", import);
        } else {
            site.keys.push(("identity", "entra".to_owned()));
        }
        site
    }

    fn bedrock(&self, import: &mut Import) -> Site {
        let mut site = Site { stem: "bedrock", is_kind: true, keys: Vec::new() };
        let in_model = self.model.split('/').find(|part| is_region(part)).map(str::to_owned);
        let region = self.value("aws_region_name").or(in_model);
        site.keys.extend(region.map(|region| ("region", quoted(&region))));
        if self.text("api_key").is_some() {
            self.key(&mut site, "AWS_BEARER_TOKEN_BEDROCK", import);
        } else {
            site.keys.push(("identity", "aws".to_owned()));
        }
        site
    }

    fn vertex(&self) -> Site {
        let mut site = Site { stem: "vertex", is_kind: true, keys: Vec::new() };
        let project = self.value("vertex_project").or_else(|| self.value("vertex_ai_project"));
        let location = self.value("vertex_location").or_else(|| self.value("vertex_ai_location"));
        site.keys.extend(project.map(|project| ("project", quoted(&project))));
        site.keys.extend(location.map(|location| ("location", quoted(&location))));
        site.keys.push(("identity", "google".to_owned()));
        site
    }

    /// A server with a preset of its own; `below` is what its address lacks in their form.
    fn local(&self, stem: &'static str, below: &str, import: &mut Import) -> Site {
        let mut site = Site { stem, is_kind: true, keys: Vec::new() };
        if let Some(url) = self.base_url() {
            let url = url.trim_end_matches('/');
            let whole = if url.ends_with("/v1") { url.to_owned() } else { format!("{url}{below}") };
            site.keys.push(("base_url", quoted(&whole)));
        }
        if self.text("api_key").is_some() {
            self.key(&mut site, "LOCAL_API_KEY", import);
        }
        site
    }

    /// Any other server that speaks Chat Completions.
    fn server(&self, provider: &str, import: &mut Import) -> Result<Site, String> {
        let known = COMPATIBLE.iter().find(|(theirs, ..)| *theirs == provider);
        let url = self.base_url().or_else(|| known.map(|(_, url, _)| (*url).to_owned()));
        let Some(url) = url else {
            return Err(format!(
                "the provider `{provider}` is not known here: if it speaks one of our dialects, add it with `dialect` and `base_url`"
            ));
        };
        let stem = known.map_or("server", |(theirs, ..)| theirs);
        let keys = vec![("dialect", "openai_chat".to_owned()), ("base_url", quoted(&url))];
        let mut site = Site { stem, is_kind: false, keys };
        let variable = known.map_or("SERVER_API_KEY", |(.., variable)| variable);
        if known.is_some() || self.text("api_key").is_some() {
            self.key(&mut site, variable, import);
        }
        Ok(site)
    }

    /// The key: the variable it comes from, `usual` by custom. One that stands there in plain text is
    /// not copied; at a server of one's own it is taken for the placeholder that clients insist on.
    fn key(&self, site: &mut Site, usual: &str, import: &mut Import) {
        let Some(text) = self.text("api_key") else {
            if !site.is_local() && !site.is_kind {
                site.keys.push(("api_key", format!("${{{usual}}}")));
            }
            return;
        };
        if let Some(name) = text.strip_prefix("os.environ/") {
            site.keys.push(("api_key", format!("${{{name}}}")));
            return;
        }
        let line = self.params.get("api_key").map_or(0, |node| node.place.line);
        let path = "model_list[].litellm_params.api_key";
        if site.is_local() {
            site.keys.push(("credential", "none".to_owned()));
            import.leave(line, path, "taken for a placeholder, because the server is in this network: set `api_key` if it is needed");
        } else {
            site.keys.push(("api_key", format!("${{{usual}}}")));
            import.leave(line, path, format!("a key in plain text is not copied: set {usual}, and take it out of the old file"));
        }
    }

    /// Our name of the model and the provider's.
    fn names(&self, site: &Site, catalogue: &Catalogue) -> (String, String) {
        let theirs = match site.stem {
            "bedrock" => bedrock_model(self.model),
            _ => self.model,
        };
        let ours = match site.stem {
            "azure" | "foundry" => self.base_model.clone().unwrap_or_else(|| theirs.to_owned()),
            "bedrock" | "vertex" => {
                // An imported profile has a name that says nothing: what it is has to be declared.
                let canonical = names::canonical(theirs);
                let known = catalogue.model("", &canonical).is_some();
                self.base_model.clone().filter(|_| !known).unwrap_or(canonical)
            }
            _ => theirs.to_owned(),
        };
        (ours, theirs.to_owned())
    }
}

/// Whether a part of a name is a region of AWS: `eu-central-1`.
fn is_region(part: &str) -> bool {
    let mut parts = part.split('-');
    let (area, place, number) = (parts.next(), parts.next(), parts.next());
    area.is_some_and(|area| area.len() == 2)
        && place.is_some()
        && number
            .is_some_and(|number| number.len() == 1 && number.chars().all(|c| c.is_ascii_digit()))
}

/// The model's id behind `converse/`, `invoke/` or a region; an ARN is whole.
fn bedrock_model(model: &str) -> &str {
    if let Some(at) = model.find("arn:") {
        return model.get(at..).unwrap_or(model);
    }
    model.rsplit('/').next().unwrap_or(model)
}
