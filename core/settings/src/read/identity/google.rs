use super::{Around, secret, text, url, variable};
use crate::faults::Faults;
use crate::section::{Field, Keys};
use crate::{Google, GoogleWay};

pub(crate) const KEYS: Keys =
    Keys { section: "google", names: &["key_file", "key", "scope", "metadata_url"] };

pub(super) fn google(
    field: &Field<'_>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Google> {
    let section = field.section(faults, KEYS)?;
    let scope = text(&section, "scope", Google::SCOPE, faults);
    let key_file = text(&section, "key_file", "service-account.json", faults);
    let key = secret(&section, "key", "${GOOGLE_KEY_JSON}", faults);
    let metadata = url(&section, "metadata_url", Google::METADATA, faults);
    let way = match (key_file, key, metadata) {
        (Some(_), Some(_), _) => {
            field.fault(faults, "`key` and `key_file` exclude each other", "keep one of them");
            return None;
        }
        (Some(file), None, _) => GoogleWay::File(file),
        (None, Some(key), _) => GoogleWay::Text(key),
        (None, None, Some(metadata)) => GoogleWay::Usual { file: None, metadata },
        (None, None, None) => usual(around).way,
    };
    Some(Google { scope: scope.unwrap_or_else(|| Google::SCOPE.to_owned()), way })
}

/// The order of Application Default Credentials: the named file, the well-known one, the metadata
/// server. Whether the second is there is only known once tokens are asked for.
pub(super) fn usual(around: &Around<'_>) -> Google {
    let way = match variable(around, "GOOGLE_APPLICATION_CREDENTIALS") {
        Some(file) => GoogleWay::File(file),
        None => GoogleWay::Usual { file: well_known(around), metadata: metadata(around) },
    };
    Google { scope: Google::SCOPE.to_owned(), way }
}

fn well_known(around: &Around<'_>) -> Option<String> {
    let folder = variable(around, "CLOUDSDK_CONFIG")
        .or_else(|| variable(around, "APPDATA").map(|data| format!("{data}/gcloud")))
        .or_else(|| variable(around, "HOME").map(|home| format!("{home}/.config/gcloud")))?;
    Some(format!("{folder}/application_default_credentials.json"))
}

fn metadata(around: &Around<'_>) -> String {
    let host = variable(around, "GCE_METADATA_HOST");
    host.map_or_else(|| Google::METADATA.to_owned(), |host| format!("http://{host}"))
}
