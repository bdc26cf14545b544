//! What a request asks for and would have to go without at some target.
//!
//! Going without one of these changes the answer's worth, so the target is passed over unless the
//! route allows it by name (`allow_loss`). What a translation loses beside them is slight: listed,
//! never a reason to refuse (`docs/losses.md`).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// One such thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forfeit {
    /// Pictures the model cannot see.
    Images,
    /// Documents it cannot read.
    Documents,
    /// Sound it cannot hear.
    Audio,
    /// Files that only the client's provider holds.
    Files,
    /// A tool that only the client's provider runs, by its kind: `web_search`.
    HostedTool(String),
    /// Probabilities of tokens.
    Logprobs,
    /// More than one answer.
    Answers,
    /// References to the documents given.
    Citations,
    /// That the data stays at a place.
    Residency,
    /// That nobody keeps the data.
    Retention,
}

/// Tools that providers run, as [`Forfeit::HostedTool`] names them.
const HOSTED: [&str; 28] = [
    "advisor",
    "apply_patch",
    "browser_toolset",
    "code_execution",
    "code_interpreter",
    "computer",
    "computer_toolset",
    "computer_use",
    "computer_use_preview",
    "enterprise_web_search",
    "file_search",
    "google_maps",
    "google_search",
    "google_search_retrieval",
    "image_generation",
    "local_shell",
    "mcp",
    "mcp_toolset",
    "nova_code_interpreter",
    "nova_grounding",
    "shell",
    "tool_search",
    "tool_search_tool_bm25",
    "tool_search_tool_regex",
    "url_context",
    "web_fetch",
    "web_search",
    "web_search_preview",
];

/// The names without a part of their own.
const PLAIN: [&str; 10] = [
    "audio",
    "citations",
    "documents",
    "files",
    "hosted_tools",
    "images",
    "logprobs",
    "n",
    "residency",
    "retention",
];
/// The longest kind of a hosted tool.
const KIND_BYTES_MAX: usize = 64;

impl Forfeit {
    /// The kind of a hosted tool, from its `type`: without the date of its version.
    pub fn hosted(kind: &str) -> Self {
        let undated = kind.rsplit_once('_').filter(|(_, tail)| is_version(tail));
        Self::HostedTool(undated.map_or(kind, |(name, _)| name).to_owned())
    }

    /// The tool that a top-level field of a request asks for, where one does so.
    pub fn of_field(field: &str) -> Option<Self> {
        let kind = match field {
            "web_search_options" => "web_search",
            "mcp_servers" => "mcp",
            "container" => "code_execution",
            _ => return None,
        };
        Some(Self::HostedTool(kind.to_owned()))
    }

    /// The rule on its data that a top-level field of a request lays down, where one does so.
    pub fn of_rule(field: &str, value: &Value) -> Option<Self> {
        match field {
            "inference_geo" => (!value.is_null() && value != "global").then_some(Self::Residency),
            "provider" => {
                let unkept = value["data_collection"] == "deny" || value["zdr"] == true;
                unkept.then_some(Self::Retention)
            }
            _ => None,
        }
    }

    /// Who keeps such a rule, of the vendors that are asked in the client's own dialect; `None` of what
    /// is no rule.
    pub const fn kept_by(&self) -> Option<&'static str> {
        match self {
            Self::Residency => Some("anthropic"),
            Self::Retention => Some("openrouter"),
            Self::Images
            | Self::Documents
            | Self::Audio
            | Self::Files
            | Self::HostedTool(_)
            | Self::Logprobs
            | Self::Answers
            | Self::Citations => None,
        }
    }

    /// Its name in `backstop-lost` and `allow_loss`.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Images => "images".into(),
            Self::Documents => "documents".into(),
            Self::Audio => "audio".into(),
            Self::Files => "files".into(),
            Self::HostedTool(kind) => format!("hosted_tools.{kind}").into(),
            Self::Logprobs => "logprobs".into(),
            Self::Answers => "n".into(),
            Self::Citations => "citations".into(),
            Self::Residency => "residency".into(),
            Self::Retention => "retention".into(),
        }
    }

    /// What became of it where the route allows its loss.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Images | Self::Documents | Self::Audio => {
                "the model takes none: a note stands in"
            }
            Self::Files => "held by another provider: a note stands in",
            Self::HostedTool(_) => "runs at another provider: left out",
            Self::Logprobs | Self::Citations => "the answer has none",
            Self::Answers => "one answer only",
            Self::Residency => "the target promises no place",
            Self::Retention => "the target promises nothing of what it keeps",
        }
    }

    /// The hosted tool of this name in `allow_loss`: of any kind, for providers have new ones every
    /// month. A date at its end is left out.
    pub fn hosted_named(name: &str) -> Option<Self> {
        let kind = name.strip_prefix("hosted_tools.")?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = !kind.is_empty() && kind.len() <= KIND_BYTES_MAX && kind.bytes().all(plain);
        fits.then(|| Self::hosted(kind))
    }

    /// Every name that is known for what a route may allow.
    pub fn names() -> impl Iterator<Item = Cow<'static, str>> {
        let hosted = HOSTED.iter().map(|kind| format!("hosted_tools.{kind}").into());
        PLAIN.iter().map(|name| Cow::Borrowed(*name)).chain(hosted)
    }
}

