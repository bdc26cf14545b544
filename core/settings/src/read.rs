//! From text to settings: the top level, and what parts must agree on.

pub(crate) mod abilities;
pub(crate) mod adjustments;
pub(crate) mod catalogue;
pub(crate) mod clouds;
pub(crate) mod credentials;
pub(crate) mod fetch;
pub(crate) mod identity;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod losses;
pub(crate) mod providers;
pub(crate) mod routes;
pub(crate) mod targets;
pub(crate) mod workflows;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use backstop_catalogue::Catalogue;

use crate::built_in;
use crate::error::SettingsError;
use crate::faults::Faults;
use crate::later;
use crate::section::{Field, Keys, Section};
use crate::substitute;
use crate::yaml::{self, Value};
use crate::{Settings, Tls};

/// The keys of the file itself.
pub(crate) const KEYS: Keys = Keys {
    section: "settings",
    names: &[
        "listen",
        "console",
        "store",
        "tls",
        "cors",
        "hosts",
        "keys",
        "ca_file",
        "limits",
        "fetch_media",
        "catalogue",
        "providers",
        "routes",
        "workflows",
    ],
};
pub(crate) const TLS_KEYS: Keys = Keys { section: "tls", names: &["certificate", "key"] };

pub(crate) use providers::hosted;

/// What reading a part may need beside the part.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) catalogue: &'a Catalogue,
}

/// Where `backstop models refresh` keeps what it collected, unless `catalogue.file` says otherwise.
const COLLECTED: &str = "backstop-models.json";

/// The path of what was collected of models, according to the text of a settings file.
///
/// [`read`] wants to be given what stands there, so this is asked first. A text with faults gives the
/// usual path: [`read`] will tell them.
pub fn catalogue_file(text: &str, env: &BTreeMap<String, String>) -> String {
    let named = || {
        let mut root = yaml::parse(text).ok()?;
        let mut faults = Faults::default();
        substitute::fill_in(&mut root, env, &mut faults);
        let root = Field { path: String::new(), node: &root };
        let section = root.section(&mut faults, KEYS)?;
        catalogue::catalogue(&section.get("catalogue")?, &mut faults).1
    };
    named().unwrap_or_else(|| COLLECTED.to_owned())
}

/// Reads the text of a settings file, with the variables of `env`, on top of what the catalogue
/// knows.
///
/// # Errors
///
/// Everything that is wrong, at once, in the order of the file; only broken YAML ends the search at
/// its first fault.
pub fn read(
    text: &str,
    env: &BTreeMap<String, String>,
    catalogue: &Catalogue,
) -> Result<Settings, Vec<SettingsError>> {
    let mut root = yaml::parse(text).map_err(|error| vec![error])?;
    let mut faults = Faults::default();
    substitute::fill_in(&mut root, env, &mut faults);
    let root = Field { path: String::new(), node: &root };
    let settings = settings(&root, &Around { env, catalogue }, &mut faults);
    faults.end(settings)
}

