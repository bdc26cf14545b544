use super::{missing, secret, text, url};
use crate::faults::Faults;
use crate::section::{Field, Keys};
use crate::{Oauth, OauthShown};

pub(crate) const KEYS: Keys = Keys {
    section: "oauth",
    names: &["token_url", "client_id", "client_secret", "scope", "audience", "client_auth"],
};

pub(super) fn oauth(field: &Field<'_>, faults: &mut Faults) -> Option<Oauth> {
    let section = field.section(faults, KEYS)?;
    for key in ["token_url", "client_id", "client_secret"] {
        if section.get(key).is_none() {
            missing(&section, key, "without it no token can be asked for", faults);
        }
    }
    let token_url = url(&section, "token_url", "https://auth.example.com/oauth/token", faults);
    let client_id = text(&section, "client_id", "backstop", faults);
    let client_secret = secret(&section, "client_secret", "${CLIENT_SECRET}", faults);
    let words = [("post", OauthShown::Post), ("basic", OauthShown::Basic)];
    let shown = section.get("client_auth").and_then(|field| field.word(faults, &words));
    Some(Oauth {
        scope: text(&section, "scope", "models.use", faults),
        audience: text(&section, "audience", "https://models.example.com", faults),
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        shown: shown.unwrap_or(OauthShown::Post),
    })
}
