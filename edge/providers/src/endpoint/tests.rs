use super::*;

fn endpoint(base_url: &str) -> Endpoint {
    Endpoint::new(base_url, None, &TlsTrust::system()).unwrap()
}

fn error(base_url: &str, proxy: Option<&str>) -> String {
    Endpoint::new(base_url, proxy, &TlsTrust::system()).unwrap_err().to_string()
}

#[test]
fn puts_a_path_behind_the_prefix_without_doubling_the_version() {
    for (base, path, expected) in [
        ("https://api.anthropic.com", "/v1/messages", "/v1/messages"),
        ("https://api.openai.com/v1", "/v1/chat/completions", "/v1/chat/completions"),
        ("https://api.openai.com/v1/", "/v1/chat/completions", "/v1/chat/completions"),
        ("http://127.0.0.1:11434/v1", "/v1/messages?beta=true", "/v1/messages?beta=true"),
        ("https://a.example/openai/v1", "/v1/models", "/openai/v1/models"),
        ("https://a.example/proxy", "/v1/messages", "/proxy/v1/messages"),
        ("https://a.example/api/paas/v4", "/v1/chat/completions", "/api/paas/v4/chat/completions"),
        ("https://a.example/v1beta/openai", "/v1/models", "/v1beta/openai/models"),
        ("https://a.example/vault", "/v1/models", "/vault/v1/models"),
        ("https://a.example/v1", "/api/tags", "/v1/api/tags"),
    ] {
        let found = endpoint(base).path(path).unwrap();
        assert_eq!(found.as_str(), expected, "{base} and {path}");
    }
}

#[test]
fn refuses_a_path_that_is_none() {
    let endpoint = endpoint("http://a.example");
    for path in ["", "v1/messages", "/a b", "/\u{7f}"] {
        assert!(endpoint.path(path).is_err(), "{path:?}");
    }
}

#[test]
fn names_the_host_as_the_address_does_and_leaves_the_usual_port_out() {
    for (base, host, port, header) in [
        ("https://API.example", "api.example", 443, "api.example"),
        ("https://api.example:443/v1", "api.example", 443, "api.example"),
        ("http://api.example:443", "api.example", 443, "api.example:443"),
        ("http://127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"),
        ("https://[::1]:8443", "::1", 8443, "[::1]:8443"),
    ] {
        let endpoint = endpoint(base);
        assert_eq!((endpoint.host(), endpoint.port()), (host, port), "{base}");
        assert_eq!(endpoint.host_header(), header, "{base}");
    }
}

#[test]
fn says_what_is_wrong_with_an_address_and_repeats_no_secret() {
    for (base, words) in [
        ("", "base_url is not a URL"),
        ("api.example", "must start with `https://`"),
        ("ftp://api.example", "must start with `https://`"),
        ("https://user:hush@api.example", "put the key into `api_key`"),
        ("https://api.example/v1?key=hush", "must not hold a query"),
        ("https://", "base_url"),
        ("https://a..example", "no certificate"),
    ] {
        let error = error(base, None);
        assert!(error.contains(words) && !error.contains("hush"), "{base}: {error}");
    }
}

#[test]
fn says_what_is_wrong_with_a_proxy_and_repeats_no_secret() {
    for (proxy, words) in [
        ("socks5://ana:hush@127.0.0.1", "proxy must start with"),
        ("https://ana:hush@127.0.0.1", "`http://host:port`"),
        ("127.0.0.1:3128", "proxy"),
    ] {
        let error = error("https://api.example", Some(proxy));
        assert!(error.contains(words) && !error.contains("hush"), "{proxy}: {error}");
    }
}

#[test]
fn hides_the_proxys_credentials_when_printed() {
    let proxy = Some("http://ana:hush@127.0.0.1:3128");
    let printed =
        format!("{:?}", Endpoint::new("https://a.example/v1", proxy, &TlsTrust::system()).unwrap());
    assert!(printed.contains("https://a.example/v1") && printed.contains("3128"), "{printed}");
    assert!(!printed.contains("hush") && !printed.contains("ana"), "{printed}");
}

#[test]
fn opens_the_socket_to_the_proxy_where_there_is_one() {
    let proxy = Some("http://proxy.example:3128");
    let endpoint = Endpoint::new("https://a.example", proxy, &TlsTrust::system()).unwrap();
    assert_eq!(endpoint.first_hop(), ("proxy.example", 3128));
    assert!(endpoint.is_secure() && endpoint.forwarding().is_none());
}
