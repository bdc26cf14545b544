//! Which headers cross the gateway, and which are its own.

use bytes::Bytes;
use http::header::{self, AsHeaderName, HeaderMap, HeaderName, HeaderValue};

use backstop_identity::Pass;
use backstop_settings::{Credential, ProviderKind, Secret};
use backstop_vocabulary::{Dialect, Failure, Words};

/// The header in which a client may name its application.
pub(crate) static APP: HeaderName = HeaderName::from_static("backstop-app");
/// The header in which a client may name its business process.
pub(crate) static WORKFLOW: HeaderName = HeaderName::from_static("backstop-workflow");
/// The headers in which clients name their conversation, ours first; the others are what agents
/// already send.
pub(crate) static SESSIONS: [HeaderName; 5] = [
    HeaderName::from_static("backstop-session"),
    HeaderName::from_static("x-claude-code-session-id"),
    HeaderName::from_static("session-id"),
    HeaderName::from_static("x-session-id"),
    HeaderName::from_static("x-session-affinity"),
];
/// The header in which every gateway leaves its mark.
static HOP: HeaderName = HeaderName::from_static(backstop_providers::HOP_HEADER);
/// The header for a gateway key when the usual ones carry the client's own credential.
pub(crate) const KEY: &str = "backstop-key";
/// What `backstop run` gives to a program that has no key of its own, so that its SDK starts. It
/// opens nothing, and is never sent to a provider.
pub const PLACEHOLDER_KEY: &str = "backstop-has-the-keys";
/// The version of the Messages API sent when a client of another dialect named none.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// Names that never go from a client to a provider: hop by hop, ours, or what a proxy in front of us
/// wrote about the client.
const NEVER_UP: &[&str] = &[
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "accept-encoding",
    "expect",
    "forwarded",
    "via",
    "cdn-loop",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "fastly-client-ip",
    "origin",
    "referer",
    // They choose whose account pays, and the account is ours unless the credential is theirs.
    "openai-organization",
    "openai-project",
];

/// How the names of headers begin that are ours, or that a proxy in front of us wrote: where the
/// client is, which way it came. An edge in front of a provider may refuse its own from a stranger.
const NEVER_UP_PREFIXES: [&str; 6] =
    ["backstop-", "x-forwarded-", "cf-", "x-envoy-", "x-amzn-", "x-amz-"];
/// The headers in which clients show credentials to providers.
const CREDENTIALS: [&str; 3] = ["authorization", "x-api-key", GOOGLE_KEY];
/// The header in which clients of Gemini show their key.
pub(crate) const GOOGLE_KEY: &str = "x-goog-api-key";
/// How a signature of AWS begins, which stands where others show a token.
const AWS_SIGNATURE: &str = "AWS4-HMAC-SHA256";
/// What is shorter protects nothing, and is a word that a provider may say by chance.
const KEY_BYTES_MIN: usize = 12;

/// What a client's own `OpenAI` credential may be bound to.
const ACCOUNT: [&str; 2] = ["openai-organization", "openai-project"];

/// The header in which clients of Anthropic ask for beta features.
const BETA: &str = "anthropic-beta";

/// Names that never go from a provider to a client: hop by hop, framing, or replaced by ours.
const NEVER_DOWN: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-encoding",
    "set-cookie",
    "alt-svc",
    "date",
    "server",
    "strict-transport-security",
    "request-id",
    "x-request-id",
    "via",
    "server-timing",
    "proxy-status",
    // Whose account answered is the operator's business.
    "openai-organization",
    "openai-project",
    "anthropic-organization-id",
];

/// How the names of headers begin that another gateway, an edge or a mesh in front of the provider
/// wrote: they are about the provider's side, and ours of the same name would be doubted.
const NEVER_DOWN_PREFIXES: [&str; 4] = ["backstop-", "access-control-", "x-envoy-", "cf-"];

/// The headers of a same-dialect attempt: the client's, less what must not travel.
pub(crate) fn up(client: &HeaderMap) -> HeaderMap {
    // Read here, where nothing of ours can be named: `connection: x-api-key` must not disarm us.
    let named = named_by_connection(client);
    let mut out = HeaderMap::with_capacity(client.len() + 3);
    for (name, value) in client {
        let text = name.as_str();
        let foreign = NEVER_UP_PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        if !foreign && !NEVER_UP.contains(&text) && !names_secret(text) && !named.contains(name) {
            out.append(name.clone(), value.clone());
        }
    }
    out
}

/// The headers that are meant for the next hop only, which is us (RFC 9110, 7.6.1).
fn named_by_connection(client: &HeaderMap) -> Vec<HeaderName> {
    let values = client.get_all(header::CONNECTION).into_iter();
    let names = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    names.filter_map(|name| name.trim().parse().ok()).collect()
}

