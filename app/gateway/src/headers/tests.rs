use super::*;

fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    pairs.iter().map(pair).collect()
}

#[test]
fn keeps_an_account_of_the_clients_from_a_key_of_ours() {
    let client = map(&[
        ("openai-organization", "org"),
        ("openai-project", "p"),
        ("authorization", "Bearer c"),
    ]);
    let sent = |credential: &Credential| {
        let mut out = up(&client);
        show_key(&mut out, (ProviderKind::Openai, Dialect::OpenaiChat), credential, &client);
        (out.contains_key("openai-organization"), out.contains_key("openai-project"))
    };
    let ours = Credential::Key { name: "k".into(), secret: Secret::new("s") };
    assert_eq!(sent(&ours), (false, false));
    assert_eq!(sent(&Credential::FromClient), (true, true));
}

#[test]
fn tells_a_client_nothing_of_the_account_or_the_way_behind_the_provider() {
    let provider = map(&[
        ("openai-organization", "org"),
        ("anthropic-organization-id", "org"),
        ("access-control-allow-credentials", "true"),
        ("server-timing", "x"),
        ("proxy-status", "x"),
        ("backstop-answer", "x"),
        ("x-envoy-upstream-service-time", "x"),
        ("via", "x"),
        ("cf-ray", "x"),
        ("openai-processing-ms", "12"),
        ("anthropic-ratelimit-requests-limit", "7"),
    ]);
    let mut out = HeaderMap::new();
    down(&provider, &mut out);
    let names: Vec<_> = out.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["openai-processing-ms", "anthropic-ratelimit-requests-limit"]);
}

#[test]
fn marks_a_request_with_every_gateway_it_has_been_through() {
    let client = map(&[("backstop-hop", "a"), ("backstop-app", "shop")]);
    let mut out = up(&client);
    mark(&mut out, &client, &HeaderValue::from_static("us"));
    assert_eq!(hops(&out).collect::<Vec<_>>(), [b"a".as_slice(), b"us"]);
    assert_eq!(out.len(), 2);
}

#[test]
fn sends_a_provider_no_key_to_another_door_and_nothing_about_the_clients_way() {
    let kept = [
        ("anthropic-beta", "a"),
        ("idempotency-key", "7"),
        ("user-agent", "sdk"),
        ("x-stainless-retry-count", "0"),
        ("traceparent", "00-1-1-01"),
    ];
    let dropped = [
        ("authorization", "Bearer s"),
        ("x-api-key", "s"),
        ("api-key", "s"),
        ("x-goog-api-key", "s"),
        ("x-amz-security-token", "s"),
        ("helicone-auth", "s"),
        ("cf-aig-authorization", "s"),
        ("ocp-apim-subscription-key", "s"),
        ("private_token", "s"),
        ("cookie", "s"),
        ("cf-connecting-ip", "192.0.2.1"),
        ("cdn-loop", "cloudflare"),
        ("x-real-ip", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("backstop-app", "shop"),
    ];
    let out = up(&map(&[kept.as_slice(), dropped.as_slice()].concat()));
    assert_eq!(out, map(&kept));
}

#[test]
fn keeps_what_connection_names_and_only_that() {
    let out = up(&map(&[
        ("connection", "keep-alive, X-Private ,x-api-key,backstop-hop"),
        ("x-private", "1"),
        ("anthropic-beta", "a"),
    ]));
    assert_eq!(out, map(&[("anthropic-beta", "a")]));
}

#[test]
fn keeps_the_gateways_key_and_the_placeholder_from_providers() {
    let sent = |pairs: &[(&'static str, &'static str)]| {
        let (client, mut out) = (map(pairs), HeaderMap::new());
        let whose = (ProviderKind::Anthropic, Dialect::AnthropicMessages);
        show_key(&mut out, whose, &Credential::FromClient, &client);
        assert_eq!(brings_credential(&client), out.len() > 1);
        assert!(
            out.iter().all(|(name, value)| value.is_sensitive() || name == "anthropic-version")
        );
        (out.contains_key("authorization"), out.contains_key("x-api-key"))
    };
    let ours = ("backstop-key", "gateway-key");
    assert_eq!(sent(&[ours, ("x-api-key", "their-key")]), (false, true));
    assert_eq!(sent(&[ours, ("x-api-key", "gateway-key")]), (false, false));
    let both = [ours, ("authorization", "Bearer gateway-key"), ("x-api-key", "their-key")];
    assert_eq!(sent(&both), (false, true));
    assert_eq!(sent(&[("authorization", "Bearer backstop-has-the-keys")]), (false, false));
}

#[test]
fn takes_a_key_out_of_a_providers_words() {
    let body = Bytes::from_static(b"no such key: sk-ant-of-somebody, sk-ant-of-somebody");
    let secret = Secret::new("sk-ant-of-somebody");
    let ours = Credential::Key { name: "k".into(), secret };
    assert_eq!(discreet_body(body.clone(), (&ours, None), &map(&[])), "no such key: [key], [key]");
    let client = map(&[("authorization", "Bearer sk-ant-of-somebody")]);
    let told = discreet_body(body.clone(), (&Credential::FromClient, None), &client);
    assert_eq!(told, "no such key: [key], [key]");
    assert_eq!(discreet_body(body.clone(), (&Credential::None, None), &client), body);
}
