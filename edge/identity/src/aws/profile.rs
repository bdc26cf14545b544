//! The files `config` and `credentials`, and what their profiles lead to.

use std::collections::BTreeMap;

use backstop_settings::{Aws, AwsKeys, AwsRole, Secret};

use super::{as_they_are, endpoints, sso, sts};
use crate::files;
use crate::pass::Grant;
use crate::source::Asker;
use crate::trouble::Trouble;

/// How many profiles may lead from one to the next.
const STEPS_MAX: usize = 5;
/// The name under which AWS's logs show a role that a profile takes on.
const SESSION: &str = "backstop";

/// What stands in a section.
pub(super) type Profile = BTreeMap<String, String>;

/// Both files: profiles by name, and sections `sso-session`.
#[derive(Default)]
struct Files {
    profiles: BTreeMap<String, Profile>,
    sessions: BTreeMap<String, Profile>,
}

/// Keys of the profile that is named, or of `default` where that holds any.
pub(super) async fn find(asker: &Asker<'_>, aws: &Aws) -> Result<Option<Grant>, Trouble> {
    let [config, credentials] = &aws.files;
    let mut files = Files::default();
    if let Some(text) = files::read_if_there("AWS's `config`", config.as_ref()).await? {
        files.read(&text, Kind::Config);
    }
    if let Some(text) = files::read_if_there("AWS's `credentials`", credentials.as_ref()).await? {
        files.read(&text, Kind::Credentials);
    }
    let name = aws.profile.as_deref().unwrap_or("default");
    match files.profiles.get(name) {
        Some(profile) if aws.profile.is_some() || leads_somewhere(profile) => {
            Box::pin(resolve(asker, aws, (&files, name), 0)).await.map(Some)
        }
        None if aws.profile.is_some() => {
            Err(Trouble::setting(format!("AWS's files have no profile `{name}`")))
        }
        Some(_) | None => Ok(None),
    }
}

/// Whether it says more than a region.
fn leads_somewhere(profile: &Profile) -> bool {
    let keys =
        ["aws_access_key_id", "role_arn", "sso_session", "sso_start_url", "credential_process"];
    keys.iter().any(|key| profile.contains_key(*key))
}

async fn resolve(
    asker: &Asker<'_>,
    aws: &Aws,
    (files, name): (&Files, &str),
    steps: usize,
) -> Result<Grant, Trouble> {
    let told = |what: &str| Trouble::setting(format!("AWS's profile `{name}` {what}"));
    if steps >= STEPS_MAX {
        return Err(told("leads in a circle"));
    }
    let profile = files.profiles.get(name).ok_or_else(|| told("does not exist"))?;
    let keys = keys(profile);
    let source = profile.get("source_profile");
    let Some(arn) =
        profile.get("role_arn").filter(|_| steps == 0 || source.is_none_or(|it| it != name))
    else {
        return match keys {
            Some(keys) => Ok(as_they_are(&keys, asker.now())),
            None if profile.contains_key("sso_account_id") => {
                let session = profile.get("sso_session");
                let session = session.and_then(|session| files.sessions.get(session));
                sso::keys(asker, aws, (profile, session.unwrap_or(profile))).await
            }
            None if profile.contains_key("credential_process") => {
                Err(told("runs a program: write it as `credential_process` in our settings"))
            }
            None => Err(told("holds no keys")),
        };
    };
    let role = AwsRole {
        arn: arn.clone(),
        session: profile.get("role_session_name").cloned().unwrap_or_else(|| SESSION.to_owned()),
        external_id: profile.get("external_id").cloned(),
    };
    if let Some(file) = profile.get("web_identity_token_file") {
        return sts::for_token(asker, aws, &role, file).await;
    }
    let base = match (source, profile.get("credential_source").map(String::as_str)) {
        (Some(source), _) => Box::pin(resolve(asker, aws, (files, source), steps + 1)).await?,
        (None, Some("Ec2InstanceMetadata")) => {
            let metadata = aws.metadata.as_deref().unwrap_or(Aws::METADATA);
            endpoints::machine(asker, metadata).await?
        }
        (None, Some("EcsContainer")) => match &aws.container {
            Some(container) => endpoints::container(asker, container).await?,
            None => return Err(told("wants a container's role, and there is none")),
        },
        (None, Some(_)) => return Err(told("has a `credential_source` that is not known")),
        (None, None) => return Err(told("takes on a role with nobody's keys")),
    };
    sts::assume(asker, aws, &base, &role).await
}

fn keys(profile: &Profile) -> Option<AwsKeys> {
    Some(AwsKeys {
        access_key_id: profile.get("aws_access_key_id")?.clone(),
        secret_access_key: Secret::new(profile.get("aws_secret_access_key")?),
        session_token: profile.get("aws_session_token").map(|token| Secret::new(token)),
    })
}

/// Which of the two files is read: they name their sections differently.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Config,
    Credentials,
}

impl Files {
    /// Takes a file in. What stands in `credentials`, which is read last, wins.
    fn read(&mut self, text: &str, kind: Kind) {
        let mut section: Option<&mut Profile> = None;
        for line in text.lines() {
            let plain = line.trim();
            if plain.is_empty() || plain.starts_with(['#', ';']) {
                continue;
            }
            if let Some(title) = plain.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                section = self.section(title.trim(), kind);
                continue;
            }
            // What is indented belongs to a key above it, none of which is read here.
            let nested = line.starts_with([' ', '\t']);
            if let (Some(profile), Some((key, value)), false) =
                (&mut section, plain.split_once('='), nested)
            {
                let value = value.split(" #").next().unwrap_or(value).trim();
                profile.insert(key.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
    }

    fn section(&mut self, title: &str, kind: Kind) -> Option<&mut Profile> {
        let (word, name) = title.split_once(char::is_whitespace).unwrap_or(("", title));
        let name = name.trim().trim_matches('"').to_owned();
        match (kind, word) {
            (Kind::Config, "") if name != "default" => None,
            (Kind::Config | Kind::Credentials, "") | (Kind::Config, "profile") => {
                Some(self.profiles.entry(name).or_default())
            }
            (Kind::Config, "sso-session") => Some(self.sessions.entry(name).or_default()),
            (Kind::Config | Kind::Credentials, _) => None,
        }
    }
}
