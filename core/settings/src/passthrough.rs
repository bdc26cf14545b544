//! Which of a provider's own paths applications may reach with the operator's credential.

use crate::faults::Faults;
use crate::section::Field;

/// What of a provider is open under `/passthrough/{provider}/…`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Passthrough {
    /// Nothing.
    #[default]
    Closed,
    /// Every path below the provider's address.
    Open,
    /// Paths that begin so, whole segments: `/v1/audio` opens `/v1/audio/speech`.
    Only(Vec<String>),
}

impl Passthrough {
    /// Whether this path, as it is written behind `/passthrough/{provider}`, is open.
    pub fn allows(&self, path: &str) -> bool {
        match self {
            Self::Closed => false,
            Self::Open => true,
            Self::Only(open) => open.iter().any(|start| {
                path.strip_prefix(start.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        }
    }
}

/// `true`, `false`, or a list of beginnings of paths.
pub(crate) fn read(field: &Field<'_>, faults: &mut Faults) -> Option<Passthrough> {
    if !field.is_list() {
        let open = field.switch(faults)?;
        return Some(if open { Passthrough::Open } else { Passthrough::Closed });
    }
    let mut open = Vec::new();
    for item in field.list(faults, "[/v1/audio, /v1/files]") {
        let Some(text) = item.text(faults, "/v1/audio") else { continue };
        let start = text.value.trim_end_matches('/');
        if start.is_empty() || !start.starts_with('/') {
            item.fault(faults, "this is not the beginning of a path", "write it like `/v1/audio`");
        }
        open.push(start.to_owned());
    }
    Some(Passthrough::Only(open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_opens_whole_segments_only() {
        let some = Passthrough::Only(vec!["/v1/audio".to_owned()]);
        assert!(some.allows("/v1/audio") && some.allows("/v1/audio/speech"));
        assert!(!some.allows("/v1/audiobooks") && !some.allows("/v1") && !some.allows("/v1/files"));
        assert!(Passthrough::Open.allows("/v1/files") && !Passthrough::Closed.allows("/"));
    }
}