fn settings(root: &Field<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<Settings> {
    let section = root.section(faults, KEYS)?;
    let mut settings = Settings::default();
    if let Some(field) = section.get("listen") {
        settings.listen = socket(&field, faults).unwrap_or(settings.listen);
    }
    if let Some(field) = section.get("console") {
        settings.console = switched_off(&field).map_or_else(|| socket(&field, faults), |()| None);
    }
    if let Some(field) = section.get("store") {
        settings.store = switched_off(&field).map_or_else(|| store(&field, faults), |()| None);
    }
    settings.tls = section.get("tls").and_then(|field| tls(&field, faults));
    settings.cors_origins =
        section.get("cors").map(|field| origins(&field, faults)).unwrap_or_default();
    settings.hosts = section.get("hosts").map(|field| hosts(&field, faults)).unwrap_or_default();
    settings.keys = section.get("keys").map(|field| keys::keys(&field, faults)).unwrap_or_default();
    settings.limits =
        section.get("limits").map(|field| limits::limits(&field, faults)).unwrap_or_default();
    settings.fetch_media =
        section.get("fetch_media").and_then(|field| fetch::fetch_media(&field, around, faults));
    let ca_file = section.get("ca_file").and_then(|field| field.text(faults, "company-ca.pem"));
    settings.ca_file = ca_file.map(|text| text.value.clone());
    let (own, file) = section
        .get("catalogue")
        .map(|field| catalogue::catalogue(&field, faults))
        .unwrap_or_default();
    settings.catalogue_file = file;
    settings.catalogue = Arc::new(around.catalogue.clone().with_own(&own));
    let around = &Around { catalogue: &Arc::clone(&settings.catalogue), ..*around };
    providers_and_routes(&section, around, &mut settings, faults);
    check_addresses(&section, &settings, faults);
    Some(settings)
}

fn providers_and_routes(
    section: &Section<'_>,
    around: &Around<'_>,
    settings: &mut Settings,
    faults: &mut Faults,
) {
    let example = "{ anthropic: { api_key: ${ANTHROPIC_API_KEY} } }";
    let Some(field) = section.need(faults, "providers", example) else { return };
    let listeners: Vec<SocketAddr> =
        [Some(settings.listen), settings.console].into_iter().flatten().collect();
    let providers = providers::providers(&field, around, &listeners, faults);
    // Without routes the gateway's own serve.
    match section.get("routes").filter(|field| !matches!(field.node.value, Value::Empty)) {
        Some(field) => settings.routes = routes::routes(&field, &providers, around, faults),
        None => settings.routes = built_in::routes(&providers.read, &[], around.catalogue),
    }
    settings.providers = providers.read;
    if let Some(field) = section.get("workflows") {
        let names = routes::declared(section, &settings.routes);
        settings.workflows = workflows::workflows(&field, &names, faults);
    }
    let catch_all = built_in::catch_all(&settings.providers, &settings.routes);
    settings.routes.extend(catch_all);
}

/// `off`, `none`, `false` and nothing at all switch a part off.
pub(crate) fn switched_off(field: &Field<'_>) -> Option<()> {
    match &field.node.value {
        Value::Empty | Value::Switch(false) => Some(()),
        Value::Text(text) if matches!(text.value.as_str(), "off" | "none") => Some(()),
        Value::Text(_)
        | Value::Switch(true)
        | Value::Whole(_)
        | Value::Fraction(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

fn socket(field: &Field<'_>, faults: &mut Faults) -> Option<SocketAddr> {
    let text = field.text(faults, "127.0.0.1:8080")?;
    let address = text.value.trim().replace("localhost:", "127.0.0.1:");
    let socket = address.parse().ok();
    if socket.is_none() {
        let what = format!("`{}` is not an address to listen at", text.written);
        field.fault(faults, what, "write an IP address and a port, like `127.0.0.1:8080`");
    }
    socket
}

fn store(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.text(faults, "backstop.db")?;
    if let Some((what, cure)) = later::store(&text.value) {
        field.fault(faults, what, cure);
        return None;
    }
    Some(text.value.clone())
}

fn tls(field: &Field<'_>, faults: &mut Faults) -> Option<Tls> {
    let section = field.section(faults, TLS_KEYS)?;
    let mut file = |key, example| {
        let text = section.need(faults, key, example)?.text(faults, example)?;
        Some(text.value.clone())
    };
    let (certificate, key) = (file("certificate", "backstop.pem"), file("key", "backstop.key"));
    Some(Tls { certificate: certificate?, key: key? })
}

fn origins(field: &Field<'_>, faults: &mut Faults) -> Vec<String> {
    let example = "[https://app.example.com]";
    let mut origins = Vec::new();
    for item in field.list(faults, example) {
        let Some(text) = item.text(faults, "https://app.example.com") else { continue };
        let origin = text.value.trim();
        let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        if origin == "*" || rest.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
            origins.push(origin.to_owned());
        } else {
            let what = format!("`{}` is not an origin", text.written);
            item.fault(
                faults,
                what,
                "write scheme and host without a path, like `https://app.example.com`, or `\"*\"`",
            );
        }
    }
    origins
}

fn hosts(field: &Field<'_>, faults: &mut Faults) -> Vec<String> {
    let mut hosts = Vec::new();
    for item in field.list(faults, "[gateway.internal]") {
        let Some(text) = item.text(faults, "gateway.internal") else { continue };
        let host = text.value.trim();
        if host.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter)) {
            hosts.push(host.to_ascii_lowercase());
            continue;
        }
        let what = format!("`{}` is not the name of a machine", text.written);
        item.fault(faults, what, "write it without scheme, port and path, like `gateway.internal`");
    }
    hosts
}

/// What several keys must agree on.
fn check_addresses(section: &Section<'_>, settings: &Settings, faults: &mut Faults) {
    let place = |key: &str| section.get(key).map_or(section.place, |field| field.place());
    if !settings.listen.ip().is_loopback()
        && settings.keys.is_empty()
        && section.get("keys").is_none()
    {
        faults.add(
            place("listen"),
            "listen",
            "other machines can reach this address, and no keys are set",
            "add `keys:` (one per application, as a hash), or listen at 127.0.0.1",
        );
    }
    let same = settings.console.is_some_and(|console| {
        console.port() != 0
            && console.port() == settings.listen.port()
            && (console.ip() == settings.listen.ip()
                || console.ip().is_unspecified()
                || settings.listen.ip().is_unspecified())
    });
    if same {
        faults.add(
            place("console"),
            "console",
            "this is the address applications use (`listen`)",
            "give it a port of its own, like `127.0.0.1:8081`, or `off`",
        );
    }
}
