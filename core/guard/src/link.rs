use crate::Refusal;

/// The longest address: signed links of object stores come to some 2,000 bytes.
const LINK_BYTES_MAX: usize = 8192;
/// The longest name and label (RFC 1035).
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
/// Names that are never public: RFC 6761, RFC 6762, RFC 7686, RFC 8375 and RFC 9476, and what ICANN
/// reserved for networks of one's own.
const NEVER_PUBLIC: [&str; 6] = ["localhost", "local", "internal", "onion", "arpa", "alt"];

/// An address that may be looked up: `https`, a name, the usual port, no credentials.
///
/// It is read more strictly than browsers do. Whatever two readers could understand differently
/// (numbers for hosts, backslashes, spaces, letters beyond ASCII) is refused instead of mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    host: Box<str>,
    target: Box<str>,
}

impl Link {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`Refusal::Address`], which says what it must be and repeats nothing of it.
    pub fn read(url: &str) -> Result<Self, Refusal> {
        if url.len() > LINK_BYTES_MAX {
            return Err(Refusal::Address("is too long"));
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(Refusal::Address("holds characters that must be written as %XX"));
        }
        let scheme = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let rest = scheme.and_then(|scheme| url.get(scheme.len()..));
        let rest = rest.ok_or(Refusal::Address("is not https"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(Refusal::Address("holds a user or password"));
        }
        let host = match authority.split_once(':') {
            None => authority,
            Some((host, "443")) => host,
            Some(_) if authority.starts_with('[') => {
                return Err(Refusal::Address("has a number in place of a host name"));
            }
            Some(_) => return Err(Refusal::Address("names a port")),
        };
        let host = name(host).ok_or(Refusal::Address("does not name a public host"))?;
        let target = target.split('#').next().unwrap_or_default();
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self { host: host.into(), target: format!("{slash}{target}").into() })
    }

    /// Where a redirect from here leads.
    ///
    /// # Errors
    ///
    /// Those of [`Link::read`].
    pub fn join(&self, location: &str) -> Result<Self, Refusal> {
        let path = self.target.split('?').next().unwrap_or_default();
        let here = |target: String| Self::read(&format!("https://{}{target}", self.host));
        let first = location.find(['/', '?', '#']).unwrap_or(location.len());
        let has_scheme = location.get(..first).is_some_and(|start| start.contains(':'));
        if location.starts_with("//") {
            Self::read(&format!("https:{location}"))
        } else if has_scheme {
            Self::read(location)
        } else if location.starts_with('/') {
            here(location.to_owned())
        } else if location.starts_with('?') {
            here(format!("{path}{location}"))
        } else {
            let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
            here(format!("{folder}{location}"))
        }
    }

    /// The host's name, in small letters, without a dot at its end.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path and query, as they were written; what follows `#` is not sent.
    pub fn target(&self) -> &str {
        &self.target
    }
}

/// The name of a host that may be public, in small letters; `None` for a number, for a single word,
/// for what is no name, and for what is never public.
pub(crate) fn name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let inside = !label.starts_with('-') && !label.ends_with('-');
        (1..=LABEL_BYTES_MAX).contains(&label.len()) && inside && label.bytes().all(plain)
    };
    let (_, last) = text.rsplit_once('.')?;
    // Everything that any reader takes for an IPv4 address (`127.1`, `0x7f.1`) ends in a number.
    let is_number = last.starts_with(|first: char| first.is_ascii_digit());
    let fits = text.len() <= NAME_BYTES_MAX && text.split('.').all(is_label);
    (fits && !is_number && !NEVER_PUBLIC.contains(&last)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_address_is_taken_apart() {
        for (url, host, target) in [
            (
                "https://cdn.example.com/a/b.png?x=1&y=%20#top",
                "cdn.example.com",
                "/a/b.png?x=1&y=%20",
            ),
            ("HTTPS://CDN.Example.COM", "cdn.example.com", "/"),
            ("https://cdn.example.com?x", "cdn.example.com", "/?x"),
            ("https://cdn.example.com#x", "cdn.example.com", "/"),
            ("https://cdn.example.com:443/a", "cdn.example.com", "/a"),
            ("https://cdn.example.com./a", "cdn.example.com", "/a"),
            ("https://xn--bcher-kva.example.com/a@b:c", "xn--bcher-kva.example.com", "/a@b:c"),
            ("https://a_b.s3.amazonaws.com/a//b/../c", "a_b.s3.amazonaws.com", "/a//b/../c"),
        ] {
            let link = Link::read(url).unwrap();
            assert_eq!((link.host(), link.target()), (host, target), "{url}");
        }
    }

    #[test]
    fn whatever_two_readers_may_understand_differently_is_refused() {
        let long = format!("https://a.com/{}", "x".repeat(LINK_BYTES_MAX));
        let label = format!("https://{}.com/", "x".repeat(64));
        for url in [
            "",
            "https://",
            "https:///a",
            "https:a.com",
            "http://a.com/",
            "ftp://a.com/",
            "file:///etc/passwd",
            "gopher://a.com",
            "data:text/plain,a",
            "//a.com/",
            " https://a.com/",
            "https://a.com/ b",
            "https://a.com/\r\nx-evil: 1",
            "https://a.com\\@b.com/",
            "https:\\\\a.com/",
            "https://user@a.com/",
            "https://user:pass@a.com/",
            "https://a.com:443@127.0.0.1/",
            "https://a.com:80/",
            "https://a.com:0443/",
            "https://a.com:/",
            "https://a.com:443:443/",
            "https://localhost/",
            "https://a.localhost/",
            "https://metadata/",
            "https://metadata.google.internal/",
            "https://printer.local/",
            "https://1.0.0.127.in-addr.arpa/",
            "https://127.0.0.1/",
            "https://127.0.0.1./",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://1.1.1.1/",
            "https://a.0x7f/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]:443/",
            "https://[fe80::1%25eth0]/",
            "https://%31%32%37.0.0.1/",
            "https://a%2ecom/",
            "https://a..com/",
            "https://.com/",
            "https://-a.com/",
            "https://a-.com/",
            "https://bücher.example/",
            "https://a。com/",
            "https://127。0。0。1/",
            "https://ⓐ.com/",
            &long,
            &label,
        ] {
            let refused = Link::read(url).unwrap_err();
            assert!(matches!(refused, Refusal::Address(_)), "{url}: {refused:?}");
        }
    }

    #[test]
    fn a_redirect_leads_where_it_says_and_is_read_as_strictly() {
        let from = Link::read("https://a.example.com/x/y.png?q=1").unwrap();
        for (location, host, target) in [
            ("https://b.example.com/z", "b.example.com", "/z"),
            ("//b.example.com/z", "b.example.com", "/z"),
            ("/z?a", "a.example.com", "/z?a"),
            ("z.png", "a.example.com", "/x/z.png"),
            ("../z.png", "a.example.com", "/x/../z.png"),
            ("?q=2", "a.example.com", "/x/y.png?q=2"),
            ("/a:b", "a.example.com", "/a:b"),
            ("", "a.example.com", "/x/"),
        ] {
            let to = from.join(location).unwrap();
            assert_eq!((to.host(), to.target()), (host, target), "{location}");
        }
        for location in [
            "http://a.example.com/z",
            "//127.0.0.1/",
            "///evil",
            "https:/z",
            "javascript:alert(1)",
            "//user@b.example.com/",
            "/a b",
            "\\\\127.0.0.1\\",
            "/\r\nx: y",
        ] {
            assert!(from.join(location).is_err(), "{location}");
        }
    }
}
