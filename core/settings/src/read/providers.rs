use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use backstop_exchange::Habits;
use backstop_vocabulary::{Dialect, Tier};

use super::Around;
use super::clouds::{self, Site};
use super::credentials::{credentials, usual};
use super::identity::environment;
use crate::address::Address;
use crate::faults::{Faults, closest};
use crate::known::{KNOWN, Known, known, known_at};
use crate::passthrough::{self, Passthrough};
use crate::proxy;
use crate::section::{Field, Keys, Section};
use crate::yaml::Place;
use crate::{Provider, ProviderKind};

pub(crate) const KEYS: Keys = Keys {
    section: "provider",
    names: &[
        "kind",
        "dialect",
        "base_url",
        "resource",
        "api_version",
        "region",
        "surface",
        "project",
        "location",
        "models",
        "api_key",
        "credentials",
        "credential",
        "identity",
        "vendor",
        "tier",
        "concurrency",
        "connect_max",
        "passthrough",
        "takes_urls",
        "proxy",
        "status_page",
    ],
};
/// The words for a tier.
pub(crate) const TIERS: [(&str, Tier); 2] = [("full", Tier::Full), ("degraded", Tier::Degraded)];

/// The providers of the file: those that read well, and the names of all.
#[derive(Debug, Default)]
pub(crate) struct Providers {
    pub(crate) read: BTreeMap<Arc<str>, Provider>,
    /// Also those with a fault of their own, so that a fault is told once.
    declared: BTreeSet<String>,
}

impl Providers {
    pub(crate) fn get(&self, name: &str) -> Option<&Provider> {
        self.read.get(name)
    }

    pub(crate) fn is_declared(&self, name: &str) -> bool {
        self.declared.contains(name)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.declared.iter().map(String::as_str).collect()
    }

    /// The vendors, and for providers with a fault their names.
    pub(crate) fn vendors(&self) -> BTreeSet<&str> {
        let faulty =
            self.declared.iter().map(String::as_str).filter(|name| self.get(name).is_none());
        self.read.values().map(|provider| &*provider.vendor).chain(faulty).collect()
    }
}

/// The providers by name.
pub(crate) fn providers(
    field: &Field<'_>,
    around: &Around<'_>,
    listeners: &[SocketAddr],
    faults: &mut Faults,
) -> Providers {
    let entries = field.map(faults, "{ anthropic: { api_key: ${ANTHROPIC_API_KEY} } }");
    if entries.is_empty() {
        field.fault(faults, "no provider stands here", "name at least one, like `anthropic`");
    }
    let mut providers = Providers::default();
    for (name, field) in entries {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if name.text.is_empty() || !name.text.chars().all(fits) {
            let cure = "use letters, digits, `-`, `_` and `.`";
            faults.add(name.place, &field.path, "this is not a name for a provider", cure);
            continue;
        }
        providers.declared.insert(name.text.clone());
        if let Some(provider) = provider(&name.text, &field, around, faults) {
            check_loop(&field, &provider, listeners, faults);
            providers.read.insert(Arc::clone(&provider.name), provider);
        }
    }
    providers
}

/// A well-known provider as it comes, with a key from the environment; for `discover`.
pub(crate) fn hosted(known: Known, around: &Around<'_>, faults: &mut Faults) -> Option<Provider> {
    let site = clouds::site(known.kind, None, around, faults)?;
    let address = address((known.name, None), (Some(known), &site), around, faults)?;
    let tier = usual_tier(known.kind, &address);
    Some(Provider {
        name: known.name.into(),
        kind: known.kind,
        dialect: known.dialect,
        also: known.also.to_vec(),
        base_url: address.url(),
        surface: site.surface,
        region: site.region,
        models: BTreeMap::new(),
        credentials: vec![usual(Some(known), environment(around), around)],
        habits: known.habits,
        vendor: known.vendor.into(),
        tier,
        concurrency_max: None,
        connect_max: Provider::CONNECT_MAX,
        status_page: usual_page(Some(known)),
        passthrough: Passthrough::Closed,
        takes_urls: known.habits.fetches_images,
        proxy: proxy::from_environment(&address, around.env),
    })
}

