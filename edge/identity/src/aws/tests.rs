//! Every way to keys of AWS, asked of a scripted world.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use backstop_settings::{AwsContainer, AwsRole, AwsWebIdentity, Giver, Identity, Proxies};
use backstop_vocabulary::Failure;
use http::header::{HeaderMap, HeaderValue};

use super::*;
use crate::endpoints::Endpoints;
use crate::outside::{Answer, BoxFuture, Outside, Question};
use crate::source::renew;

/// 2026-03-02T12:00:00Z.
const NOW: u64 = 1_772_452_800;
const KEYS: &str = r#"{"AccessKeyId":"AKIA-them","SecretAccessKey":"s","Token":"t","Expiration":"2026-03-02T13:00:00Z"}"#;
const ROLE: &str = "<AssumeRoleResponse><Credentials><AccessKeyId>ASIA-role</AccessKeyId>\
    <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
    <Expiration>2026-03-02T12:30:00Z</Expiration></Credentials></AssumeRoleResponse>";

/// A world that answers by path, and remembers what it was asked.
#[derive(Default)]
struct World(Mutex<Vec<String>>);

impl Outside for World {
    fn now(&self) -> Moment {
        Moment::from_secs(100)
    }

    fn unix_secs(&self) -> u64 {
        // A clock that is wrong by three minutes: ends are told by the clock of who answers.
        NOW + 180
    }

    fn ask(
        &self,
        question: Question,
        _: Duration,
        _: usize,
    ) -> BoxFuture<'_, Result<Answer, Failure>> {
        let shown = question.headers.iter().filter_map(|(name, value)| {
            let worth = ["authorization", "x-aws-ec2-metadata-token", "x-amz-sso_bearer_token"];
            let value = value.to_str().ok()?.split('/').next()?;
            worth.contains(&name.as_str()).then(|| format!(" [{name}: {value}]"))
        });
        let shown: String = shown.collect();
        let body = String::from_utf8_lossy(&question.body).into_owned();
        let Question { method, base, path, .. } = question;
        self.0.lock().unwrap().push(format!("{method} {base}{path}{shown} {body}"));
        let body = match &*path {
            "/latest/api/token" => "a-session",
            "/latest/meta-data/iam/security-credentials/" => "the-role\n",
            "/" => ROLE,
            path if path.starts_with("/federation") => {
                r#"{"roleCredentials":{"accessKeyId":"AKIA-sso","secretAccessKey":"s","sessionToken":"t","expiration":1772456400000}}"#
            }
            _ => KEYS,
        };
        let mut headers = HeaderMap::new();
        headers.insert("date", HeaderValue::from_static("Mon, 02 Mar 2026 12:00:00 GMT"));
        let body = body.to_owned().into();
        Box::pin(async move { Ok(Answer { status: 200, headers, body }) })
    }
}

/// The public part of the keys, the seconds they are good for, and the questions.
async fn found(aws: Aws) -> Result<(String, Option<u64>, Vec<String>), String> {
    let world = World::default();
    let endpoints = Endpoints::default();
    let identity = Identity {
        giver: Giver::Aws(Box::new(aws)),
        deadline: Duration::from_secs(5),
        proxies: Proxies::Direct,
    };
    let asker = Asker::new(&world, &endpoints, &identity);
    let grant = renew(&asker, &identity.giver).await.map_err(|trouble| trouble.to_string())?;
    let life = grant.expires.map(|end| end.since(grant.given).as_secs());
    let Proof::Aws(keys) = grant.proof else { return Err("no keys".to_owned()) };
    Ok((keys.access_key_id, life, world.0.into_inner().unwrap()))
}

