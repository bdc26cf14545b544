//! Where a provider is that has no address of its own making: a resource, a region, a project.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstop_surfaces::Surface;
use backstop_vocabulary::Dialect;

use super::Around;
use crate::ProviderKind;
use crate::address::Address;
use crate::faults::Faults;
use crate::section::{Field, Section};

/// The keys that only some kinds have, and which.
const OF_KINDS: [(&str, &[ProviderKind]); 6] = [
    ("resource", &[ProviderKind::Azure, ProviderKind::Foundry]),
    ("api_version", &[ProviderKind::Azure]),
    ("region", &[ProviderKind::Bedrock]),
    ("surface", &[ProviderKind::Bedrock]),
    ("project", &[ProviderKind::Vertex]),
    ("location", &[ProviderKind::Vertex]),
];

/// What a resource, region or project comes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// The address it has where the settings name no other; `None` if nothing names one.
    pub(crate) base_url: Option<String>,
    pub(crate) surface: Surface,
    pub(crate) region: Option<Arc<str>>,
    /// The dialects offered there, the first spoken to others, where they are not the kind's usual.
    pub(crate) dialects: Option<&'static [Dialect]>,
}

/// Where a Bedrock provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    Runtime,
    Anthropic,
    Openai,
}

const COUNTERS: [(&str, Counter); 3] =
    [("runtime", Counter::Runtime), ("anthropic", Counter::Anthropic), ("openai", Counter::Openai)];

/// The site of a provider; `None` is a fault. Without a section it is read from the environment alone.
pub(crate) fn site(
    kind: ProviderKind,
    section: Option<&Section<'_>>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Site> {
    let reader = Reader { section, around };
    reader.refuse_strangers(kind, faults)?;
    match kind {
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Gemini
        | ProviderKind::Compatible => Some(Site::default()),
        ProviderKind::Azure => reader.azure(faults),
        ProviderKind::Foundry => reader.foundry(faults),
        ProviderKind::Bedrock => reader.bedrock(faults),
        ProviderKind::Vertex => reader.vertex(faults),
    }
}

struct Reader<'a> {
    section: Option<&'a Section<'a>>,
    around: &'a Around<'a>,
}

