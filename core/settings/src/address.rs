use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::units::Complaint;

/// Where a provider lives: the parts of its base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) secure: bool,
    /// Without brackets, in small letters.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Without a trailing slash; empty for the root.
    pub(crate) path: String,
}

const CURE: &str = "write scheme, host and path, like `https://api.openai.com/v1`";

impl Address {
    /// The address of a base URL. The complaint never quotes it: it may hold a password.
    pub(crate) fn read(url: &str) -> Result<Self, Complaint> {
        let complain = |what: &str| (what.to_owned(), CURE.to_owned());
        let (scheme, rest) =
            url.trim().split_once("://").ok_or_else(|| complain("this is not a URL"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(complain("a provider is reached by `https` or `http` only")),
        };
        if rest.contains(['?', '#']) {
            return Err(complain("a base URL has no query and no fragment"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            let cure = "leave name and password out and use `api_key`".to_owned();
            return Err(("a base URL holds no credentials".to_owned(), cure));
        }
        let path = path.trim_end_matches('/');
        let (host, port) = host_and_port(authority, if secure { 443 } else { 80 })
            .ok_or_else(|| complain("the host or port of this URL cannot be read"))?;
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { secure, host, port, path })
    }

    /// The base URL in its one form: small letters, no default port, no trailing slash.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.secure { 443 } else { 80 };
        let port = if self.port == usual { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{host}{port}{}", self.path)
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        let named = self.host == "localhost" || self.host.ends_with(".localhost");
        named || ip.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
    }

    /// Whether it is the service that tells a machine, or a container, who it is.
    pub(crate) fn is_metadata(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => ip.is_link_local(),
            Ok(IpAddr::V6(ip)) => ip.is_unicast_link_local() || ip.is_unique_local(),
            Err(_) => self.host == "metadata.google.internal" || self.host == "metadata",
        }
    }

    /// Whether it is on this machine or in one's own network, as far as the name tells: a private
    /// address, a name without dots (a container's), or a `.local` or `.internal` name.
    pub(crate) fn is_local(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => is_private(ip) || self.is_loopback(),
            Ok(IpAddr::V6(ip)) => {
                let mapped = ip.to_ipv4_mapped().is_some_and(is_private);
                ip.is_unique_local() || ip.is_unicast_link_local() || mapped || self.is_loopback()
            }
            Err(_) => {
                let inner =
                    [".local", ".internal", ".lan"].iter().any(|end| self.host.ends_with(end));
                inner || !self.host.contains('.') || self.is_loopback()
            }
        }
    }

    /// Whether a request there would come back to a listener at `listener`.
    pub(crate) fn leads_to(&self, listener: SocketAddr) -> bool {
        if self.port != listener.port() || listener.port() == 0 {
            return false;
        }
        let here = listener.ip().is_loopback() || listener.ip().is_unspecified();
        let same = self.host.parse::<IpAddr>().is_ok_and(|ip| ip == listener.ip());
        same || (here && self.is_loopback())
    }
}

fn is_private(ip: Ipv4Addr) -> bool {
    ip.is_private() || ip.is_link_local() || ip.is_loopback()
}

fn host_and_port(authority: &str, usual: u16) -> Option<(String, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { Some("") } else { after.strip_prefix(':') })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("")),
        },
    };
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    if host.is_empty() || !host.chars().all(fits) {
        return None;
    }
    let port = match port? {
        "" => usual,
        port => port.parse().ok().filter(|port| *port > 0)?,
    };
    Some((host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_into_one_form() {
        for (written, url) in [
            ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
            ("HTTPS://API.Anthropic.com:443", "https://api.anthropic.com"),
            ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ] {
            assert_eq!(Address::read(written).map(|address| address.url()), Ok(url.to_owned()));
        }
        for written in [
            "api.openai.com",
            "ftp://x",
            "http://",
            "http://a:b",
            "http://u:p@a/",
            "http://a/?k=v",
            "http://a:0",
            "http://a b",
        ] {
            assert!(Address::read(written).is_err(), "{written}");
        }
    }

    #[test]
    fn knows_what_is_near() {
        let address = |url: &str| Address::read(url).unwrap();
        for near in [
            "http://127.0.0.1:1",
            "http://localhost",
            "http://ollama:11434",
            "http://10.1.2.3",
            "http://[fd00::1]",
            "http://gpu.local",
        ] {
            assert!(address(near).is_local(), "{near}");
        }
        for far in ["https://api.openai.com", "http://8.8.8.8", "http://[2001:db8::1]"] {
            assert!(!address(far).is_local(), "{far}");
        }
    }

    #[test]
    fn notices_the_way_back_to_its_own_listener() {
        let leads = |url: &str, listener: &str| {
            Address::read(url).unwrap().leads_to(listener.parse().unwrap())
        };
        assert!(leads("http://localhost:8080/v1", "127.0.0.1:8080"));
        assert!(leads("http://127.0.0.1:8080", "0.0.0.0:8080"));
        assert!(leads("http://10.0.0.5:8080", "10.0.0.5:8080"));
        assert!(!leads("http://127.0.0.1:8081", "127.0.0.1:8080"));
        assert!(!leads("http://10.0.0.6:8080", "10.0.0.5:8080"));
    }
}
