//! Which proxy the environment names for an address, by the usual rules.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::address::Address;

/// The proxy for `address` from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, each also
/// in small letters, which win (curl's order). This machine is never reached through a proxy.
pub(crate) fn from_environment(
    address: &Address,
    env: &BTreeMap<String, String>,
) -> Option<String> {
    if address.is_loopback() || look(env, "NO_PROXY").is_some_and(|list| excepted(address, list)) {
        return None;
    }
    let own = if address.secure { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    look(env, own).or_else(|| look(env, "ALL_PROXY")).map(str::to_owned)
}

fn look<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    let small = env.get(&name.to_ascii_lowercase());
    let value = small.or_else(|| env.get(name))?.trim();
    (!value.is_empty()).then_some(value)
}

fn excepted(address: &Address, list: &str) -> bool {
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') => (name, port.parse::<u16>().ok()),
            Some(_) | None => (entry.as_str(), None),
        };
        let name = name.trim_start_matches("*.").trim_start_matches('.');
        let within = address
            .host
            .strip_suffix(name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let fits = name == "*" || within || in_network(&address.host, name);
        fits && port.is_none_or(|port| port == address.port)
    })
}

/// Whether the host is an address within `network`, written `10.0.0.0/8`.
fn in_network(host: &str, network: &str) -> bool {
    let Some((base, bits)) = network.split_once('/') else { return false };
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (host.parse::<IpAddr>(), base.parse::<IpAddr>()) {
        (Ok(IpAddr::V4(host)), Ok(IpAddr::V4(base))) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (host.to_bits() ^ base.to_bits()) & mask == 0
        }
        (Ok(IpAddr::V6(host)), Ok(IpAddr::V6(base))) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (host.to_bits() ^ base.to_bits()) & mask == 0
        }
        (Ok(_) | Err(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, no_proxy: &str, expected: Option<&str>) {
        let env = [
            ("HTTPS_PROXY", "http://secure:1"),
            ("http_proxy", "http://plain:1"),
            ("HTTP_PROXY", "http://never:1"),
            ("NO_PROXY", no_proxy),
        ];
        let env =
            env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = from_environment(&Address::read(url).unwrap(), &env);
        assert_eq!(found.as_deref(), expected, "{url} except {no_proxy}");
    }

    #[test]
    fn goes_through_the_proxy_of_its_scheme_unless_excepted() {
        check("https://api.openai.com", "", Some("http://secure:1"));
        check("http://gpu.corp:8000", "", Some("http://plain:1"));
        check("http://127.0.0.1:11434", "", None);
        check("https://api.openai.com", "openai.com", None);
        check("https://api.openai.com", ".openai.com", None);
        check("https://api.openai.com", "*.openai.com", None);
        check("https://api.openai.com", "penai.com", Some("http://secure:1"));
        check("https://api.openai.com", "a.b, *", None);
        check("https://api.openai.com", "api.openai.com:444", Some("http://secure:1"));
        check("http://10.1.2.3:8000", "10.0.0.0/8", None);
        check("http://11.1.2.3:8000", "10.0.0.0/8", Some("http://plain:1"));
        check("http://11.1.2.3:8000", "0.0.0.0/0", None);
    }
}
