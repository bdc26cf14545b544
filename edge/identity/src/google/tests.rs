//! Key files that speak for somebody else, asked of a scripted world.

use std::sync::Mutex;
use std::time::Duration;

use backstop_settings::{Giver, Identity, Proxies};
use backstop_vocabulary::{Failure, Moment};

use super::*;
use crate::endpoints::Endpoints;
use crate::outside::{Answer, BoxFuture, Outside, Question};
use crate::pass::Proof;
use crate::source::renew;

/// A world that remembers what it was asked.
#[derive(Default)]
struct World(Mutex<Vec<String>>);

impl Outside for World {
    fn now(&self) -> Moment {
        Moment::from_secs(100)
    }

    fn unix_secs(&self) -> u64 {
        // 2026-03-02T12:00:00Z.
        1_772_452_800
    }

    fn ask(
        &self,
        question: Question,
        _: Duration,
        _: usize,
    ) -> BoxFuture<'_, Result<Answer, Failure>> {
        let shown = question.headers.get("authorization").and_then(|value| value.to_str().ok());
        let body = String::from_utf8_lossy(&question.body).into_owned();
        let Question { method, base, path, .. } = &question;
        let told = format!("{method} {base}{path} [{}] {body}", shown.unwrap_or_default());
        self.0.lock().unwrap().push(told);
        let body = if path.ends_with(":generateAccessToken") {
            r#"{"accessToken":"theirs","expireTime":"2026-03-02T12:30:00Z"}"#
        } else {
            r#"{"access_token":"ours","expires_in":3600}"#
        };
        let (headers, body) = (HeaderMap::new(), body.to_owned().into());
        Box::pin(async move { Ok(Answer { status: 200, headers, body }) })
    }
}

async fn asked(key: &str) -> Result<(String, Option<u64>, Vec<String>), String> {
    let world = World::default();
    let endpoints = Endpoints::default();
    let way = GoogleWay::Text(Secret::new(key));
    let google = Google { scope: "of-the-model".to_owned(), way };
    let deadline = Duration::from_secs(5);
    let identity = Identity { giver: Giver::Google(google), deadline, proxies: Proxies::Direct };
    let asker = Asker::new(&world, &endpoints, &identity);
    let grant = renew(&asker, &identity.giver).await.map_err(|trouble| trouble.to_string())?;
    let life = grant.expires.map(|end| end.since(grant.given).as_secs());
    let Proof::Bearer(token) = grant.proof else { return Err("no token".to_owned()) };
    Ok((token.reveal().to_owned(), life, world.0.into_inner().unwrap()))
}

const USER: &str =
    r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;
const URL: &str =
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p:generateAccessToken";

fn speaking(source: &str, more: &str) -> String {
    format!(
        r#"{{"type":"impersonated_service_account","service_account_impersonation_url":"{URL}",{more}"source_credentials":{source}}}"#
    )
}

#[tokio::test]
async fn a_user_may_speak_for_a_service_account() {
    let key = speaking(USER, r#""delegates":["between@p"],"#);
    let (token, life, asked) = asked(&key).await.unwrap();
    assert_eq!((token.as_str(), life), ("theirs", Some(1800)));
    assert!(asked[0].starts_with("POST https://oauth2.googleapis.com/token []"), "{asked:?}");
    assert!(asked[1].starts_with(&format!("POST {URL} [Bearer ours]")), "{asked:?}");
    for part in [r#""scope":["of-the-model"]"#, r#""delegates":["between@p"]"#] {
        assert!(asked[1].contains(part), "{part}: {asked:?}");
    }
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn who_speaks_for_itself_is_asked_nothing_more_and_nobody_speaks_for_a_speaker() {
    let (token, _, questions) = asked(USER).await.unwrap();
    assert_eq!((token.as_str(), questions.len()), ("ours", 1));
    let twice = asked(&speaking(&speaking(USER, ""), "")).await.unwrap_err();
    assert!(twice.contains("delegates"), "{twice}");
    let named = speaking(USER, "").replace("https://iam", "https://name:password@iam");
    assert!(asked(&named).await.unwrap_err().contains("no URL"));
    let unknown = asked(r#"{"type":"another"}"#).await.unwrap_err();
    assert!(unknown.contains("impersonated_service_account"), "{unknown}");
}