fn provider(
    name: &str,
    field: &Field<'_>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Provider> {
    let section = field.section(faults, KEYS)?;
    let by_name =
        section.get("kind").map_or_else(|| Some(known(name)), |field| kind(&field, faults))?;
    let named = by_name.map_or(ProviderKind::Compatible, |known| known.kind);
    let site = clouds::site(named, Some(&section), around, faults);
    let usual_site = site.clone().unwrap_or_default();
    let address = match &site {
        Some(site) => address((name, Some(&section)), (by_name, site), around, faults),
        None => None,
    };
    let by_host = address.as_ref().and_then(|address| known_at(&address.host));
    let whose = by_name.or(by_host);
    let dialects = dialects(&section, (whose, usual_site.dialects), faults);
    let credentials = credentials(&section, whose, around, faults);
    let vendor = section.get("vendor").and_then(|field| field.text(faults, "anthropic"));
    let tier = section.get("tier").and_then(|field| field.word(faults, &TIERS));
    let concurrency =
        section.get("concurrency").and_then(|field| field.whole(faults, 1..=1_000_000));
    let connect_max = section.get("connect_max").and_then(|field| field.some_time(faults));
    let status_page = section.get("status_page").and_then(|field| web_page(&field, faults));
    let passthrough = section.get("passthrough");
    let passthrough = passthrough.and_then(|field| passthrough::read(&field, faults));
    let served = by_name.filter(|known| known.kind == ProviderKind::Compatible).or(by_host);
    let habits = served.map_or(Habits::PLAIN, |known| known.habits);
    let takes_urls = section.get("takes_urls").and_then(|field| field.switch(faults));
    let proxy = proxy_of(&section, address.as_ref(), around, faults);
    let models = section.get("models").map(|field| clouds::models(&field, faults));
    let address = address?;
    let (dialect, also) = dialects?;
    let kind = whose.map_or(ProviderKind::Compatible, |known| known.kind);
    let usual_vendor = by_host.or(by_name).map_or(name, |known| known.vendor);
    Some(Provider {
        name: name.into(),
        kind,
        dialect,
        also,
        base_url: address.url(),
        surface: usual_site.surface,
        region: usual_site.region,
        models: models.unwrap_or_default(),
        credentials: credentials?,
        habits,
        vendor: vendor.map_or(usual_vendor, |text| text.value.as_str()).into(),
        tier: tier.unwrap_or_else(|| usual_tier(kind, &address)),
        concurrency_max: concurrency.and_then(|most| u32::try_from(most).ok()),
        connect_max: connect_max.unwrap_or(Provider::CONNECT_MAX),
        status_page: status_page.or_else(|| usual_page(whose)),
        passthrough: passthrough.unwrap_or_default(),
        takes_urls: takes_urls.unwrap_or(habits.fetches_images),
        proxy,
    })
}

/// A local server is a lesser answer until the operator says otherwise; a vendor's own API is full
/// even where its address was replaced by a local one.
fn usual_tier(kind: ProviderKind, address: &Address) -> Tier {
    match kind {
        ProviderKind::Compatible if address.is_local() => Tier::Degraded,
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Azure
        | ProviderKind::Foundry
        | ProviderKind::Bedrock
        | ProviderKind::Vertex
        | ProviderKind::Gemini
        | ProviderKind::Compatible => Tier::Full,
    }
}

fn usual_page(whose: Option<Known>) -> Option<String> {
    whose.map(|known| known.status_page.to_owned()).filter(|page| !page.is_empty())
}

/// `Some(None)` is a server of no known kind; `None` is a fault.
#[expect(clippy::option_option, reason = "a fault and a kind of no one are different")]
fn kind(field: &Field<'_>, faults: &mut Faults) -> Option<Option<Known>> {
    let mut words: Vec<(&str, Option<Known>)> =
        KNOWN.into_iter().map(|known| (known.name, Some(known))).collect();
    words.push(("compatible", None));
    field.word(faults, &words)
}

/// The dialect, and those it speaks as well: one word, or a list of them.
fn dialects(
    section: &Section<'_>,
    (whose, offered): (Option<Known>, Option<&[Dialect]>),
    faults: &mut Faults,
) -> Option<(Dialect, Vec<Dialect>)> {
    if let Some(field) = section.get("dialect") {
        if !field.is_list() {
            return dialect(&field, faults).map(|dialect| (dialect, Vec::new()));
        }
        let items = field.list(faults, "[openai_chat, openai_responses]");
        let read: Option<Vec<Dialect>> = items.iter().map(|item| dialect(item, faults)).collect();
        let read = read?;
        let Some((first, also)) = read.split_first() else {
            field.fault(faults, "no dialect stands here", "name at least one, like `openai_chat`");
            return None;
        };
        return Some((*first, also.to_vec()));
    }
    let offered = offered.and_then(<[Dialect]>::split_first);
    let offered = offered.map(|(first, also)| (*first, also.to_vec()));
    let known = offered.or_else(|| whose.map(|known| (known.dialect, known.also.to_vec())));
    if known.is_none() {
        let place = section.place;
        let cure = "add `dialect: openai_chat` or `dialect: anthropic_messages`";
        faults.add(
            place,
            &section.path,
            "`dialect` is missing: this provider is not known by name",
            cure,
        );
    }
    known
}

