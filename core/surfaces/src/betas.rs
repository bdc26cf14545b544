//! Which beta features of the Messages API a cloud takes. Clouds refuse a whole request for one name
//! they do not know, and agents send names that are meant for Anthropic's own API only.
//!
//! Sources: the table of the same kind in `LiteLLM` (1.109, November 2026) and reports of "invalid
//! beta flag" (Bedrock) and "unexpected value(s) for the `anthropic-beta` header" (Vertex). Not
//! verified against the clouds: a name that is missing here costs a feature, one too many a request.

use crate::model_name::is_since;

/// What both take.
const ANYWHERE: [&str; 6] = [
    "compact-2026-01-12",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-management-2025-06-27",
    "thinking-binding-controls-2026-08-01",
    "thinking-display-updates-2026-08-18",
];
/// What later models do by themselves, and refuse to be asked for.
const BEFORE_4_6: [&str; 2] = ["interleaved-thinking-2025-05-14", "context-1m-2025-08-07"];
/// Goes by another name on the clouds.
const RENAMED: (&str, &str) = ("advanced-tool-use-2025-11-20", TOOL_SEARCH);
const TOOL_SEARCH: &str = "tool-search-tool-2025-10-19";

/// Whose list applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cloud {
    Bedrock,
    Vertex,
}

impl Cloud {
    const fn takes_besides(self) -> &'static [&'static str] {
        match self {
            Self::Bedrock => &[
                "fine-grained-tool-streaming-2025-05-14",
                "mid-conversation-output-config-2026-07-01",
                "mid-conversation-tool-changes-2026-07-01",
            ],
            Self::Vertex => &["compact-2026-09-04", "web-search-2025-03-05"],
        }
    }

    /// The name by which the cloud takes a beta for this model; `None` if it does not.
    pub(crate) fn taken<'a>(self, beta: &'a str, model: &str) -> Option<&'a str> {
        let beta = if beta == RENAMED.0 { RENAMED.1 } else { beta };
        let known = beta == TOOL_SEARCH
            || ANYWHERE.contains(&beta)
            || self.takes_besides().contains(&beta)
            || (BEFORE_4_6.contains(&beta) && !is_since(model, (4, 6)));
        known.then_some(beta)
    }

    /// What a loss says of a beta that is not.
    pub(crate) const fn not_taken(self) -> &'static str {
        match self {
            Self::Bedrock => "not taken by bedrock",
            Self::Vertex => "not taken by vertex",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_is_asked_only_for_what_it_takes_of_this_model() {
        let old = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let new = "anthropic.claude-opus-4-7";
        let interleaved = "interleaved-thinking-2025-05-14";
        assert_eq!(Cloud::Bedrock.taken(interleaved, old), Some(interleaved));
        assert_eq!(Cloud::Bedrock.taken(interleaved, new), None);
        assert_eq!(Cloud::Bedrock.taken("claude-code-20250219", old), None);
        assert_eq!(Cloud::Bedrock.taken("advanced-tool-use-2025-11-20", new), Some(TOOL_SEARCH));
        assert_eq!(Cloud::Bedrock.taken("web-search-2025-03-05", new), None);
        assert_eq!(
            Cloud::Vertex.taken("web-search-2025-03-05", new),
            Some("web-search-2025-03-05")
        );
    }
}
