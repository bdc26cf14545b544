//! Keys in addresses: Google's tools put theirs into the query. It is taken out before anything is
//! logged or sent on, and shown as a header, where the gateway looks for its own.

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};

use backstop_settings::Key;
use backstop_vocabulary::Dialect;

use super::path::unescaped;
use crate::headers::GOOGLE_KEY;
use crate::live::Live;

/// Members of a query by which Google's APIs are shown a key or a token.
const NAMES: [&[u8]; 3] = [b"key", b"access_token", b"oauth_token"];

/// Takes every credential out of the query of a request to a provider of Google's API, and a key of
/// this gateway out of any other's.
pub(super) fn take_out(head: &mut Parts, live: &Live, provider: &str) {
    let row = live.providers.get(provider);
    let google = row.is_some_and(|row| row.settings.speaks(Dialect::Gemini));
    if let Some((rest, key)) = without(head.uri.query().unwrap_or_default(), |value| {
        google || is_ours(&live.settings.keys, value)
    }) {
        show(head, &key);
        let bare = head.uri.path();
        let text = if rest.is_empty() { bare.to_owned() } else { format!("{bare}?{rest}") };
        head.uri = PathAndQuery::try_from(text).map(Uri::from).unwrap_or_default();
    }
}

/// The query without credentials that are to go, and the first of them; `None` where there is none.
fn without(query: &str, goes: impl Fn(&[u8]) -> bool) -> Option<(String, Vec<u8>)> {
    let mut taken = None;
    let mut rest = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (unescaped(name.as_bytes()), unescaped(value.as_bytes()));
        if NAMES.contains(&&*name) && goes(&value) {
            taken.get_or_insert(value);
        } else {
            rest.push(pair);
        }
    }
    taken.map(|key| (rest.join("&"), key))
}

fn is_ours(keys: &[Key], shown: &[u8]) -> bool {
    let hash = blake3::hash(shown);
    // `blake3::Hash` compares in constant time.
    keys.iter().any(|key| blake3::Hash::from_bytes(key.hash) == hash)
}

/// As the header that stands for it, unless the client sent that too.
fn show(head: &mut Parts, key: &[u8]) {
    let name = HeaderName::from_static(GOOGLE_KEY);
    if let Ok(mut value) = HeaderValue::from_bytes(key)
        && !head.headers.contains_key(&name)
    {
        value.set_sensitive(true);
        head.headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_written_and_all_else_stays_as_it_is() {
        let take = |query| without(query, |_| true);
        let taken = |rest: &str, key: &str| Some((rest.to_owned(), key.as_bytes().to_vec()));
        assert_eq!(take("alt=media&key=a%2Bb&x=%2F"), taken("alt=media&x=%2F", "a+b"));
        assert_eq!(take("k%65y=a&access_token=b"), taken("", "a"));
        assert_eq!(take("keys=a&pageToken=key"), None);
        assert_eq!(take(""), None);
        assert_eq!(without("key=of-theirs", |_| false), None);
    }
}