fn dialect(field: &Field<'_>, faults: &mut Faults) -> Option<Dialect> {
    let words = Dialect::ALL.map(|dialect| (dialect.name(), dialect));
    field.word(faults, &words)
}

/// The address: from `BACKSTOP_<NAME>_BASE_URL`, from the file, or the well-known one.
fn address(
    (name, section): (&str, Option<&Section<'_>>),
    (whose, site): (Option<Known>, &Site),
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Address> {
    let variable = override_variable(name);
    let kind = whose.map_or(ProviderKind::Compatible, |known| known.kind);
    if let Some(url) = around.env.get(&variable).filter(|url| !url.is_empty()) {
        let address = note(Place::default(), &variable, Address::read(url), faults);
        return address.map(|address| clouds::root(kind, address));
    }
    if let Some(field) = section.and_then(|section| section.get("base_url")) {
        let text = field.text(faults, "https://api.openai.com/v1")?;
        let address = note(field.place(), &field.path, Address::read(&text.value), faults)?;
        let ends = ["/chat/completions", "/messages", "/completions", "/responses"];
        if ends.iter().any(|end| address.path.ends_with(end)) {
            let cure = "leave the last part off: it is appended for each request";
            field.fault(faults, "this is the path of one call, not a base URL", cure);
            return None;
        }
        return Some(clouds::root(kind, address));
    }
    if let Some(url) = &site.base_url {
        return Address::read(url).ok().map(|address| clouds::root(kind, address));
    }
    if let Some(known) = whose {
        return Address::read(known.base_url).ok();
    }
    let (place, path) =
        section.map_or_else(|| (Place::default(), ""), |section| (section.place, &section.path));
    let guess = closest(name, KNOWN.iter().map(|known| known.name));
    let cure = guess.map_or_else(
        || "add it, like `base_url: http://127.0.0.1:8000/v1`".to_owned(),
        |guess| format!("did you mean the provider `{guess}`? else add it"),
    );
    faults.add(place, path, "`base_url` is missing: this provider is not known by name", cure);
    None
}

fn note(
    place: Place,
    path: &str,
    address: Result<Address, (String, String)>,
    faults: &mut Faults,
) -> Option<Address> {
    address.map_err(|(what, cure)| faults.add(place, path, what, cure)).ok()
}

/// The variable that replaces a provider's address.
fn override_variable(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    format!("BACKSTOP_{name}_BASE_URL")
}

fn check_loop(
    field: &Field<'_>,
    provider: &Provider,
    listeners: &[SocketAddr],
    faults: &mut Faults,
) {
    let address = Address::read(&provider.base_url);
    if address.is_ok_and(|address| listeners.iter().any(|listener| address.leads_to(*listener))) {
        field.fault(
            faults,
            "the base URL leads back to this gateway",
            "write the provider's own address, not the gateway's",
        );
    }
}

fn web_page(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.text(faults, "https://status.claude.com")?;
    let address = note(field.place(), &field.path, Address::read(&text.value), faults)?;
    Some(address.url())
}

/// The proxy: `none`, the given one, or the environment's. Never quoted: it may hold a password.
fn proxy_of(
    section: &Section<'_>,
    address: Option<&Address>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<String> {
    let Some(field) = section.get("proxy") else {
        return address.and_then(|address| proxy::from_environment(address, around.env));
    };
    proxy_at(&field, faults)
}

/// A proxy as it is written; `None` also for `none`, and after a fault.
pub(crate) fn proxy_at(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.text(faults, "http://proxy.example.com:3128")?;
    if text.value == "none" {
        return None;
    }
    if !text.value.starts_with("http://") && !text.value.starts_with("https://") {
        let cure = "write it like `http://proxy.example.com:3128`, or `none`";
        field.fault(faults, "this is not the address of an HTTP proxy", cure);
        return None;
    }
    Some(text.value.clone())
}
