use backstop_guard::{Hosts, Rules};

use super::Around;
use super::identity::proxies;
use super::providers::proxy_at;
use crate::faults::Faults;
use crate::fetch::FetchMedia;
use crate::section::{Field, Keys, Section};

pub(crate) const KEYS: Keys = Keys {
    section: "fetch_media",
    names: &["hosts", "bytes_max", "time_max", "redirects_max", "per_request_max", "proxy"],
};

/// What requests may have fetched.
pub(crate) fn fetch_media(
    field: &Field<'_>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<FetchMedia> {
    let section = field.section(faults, KEYS)?;
    let named = section.need(faults, "hosts", "[cdn.example.com, \"*.example.net\"]")?;
    let rules = limits(&section, hosts(&named, faults), faults);
    if let Some(field) = section.get("proxy") {
        proxy_at(&field, faults);
    }
    let media = FetchMedia { rules, proxies: proxies(&section, around) };
    if media.rules.hosts.are_any() && media.proxy_to("any.invalid").is_some() {
        named.fault(
            faults,
            "every public host is allowed, and a proxy leads there: nobody would see where a name leads",
            "name the hosts, or write `proxy: none`",
        );
    }
    Some(media)
}

fn hosts(field: &Field<'_>, faults: &mut Faults) -> Hosts {
    let mut hosts = Hosts::default();
    let items = field.list(faults, "[cdn.example.com, \"*.example.net\"]");
    if items.is_empty() {
        field.fault(faults, "no host stands here", "name those that your applications use");
    }
    for item in items {
        let Some(text) = item.text(faults, "cdn.example.com") else { continue };
        if !hosts.add(&text.value) {
            let what = format!("`{}` is not the name of a public host", text.written);
            let cure = "write it without scheme, port and path, like `cdn.example.com`, \
                        `\"*.example.com\"` for those below it, or `\"*\"`";
            item.fault(faults, what, cure);
        }
    }
    hosts
}

fn limits(section: &Section<'_>, hosts: Hosts, faults: &mut Faults) -> Rules {
    let mut rules = Rules { hosts, ..Rules::default() };
    if let Some(bytes) = section.get("bytes_max").and_then(|field| field.bytes(faults)) {
        rules.bytes_max = bytes;
    }
    if let Some(time) = section.get("time_max").and_then(|field| field.some_time(faults)) {
        rules.time_max = time;
    }
    let mut count = |key, range, limit: &mut u32| {
        if let Some(number) = section.get(key).and_then(|field| field.whole(faults, range)) {
            *limit = u32::try_from(number).unwrap_or(u32::MAX);
        }
    };
    count("redirects_max", 0..=10, &mut rules.redirects_max);
    count("per_request_max", 1..=1000, &mut rules.per_request_max);
    rules
}