/// A folder of files for one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("backstop-aws-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// What profiles of these files lead to.
    fn aws(&self, config: &str, credentials: &str, profile: Option<&str>) -> Aws {
        Aws {
            files: [Some(self.file("config", config)), Some(self.file("credentials", credentials))],
            profile: profile.map(str::to_owned),
            sso_cache: Some(self.0.display().to_string()),
            ..Aws::default()
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_machine_is_asked_with_a_session_and_its_clock_is_believed() {
    let aws = Aws { metadata: Some("http://169.254.169.254".to_owned()), ..Aws::default() };
    let (id, life, asked) = found(aws).await.unwrap();
    assert_eq!((&*id, life), ("AKIA-them", Some(3600)));
    let roles = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
    let shown = "[x-aws-ec2-metadata-token: a-session]";
    assert_eq!(asked[0], "PUT http://169.254.169.254/latest/api/token ");
    assert_eq!(asked[1], format!("GET {roles} {shown} "));
    assert_eq!(asked[2], format!("GET {roles}the-role {shown} "));
}

#[tokio::test]
async fn a_container_shows_its_token_to_nobody_far_away() {
    let container = |url: &str| Aws {
        container: Some(AwsContainer {
            url: url.to_owned(),
            token: Some(Secret::new("a-token")),
            token_file: None,
        }),
        ..Aws::default()
    };
    let (id, _, asked) = found(container("http://169.254.170.2/v2/x")).await.unwrap();
    assert_eq!(id, "AKIA-them");
    assert_eq!(asked, ["GET http://169.254.170.2/v2/x [authorization: a-token] "]);
    assert!(found(container("http://elsewhere.test/v2/x")).await.is_err());
    assert!(found(container("https://elsewhere.test/v2/x")).await.is_ok());
}

#[tokio::test]
async fn roles_are_taken_on_in_the_region_with_keys_or_with_a_token() {
    let folder = Folder::new("roles");
    let role = AwsRole {
        arn: "arn:aws:iam::1:role/models".to_owned(),
        session: "backstop".to_owned(),
        external_id: Some("x".to_owned()),
    };
    let keys = AwsKeys {
        access_key_id: "AKIA-own".to_owned(),
        secret_access_key: Secret::new("s"),
        session_token: None,
    };
    let region = Some("eu-central-1".to_owned());
    let aws = Aws { keys: Some(keys), role: Some(role.clone()), region, ..Aws::default() };
    let (id, life, asked) = found(aws).await.unwrap();
    assert_eq!((&*id, life), ("ASIA-role", Some(1800)));
    assert!(asked[0].starts_with("POST https://sts.eu-central-1.amazonaws.com/ [authorization: AWS4-HMAC-SHA256 Credential=AKIA-own]"), "{asked:?}");
    assert!(asked[0].contains("Action=AssumeRole&") && asked[0].ends_with("&ExternalId=x"));
    let token_file = folder.file("token", "a.b.c\n");
    let web_identity = Some(AwsWebIdentity { role, token_file });
    let (id, _, asked) = found(Aws { web_identity, ..Aws::default() }).await.unwrap();
    assert_eq!(id, "ASIA-role");
    assert!(
        asked[0].starts_with(
            "POST https://sts.us-east-1.amazonaws.com/ Action=AssumeRoleWithWebIdentity&"
        ),
        "{asked:?}"
    );
    assert!(asked[0].ends_with("&WebIdentityToken=a.b.c"));
}

#[tokio::test]
async fn profiles_are_followed_as_awss_own_tools_follow_them() {
    let folder = Folder::new("profiles");
    let config = "[default]\nregion = eu-west-1\ns3 =\n  max = 1\n[profile deploy] # who deploys\nrole_arn = arn:1\nsource_profile = base\n\
        [profile circle]\nrole_arn = arn:2\nsource_profile = circle2\n[profile circle2]\nrole_arn = arn:3\nsource_profile = circle\n\
        [profile program]\ncredential_process = /bin/rm -rf x\n\
        [profile us]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x\n";
    let credentials = "[base]\naws_access_key_id = AKIA-base\naws_secret_access_key = s # here\n[default]\naws_access_key_id=AKIA-default\naws_secret_access_key=s\n";
    let aws = |profile| folder.aws(config, credentials, profile);
    assert_eq!(found(aws(None)).await.unwrap().0, "AKIA-default");
    assert_eq!(found(aws(Some("base"))).await.unwrap().0, "AKIA-base");
    let (id, _, asked) = found(aws(Some("deploy"))).await.unwrap();
    assert_eq!(id, "ASIA-role");
    assert!(asked[0].contains("Credential=AKIA-base]"), "{asked:?}");
    for (profile, told) in [
        ("circle", "leads in a circle"),
        ("program", "write it as `credential_process` in our settings"),
        ("nobody", "have no profile `nobody`"),
        ("us", "token of single sign-on"),
    ] {
        let error = found(aws(Some(profile))).await.unwrap_err();
        assert!(error.contains(told), "{profile}: {error}");
    }
    // The file is named after the session.
    let sha1 = crate::encode::hex(
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, b"corp").as_ref(),
    );
    let token = |end: &str| format!("{{\"accessToken\":\"sso-token\",\"expiresAt\":\"{end}\"}}");
    folder.file(&format!("{sha1}.json"), &token("2026-03-02T20:00:00Z"));
    let (id, life, asked) = found(aws(Some("us"))).await.unwrap();
    assert_eq!((&*id, life), ("AKIA-sso", Some(3600)));
    assert!(asked[0].starts_with("GET https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=R&account_id=1 [x-amz-sso_bearer_token: sso-token]"), "{asked:?}");
    folder.file(&format!("{sha1}.json"), &token("2026-03-02T11:00:00Z"));
    let error = found(aws(Some("us"))).await.unwrap_err();
    assert!(error.contains("aws sso login"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_of_our_own_settings_prints_keys_or_is_told_of() {
    let folder = Folder::new("process");
    let printed = folder.file("keys.json", &KEYS.replacen('{', "{\"Version\":1,", 1));
    let run = |line: String| found(Aws { process: Some(line), ..Aws::default() });
    let (id, life, _) = run(format!("cat \"{printed}\"")).await.unwrap();
    assert_eq!((&*id, life), ("AKIA-them", Some(3420)), "its clock is ours");
    for (line, told) in [
        ("false", "failed"),
        ("echo {}", "printed no keys"),
        ("/nowhere/at-all", "cannot be started"),
    ] {
        let error = run(line.to_owned()).await.unwrap_err();
        assert!(error.contains(told), "{line}: {error}");
    }
}