/// Whether a header of this name is there to open a door: `x-goog-api-key`, `helicone-auth`,
/// `x-amz-security-token`. Whichever door that is, it is not that of the provider we chose.
fn names_secret(name: &str) -> bool {
    let secret = |word| {
        matches!(
            word,
            "auth"
                | "authorization"
                | "cookie"
                | "credential"
                | "credentials"
                | "jwt"
                | "password"
                | "secret"
                | "token"
        )
    };
    ["api-key", "apikey", "access-key", "subscription-key"].iter().any(|end| name.ends_with(end))
        || name.split(['-', '_']).any(secret)
}

/// The gateways that a request has been through, by their marks.
pub(crate) fn hops(client: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = client.get_all(&HOP).into_iter();
    // Something on the way may have joined the lines into one.
    values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// Marks a request for a provider with the gateways it has been through, this one last.
pub(crate) fn mark(out: &mut HeaderMap, client: &HeaderMap, instance: &HeaderValue) {
    out.remove(&HOP);
    for hop in client.get_all(&HOP) {
        out.append(HOP.clone(), hop.clone());
    }
    out.append(HOP.clone(), instance.clone());
}

/// The headers of an attempt in another dialect than the client's: nothing of the client's.
pub(crate) fn plain() -> HeaderMap {
    let mut out = HeaderMap::with_capacity(5);
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out
}

/// Adds what the target's API demands: version, and the credential where that is a header by itself.
/// For [`crate::identity::access::authorise`], which knows the others.
pub(crate) fn show_key(
    headers: &mut HeaderMap,
    (kind, dialect): (ProviderKind, Dialect),
    credential: &Credential,
    client: &HeaderMap,
) {
    if dialect == Dialect::AnthropicMessages && !headers.contains_key("anthropic-version") {
        headers.insert(HeaderName::from_static("anthropic-version"), ANTHROPIC_VERSION);
    }
    match credential {
        // A token is shown by `identity::access`, once the request is complete.
        Credential::None | Credential::Identity { .. } => {}
        Credential::FromClient => {
            let gemini = dialect == Dialect::Gemini;
            for name in CREDENTIALS.into_iter().filter(|name| gemini || *name != GOOGLE_KEY) {
                if let Some(mut value) = own(client, name).cloned() {
                    value.set_sensitive(true);
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            if !matches!(dialect, Dialect::AnthropicMessages | Dialect::Gemini) {
                for name in ACCOUNT.map(HeaderName::from_static) {
                    if let Some(value) = client.get(&name) {
                        headers.insert(name, value.clone());
                    }
                }
            }
        }
        Credential::Key { secret, .. } => {
            let anthropic = dialect == Dialect::AnthropicMessages;
            let (name, text) = match kind {
                ProviderKind::Anthropic | ProviderKind::Foundry => {
                    ("x-api-key", secret.reveal().to_owned())
                }
                ProviderKind::Azure => ("api-key", secret.reveal().to_owned()),
                ProviderKind::Compatible if anthropic => ("x-api-key", secret.reveal().to_owned()),
                ProviderKind::Gemini => (GOOGLE_KEY, secret.reveal().to_owned()),
                ProviderKind::Compatible if dialect == Dialect::Gemini => {
                    (GOOGLE_KEY, secret.reveal().to_owned())
                }
                ProviderKind::Openai
                | ProviderKind::Bedrock
                | ProviderKind::Vertex
                | ProviderKind::Compatible => {
                    ("authorization", format!("Bearer {}", secret.reveal()))
                }
            };
            if let Ok(mut value) = HeaderValue::from_str(&text) {
                value.set_sensitive(true);
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// Whether a client signs its requests as AWS demands, instead of showing a key.
pub(crate) fn is_signed(client: &HeaderMap) -> bool {
    text(client, "authorization").is_some_and(|value| value.starts_with(AWS_SIGNATURE))
}

/// Whether a client shows a credential that may be its provider's.
pub(crate) fn brings_credential(client: &HeaderMap) -> bool {
    CREDENTIALS.into_iter().any(|name| own(client, name).is_some())
}

/// What of a client's headers decides what a provider lets it do: the credentials it `brings`, if any
/// are its own, the account they are bound to, and the beta features it asks for.
pub(crate) fn standing<'a>(
    client: &'a HeaderMap,
    brings: Option<&'a HeaderMap>,
) -> impl Iterator<Item = &'a [u8]> {
    let own = move |name| brings.and_then(|client| own(client, name)).map(HeaderValue::as_bytes);
    let credentials = CREDENTIALS.into_iter().map(move |name| own(name).unwrap_or_default());
    let rest = ACCOUNT.into_iter().chain([BETA]);
    credentials.chain(rest.flat_map(|name| client.get_all(name)).map(HeaderValue::as_bytes))
}

/// A credential of the client's own: neither the placeholder nor the key it shows to the gateway.
fn own<'a>(client: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let ours = text(client, KEY);
    client.get(name).filter(|value| {
        let shown = bare(value);
        // A signature is good for one address only, and that is ours.
        shown != PLACEHOLDER_KEY && Some(shown) != ours && !shown.starts_with(AWS_SIGNATURE)
    })
}

/// The key in a header's value.
fn bare(value: &HeaderValue) -> &str {
    let text = value.to_str().unwrap_or_default();
    text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(text)
}

/// What a provider was shown: a credential, and its tokens where it has such.
pub(crate) type Shown<'a> = (&'a Credential, Option<&'a Pass>);

/// A provider's words without the credential that it was sent, should it repeat it: they may reach
/// a client, the journal and the log. `None` where they hold no credential.
fn without_key(words: &str, (credential, pass): Shown<'_>, client: &HeaderMap) -> Option<String> {
    let tokens = pass.map(Pass::secrets).unwrap_or_default();
    let keys: Vec<&str> = match credential {
        Credential::None => Vec::new(),
        Credential::Identity { .. } => tokens.iter().map(Secret::reveal).collect(),
        Credential::Key { secret, .. } => vec![secret.reveal()],
        Credential::FromClient => {
            CREDENTIALS.iter().filter_map(|name| client.get(*name)).map(bare).collect()
        }
    };
    let told = |key: &&str| key.len() >= KEY_BYTES_MIN && words.contains(key);
    let told: Vec<&str> = keys.into_iter().filter(told).collect();
    let without = |words: String, key: &str| words.replace(key, "[key]");
    (!told.is_empty()).then(|| told.into_iter().fold(words.to_owned(), without))
}

/// The body of an error without the credential that was sent.
pub(crate) fn discreet_body(body: Bytes, shown: Shown<'_>, client: &HeaderMap) -> Bytes {
    let words = std::str::from_utf8(&body).ok();
    let without = words.and_then(|words| without_key(words, shown, client));
    without.map_or(body, Bytes::from)
}

/// A failure without the credential that was sent.
pub(crate) fn discreet(failure: Failure, shown: Shown<'_>, client: &HeaderMap) -> Failure {
    let without = |words: Box<str>| match without_key(&words, shown, client) {
        Some(without) => without.into(),
        None => words,
    };
    let provider_code = failure.provider_code.map(without);
    let words = failure.words.map(|words| {
        let Words { dialect, error } = *words;
        Box::new(Words { dialect, error: without(error) })
    });
    Failure { message: without(failure.message), provider_code, words, ..failure }
}

/// Copies a provider's headers for a client of the same dialect, less what must not travel.
pub(crate) fn down(provider: &HeaderMap, out: &mut HeaderMap) {
    for (name, value) in provider {
        let text = name.as_str();
        let foreign = NEVER_DOWN_PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        if !foreign && !NEVER_DOWN.contains(&text) {
            out.append(name.clone(), value.clone());
        }
    }
}

/// The provider's own id of the request, whichever of the usual names it uses.
pub(crate) fn upstream_request_id(provider: &HeaderMap) -> Option<&HeaderValue> {
    static NAMES: [HeaderName; 4] = [
        HeaderName::from_static("request-id"),
        HeaderName::from_static("x-request-id"),
        HeaderName::from_static("x-amzn-requestid"),
        HeaderName::from_static("apim-request-id"),
    ];
    NAMES.iter().find_map(|name| provider.get(name))
}

/// The text of a header, if it is there and is text.
pub(crate) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Takes the key out of a query, where some clients of Gemini put it, and shows it as a header: an
/// address is logged where headers are not. What else the query says of framing and of the key's
/// form is for us, too.
pub(crate) fn take_key_out(query: &str, headers: &mut HeaderMap) -> Option<Box<str>> {
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("key", key) => {
                if let Ok(mut value) = HeaderValue::from_str(key)
                    && !headers.contains_key(GOOGLE_KEY)
                {
                    value.set_sensitive(true);
                    headers.insert(HeaderName::from_static(GOOGLE_KEY), value);
                }
            }
            ("alt" | "", _) => {}
            _ => rest.push(pair),
        }
    }
    (!rest.is_empty()).then(|| rest.join("&").into())
}

/// The key or token a client shows: `backstop-key`, then `x-api-key`, then `x-goog-api-key`, then a
/// bearer token.
pub(crate) fn shown_key(headers: &HeaderMap) -> Option<&str> {
    text(headers, KEY)
        .or_else(|| text(headers, "x-api-key"))
        .or_else(|| text(headers, GOOGLE_KEY))
        .or_else(|| {
            let value = text(headers, "authorization")?;
            value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer "))
        })
}

#[cfg(test)]
mod tests;