/// Digits, possibly with others after an underscore before them: `20250305`.
fn is_version(tail: &str) -> bool {
    tail.len() >= 4 && tail.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Forfeit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What a route lets its targets go without, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<String>);

impl Allowed {
    /// These names; `hosted_tools` stands for every tool.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// These and those.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self(self.0.union(&others.0).cloned().collect())
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a target may answer without it.
    pub fn allows(&self, forfeit: &Forfeit) -> bool {
        let name = forfeit.name();
        let group = name.split('.').next().unwrap_or_default();
        self.0.contains(&*name) || self.0.contains(group)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_group_allows_each_of_its_members_and_a_member_only_itself() {
        let search = Forfeit::hosted("web_search_20250305");
        assert_eq!(search.name(), "hosted_tools.web_search");
        let code = Forfeit::hosted("code_interpreter");
        assert_eq!(code.name(), "hosted_tools.code_interpreter");
        let allowed = |name: &str| Allowed::new([name.to_owned()]);
        assert!(allowed("hosted_tools").allows(&search) && allowed("hosted_tools").allows(&code));
        let one = allowed("hosted_tools.web_search");
        assert!(one.allows(&search) && !one.allows(&code) && !one.allows(&Forfeit::Images));
        assert!(one.and(&allowed("images")).allows(&Forfeit::Images));
    }

    #[test]
    fn a_tool_of_any_kind_can_be_named() {
        let name = |name: &str| Forfeit::hosted_named(name).map(|forfeit| forfeit.to_string());
        for (written, meant) in [
            ("hosted_tools.tool_search_tool_bm25", "hosted_tools.tool_search_tool_bm25"),
            ("hosted_tools.of_tomorrow", "hosted_tools.of_tomorrow"),
            ("hosted_tools.web_search_20260318", "hosted_tools.web_search"),
        ] {
            assert_eq!(name(written).as_deref(), Some(meant));
        }
        let long = format!("hosted_tools.{}", "x".repeat(KIND_BYTES_MAX + 1));
        for wrong in ["hosted_tools", "hosted_tools.", "hosted_tools.Web Search", "images", &long] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_rule_on_data_is_one_that_forbids_something() {
        let rule = |field, value| Forfeit::of_rule(field, &value);
        assert_eq!(rule("inference_geo", json!("us")), Some(Forfeit::Residency));
        assert_eq!(rule("inference_geo", json!("global")), None);
        assert_eq!(rule("inference_geo", Value::Null), None);
        let deny = json!({ "data_collection": "deny", "order": ["a"] });
        assert_eq!(rule("provider", deny), Some(Forfeit::Retention));
        assert_eq!(rule("provider", json!({ "zdr": true })), Some(Forfeit::Retention));
        assert_eq!(rule("provider", json!({ "data_collection": "allow", "zdr": false })), None);
        assert_eq!(rule("provider", json!("openai")), None);
        assert_eq!(rule("service_tier", json!("flex")), None);
    }

    #[test]
    fn every_name_is_listed_once() {
        let names: Vec<_> = Forfeit::names().collect();
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), unique.len());
        for forfeit in [Forfeit::Images, Forfeit::Answers, Forfeit::hosted("web_fetch_20250910")] {
            assert!(names.contains(&forfeit.name()), "{forfeit}");
        }
    }
}
