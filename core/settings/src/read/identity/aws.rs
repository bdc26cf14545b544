use super::{Around, missing, secret, secret_variable, text, url, variable};
use crate::faults::Faults;
use crate::section::{Field, Keys, Section};
use crate::{Aws, AwsContainer, AwsKeys, AwsRole, AwsWebIdentity};

pub(crate) const KEYS: Keys = Keys {
    section: "aws",
    names: &[
        "profile",
        "access_key_id",
        "secret_access_key",
        "session_token",
        "credential_process",
        "token_file",
        "role_arn",
        "role_session",
        "external_id",
        "region",
        "service",
        "sts_url",
        "sso_url",
        "metadata_url",
    ],
};

/// The address of a container's role where only its path is told (AWS, "container credential
/// provider").
const CONTAINER: &str = "http://169.254.170.2";
/// The name under which AWS's logs show a role that was taken on.
const SESSION: &str = "backstop";

pub(super) fn aws(field: &Field<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<Aws> {
    let section = field.section(faults, KEYS)?;
    let role = role(&section, around, faults);
    let keys = keys(&section, faults)?;
    let token_file = text(&section, "token_file", "/var/run/secrets/token", faults);
    let process = text(&section, "credential_process", "/usr/local/bin/keys --json", faults);
    let profile = text(&section, "profile", "production", faults);
    let usual = usual(around);
    let bare = Aws { files: usual.files.clone(), ..places(&section, &usual, faults) };
    // What is named here is meant, whatever the environment holds.
    if keys.is_some() {
        return Some(Aws { keys, role, ..bare });
    }
    if let Some(token_file) = token_file {
        let Some(role) = role else {
            missing(&section, "role_arn", "a token is shown to take on a role", faults);
            return None;
        };
        return Some(Aws { web_identity: Some(AwsWebIdentity { role, token_file }), ..bare });
    }
    if process.is_some() {
        return Some(Aws { process, role, ..bare });
    }
    if profile.is_some() {
        return Some(Aws { profile, role, container: usual.container, ..bare });
    }
    if section.get("metadata_url").is_some() {
        return Some(Aws { role, files: [None, None], ..bare });
    }
    let Aws { keys, profile, web_identity, container, metadata, .. } = usual;
    Some(Aws { keys, profile, web_identity, container, metadata, role, ..bare })
}

/// The order of AWS's own tools: the environment's keys, web identity, the files' profile, the
/// container's role, the machine's.
pub(super) fn usual(around: &Around<'_>) -> Aws {
    let get = |name| variable(around, name);
    let secret_access_key = secret_variable(around, "AWS_SECRET_ACCESS_KEY");
    let keys = get("AWS_ACCESS_KEY_ID").zip(secret_access_key);
    let keys = keys.map(|(access_key_id, secret_access_key)| AwsKeys {
        access_key_id,
        secret_access_key,
        session_token: secret_variable(around, "AWS_SESSION_TOKEN"),
    });
    let web_identity = get("AWS_WEB_IDENTITY_TOKEN_FILE").zip(get("AWS_ROLE_ARN"));
    let session = get("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| SESSION.to_owned());
    let web_identity = web_identity.map(|(token_file, arn)| AwsWebIdentity {
        role: AwsRole { arn, session, external_id: None },
        token_file,
    });
    let home = get("HOME").or_else(|| get("USERPROFILE"));
    let at_home = |file: &str| home.as_ref().map(|home| format!("{home}/.aws/{file}"));
    let off = get("AWS_EC2_METADATA_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true"));
    let metadata =
        get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| Aws::METADATA.to_owned());
    Aws {
        keys,
        web_identity,
        profile: get("AWS_PROFILE"),
        files: [
            get("AWS_CONFIG_FILE").or_else(|| at_home("config")),
            get("AWS_SHARED_CREDENTIALS_FILE").or_else(|| at_home("credentials")),
        ],
        container: container(around),
        metadata: (!off).then(|| metadata.trim_end_matches('/').to_owned()),
        usual_region: get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")),
        sso_cache: at_home("sso/cache"),
        ..Aws::default()
    }
}

fn container(around: &Around<'_>) -> Option<AwsContainer> {
    let relative = variable(around, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let url = relative
        .map(|path| format!("{CONTAINER}{path}"))
        .or_else(|| variable(around, "AWS_CONTAINER_CREDENTIALS_FULL_URI"))?;
    Some(AwsContainer {
        url,
        token: secret_variable(around, "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        token_file: variable(around, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    })
}

/// What says where, and nothing about who.
fn places(section: &Section<'_>, usual: &Aws, faults: &mut Faults) -> Aws {
    let metadata = url(section, "metadata_url", Aws::METADATA, faults);
    Aws {
        region: text(section, "region", "eu-central-1", faults),
        service: text(section, "service", "bedrock", faults),
        sts_url: url(section, "sts_url", "https://sts.eu-central-1.amazonaws.com", faults),
        sso_url: url(section, "sso_url", "https://portal.sso.eu-central-1.amazonaws.com", faults),
        metadata,
        usual_region: usual.usual_region.clone(),
        sso_cache: usual.sso_cache.clone(),
        ..Aws::default()
    }
}

fn role(section: &Section<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<AwsRole> {
    let session = text(section, "role_session", SESSION, faults);
    let external_id = text(section, "external_id", "a-word-of-theirs", faults);
    let arn = text(section, "role_arn", "arn:aws:iam::123456789012:role/models", faults)?;
    let session = session.or_else(|| variable(around, "AWS_ROLE_SESSION_NAME"));
    Some(AwsRole { arn, session: session.unwrap_or_else(|| SESSION.to_owned()), external_id })
}

/// `None` is a fault.
#[expect(clippy::option_option, reason = "a fault and no keys at all are different")]
fn keys(section: &Section<'_>, faults: &mut Faults) -> Option<Option<AwsKeys>> {
    let access_key_id = text(section, "access_key_id", "${AWS_ACCESS_KEY_ID}", faults);
    let secret_access_key =
        secret(section, "secret_access_key", "${AWS_SECRET_ACCESS_KEY}", faults);
    let session_token = secret(section, "session_token", "${AWS_SESSION_TOKEN}", faults);
    match (access_key_id, secret_access_key) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Some(Some(AwsKeys { access_key_id, secret_access_key, session_token }))
        }
        (None, None) => Some(None),
        (Some(_), None) => {
            missing(section, "secret_access_key", "a key has two parts", faults);
            None
        }
        (None, Some(_)) => {
            missing(section, "access_key_id", "a key has two parts", faults);
            None
        }
    }
}
