//! Client credentials of OAuth 2 (RFC 6749, 4.4).

use backstop_settings::{Oauth, OauthShown};
use http::HeaderMap;

use crate::answer;
use crate::encode::{base64, percent};
use crate::pass::Grant;
use crate::source::{Asker, Url, secret_header};
use crate::trouble::Trouble;

pub(crate) async fn renew(asker: &Asker<'_>, oauth: &Oauth) -> Result<Grant, Trouble> {
    let url = Url::read(&oauth.token_url)?;
    let secret = oauth.client_secret.reveal();
    let mut fields = vec![("grant_type", "client_credentials")];
    let mut headers = HeaderMap::new();
    match oauth.shown {
        OauthShown::Post => {
            fields.extend([("client_id", &*oauth.client_id), ("client_secret", secret)]);
        }
        OauthShown::Basic => {
            let pair = format!("{}:{}", percent(&oauth.client_id, ""), percent(secret, ""));
            let shown = format!("Basic {}", base64(pair.as_bytes()));
            headers.extend([secret_header("authorization", &shown)?]);
        }
    }
    fields.extend(oauth.scope.as_deref().map(|scope| ("scope", scope)));
    fields.extend(oauth.audience.as_deref().map(|audience| ("audience", audience)));
    let answer = asker.post_form(&url, headers, &fields).await?;
    answer::token(&url.base, &answer, asker.now())
}