impl Reader<'_> {
    fn azure(&self, faults: &mut Faults) -> Option<Site> {
        let resource = self.name("resource", "my-resource", &[], faults)?;
        let version = self.name("api_version", "2024-10-21", &[], faults)?;
        let (surface, dialects): (_, Option<&'static [Dialect]>) = match version {
            Some(version) if version.starts_with(|first: char| first.is_ascii_digit()) => {
                let surface = Surface::AzureDeployments { api_version: version.into() };
                (surface, Some(&[Dialect::OpenaiChat]))
            }
            // What is no date is a flavour of v1.
            version => (Surface::AzureV1 { api_version: version.map(Into::into) }, None),
        };
        let base_url = match resource {
            Some(name) if name.contains('.') => Some(format!("https://{name}")),
            Some(name) => Some(format!("https://{name}.openai.azure.com")),
            None => self.azure_endpoint(),
        };
        let base_url = self.needed(base_url, "resource", "my-resource", faults)?;
        Some(Site { base_url, surface, region: None, dialects })
    }

    /// `AZURE_OPENAI_ENDPOINT`, unless a client was sent to us by it.
    fn azure_endpoint(&self) -> Option<String> {
        let address = Address::read(self.around.env.get("AZURE_OPENAI_ENDPOINT")?).ok()?;
        (!address.is_local()).then(|| address.url())
    }

    fn foundry(&self, faults: &mut Faults) -> Option<Site> {
        let variables = ["ANTHROPIC_FOUNDRY_RESOURCE"];
        let base_url = self.name("resource", "my-resource", &variables, faults)?.map(|name| {
            let host =
                if name.contains('.') { name } else { format!("{name}.services.ai.azure.com") };
            format!("https://{host}/anthropic")
        });
        let base_url = self.needed(base_url, "resource", "my-resource", faults)?;
        Some(Site { base_url, ..Site::default() })
    }

    fn bedrock(&self, faults: &mut Faults) -> Option<Site> {
        let field = self.section.and_then(|section| section.get("surface"));
        let counter = match &field {
            Some(field) => field.word(faults, &COUNTERS)?,
            None => Counter::Runtime,
        };
        let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let region = self.name("region", "eu-central-1", &variables, faults)?;
        let (below, dialects): (_, Option<&'static [Dialect]>) = match counter {
            Counter::Runtime => ("", None),
            Counter::Anthropic => ("/anthropic", None),
            Counter::Openai => {
                ("/openai/v1", Some(&[Dialect::OpenaiChat, Dialect::OpenaiResponses]))
            }
        };
        let surface = match counter {
            Counter::Runtime => {
                Surface::Bedrock { region: region.as_deref().unwrap_or_default().into() }
            }
            Counter::Anthropic | Counter::Openai => Surface::Plain,
        };
        let base_url = region
            .as_ref()
            .map(|region| format!("https://bedrock-runtime.{region}.amazonaws.com{below}"));
        let base_url = self.needed(base_url, "region", "eu-central-1", faults)?;
        Some(Site { base_url, surface, region: region.map(Into::into), dialects })
    }

    fn vertex(&self, faults: &mut Faults) -> Option<Site> {
        let variables = ["GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID"];
        let project = self.name("project", "my-project", &variables, faults)?;
        let variables = ["GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION"];
        let location = self.name("location", "global", &variables, faults)?;
        let location = location.unwrap_or_else(|| "global".to_owned());
        let base_url = match location.as_str() {
            "global" => "https://aiplatform.googleapis.com".to_owned(),
            "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
            region => format!("https://{region}-aiplatform.googleapis.com"),
        };
        let Some(project) = project else {
            self.missing("project", "my-project", faults);
            return None;
        };
        let region = Some(location.as_str().into());
        let surface = Surface::Vertex { project: project.into(), location: location.into() };
        Some(Site { base_url: Some(base_url), surface, region, dialects: None })
    }

    /// A name from the settings, else from the first variable that is set; `None` is a fault.
    #[expect(clippy::option_option, reason = "a fault and a name that is not there are different")]
    fn name(
        &self,
        key: &str,
        example: &str,
        variables: &[&str],
        faults: &mut Faults,
    ) -> Option<Option<String>> {
        let Some(field) = self.section.and_then(|section| section.get(key)) else {
            let set = variables.iter().filter_map(|name| self.around.env.get(*name));
            return Some(set.map(|text| text.trim()).find(|text| is_name(text)).map(str::to_owned));
        };
        let text = field.text(faults, example)?.value.trim();
        if !is_name(text) {
            let what = "this is no name: only letters, digits, `-`, `_`, `.` and `:` stand in one";
            field.fault(faults, what, format!("write it like `{example}`"));
            return None;
        }
        Some(Some(text.to_owned()))
    }

    /// An address that must come from somewhere, be it from `base_url`.
    #[expect(clippy::option_option, reason = "a fault and an address that is not needed differ")]
    fn needed(
        &self,
        base_url: Option<String>,
        key: &str,
        example: &str,
        faults: &mut Faults,
    ) -> Option<Option<String>> {
        if base_url.is_none() && !self.has("base_url") {
            self.missing(key, example, faults);
            return None;
        }
        Some(base_url)
    }

    fn missing(&self, key: &str, example: &str, faults: &mut Faults) {
        if let Some(section) = self.section {
            let what = format!("`{key}` is missing: this provider has no address without it");
            let cure = format!("add it, like `{key}: {example}`");
            faults.add(section.place, &section.path, what, cure);
        }
    }

    /// Notes keys that say nothing about this kind.
    fn refuse_strangers(&self, kind: ProviderKind, faults: &mut Faults) -> Option<()> {
        let strange =
            OF_KINDS.iter().filter(|(key, kinds)| self.has(key) && !kinds.contains(&kind));
        let mut fine = Some(());
        for (key, kinds) in strange {
            let field = self.section.and_then(|section| section.get(key))?;
            let kinds: Vec<String> =
                kinds.iter().map(|kind| format!("`{}`", kind.name())).collect();
            let what = format!("`{key}` is for providers of kind {}", kinds.join(" and "));
            field.fault(faults, what, "leave it out, or set `kind`");
            fine = None;
        }
        fine
    }

    fn has(&self, key: &str) -> bool {
        self.section.is_some_and(|section| section.get(key).is_some())
    }
}

/// Whether a text can stand in a host name or as one part of a path.
fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    !text.is_empty() && text.chars().all(fits)
}

/// The names that models have at the provider, by ours.
pub(crate) fn models(field: &Field<'_>, faults: &mut Faults) -> BTreeMap<Arc<str>, Arc<str>> {
    let example = "{ claude-opus-4-6: eu.anthropic.claude-opus-4-6-v1 }";
    let mut models = BTreeMap::new();
    for (ours, theirs) in field.map(faults, example) {
        if ours.text.contains('*') {
            let cure = "name each model by itself; names that do not differ need no entry";
            faults.add(ours.place, &theirs.path, "a pattern cannot be given one name", cure);
            continue;
        }
        let Some(text) = theirs.text(faults, "eu.anthropic.claude-opus-4-6-v1") else { continue };
        models.insert(ours.text.as_str().into(), text.value.trim().into());
    }
    models
}

/// The variable by which a kind's own tools find it, where they need one.
pub(crate) const fn place_variable(kind: ProviderKind) -> Option<&'static str> {
    match kind {
        ProviderKind::Azure => Some("AZURE_OPENAI_ENDPOINT"),
        ProviderKind::Foundry => Some("ANTHROPIC_FOUNDRY_RESOURCE"),
        ProviderKind::Bedrock => Some("AWS_REGION"),
        ProviderKind::Vertex => Some("GOOGLE_CLOUD_PROJECT"),
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Gemini
        | ProviderKind::Compatible => None,
    }
}

/// The root of a cloud's address, where someone copied the path of its API along.
pub(crate) fn root(kind: ProviderKind, mut address: Address) -> Address {
    let ends: &[&str] = match kind {
        ProviderKind::Azure => &["/openai/v1", "/openai"],
        ProviderKind::Vertex => &["/v1"],
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Gemini
        | ProviderKind::Compatible
        | ProviderKind::Foundry
        | ProviderKind::Bedrock => &[],
    };
    if let Some(root) = ends.iter().find_map(|end| address.path.strip_suffix(end)) {
        address.path = root.to_owned();
    }
    address
}
