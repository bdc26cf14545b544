use crate::link::name;

/// The hosts that the operator lets requests name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Host>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// Any that is public.
    Any,
    /// This one.
    This(Box<str>),
    /// Those below this name; not the name itself. Kept with its dot in front.
    Below(Box<str>),
}

impl Hosts {
    /// Takes in one more: a name, `*.example.com` for those below it, `*` for every public host.
    /// Says whether it understood.
    #[must_use]
    pub fn add(&mut self, text: &str) -> bool {
        let host = match text.trim().strip_prefix('*') {
            Some("") => Some(Host::Any),
            Some(below) => below
                .strip_prefix('.')
                .and_then(name)
                .map(|name| Host::Below(format!(".{name}").into())),
            None => name(text.trim()).map(|name| Host::This(name.into())),
        };
        let known = host.is_some();
        self.0.extend(host);
        known
    }

    /// Whether requests may name this host, written as [`crate::Link`] has it.
    pub fn allow(&self, host: &str) -> bool {
        self.0.iter().any(|allowed| match allowed {
            Host::Any => true,
            Host::This(name) => **name == *host,
            Host::Below(end) => host.ends_with(&**end),
        })
    }

    /// Whether no host was named, but all that are public.
    pub fn are_any(&self) -> bool {
        self.0.contains(&Host::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> Hosts {
        let mut hosts = Hosts::default();
        for text in list {
            assert!(hosts.add(text), "{text}");
        }
        hosts
    }

    #[test]
    fn a_name_allows_itself_and_a_star_what_is_below() {
        let some = hosts(&["CDN.example.com", "*.images.example.net"]);
        for (host, allowed) in [
            ("cdn.example.com", true),
            ("a.cdn.example.com", false),
            ("evilcdn.example.com", false),
            ("cdn.example.com.evil.net", false),
            ("a.images.example.net", true),
            ("a.b.images.example.net", true),
            ("images.example.net", false),
            ("evilimages.example.net", false),
        ] {
            assert_eq!(some.allow(host), allowed, "{host}");
        }
        assert!(!some.are_any() && hosts(&["*"]).are_any() && hosts(&["*"]).allow("a.b"));
        assert!(!Hosts::default().allow("cdn.example.com"));
    }

    #[test]
    fn refuses_what_is_no_name_of_a_public_host() {
        let odd = ["", "*.", "*.com", "**", "a.*.com", "localhost", "10.0.0.1", "*.internal"];
        for text in odd.into_iter().chain(["https://a.com", "a.com:443", "a.com/x", "*a.com"]) {
            assert!(!Hosts::default().add(text), "{text}");
        }
    }
}
