//! What clouds call the models of Anthropic's own API, where a rule or a list says so.

use std::borrow::Cow;

use crate::Surface;
use crate::model_name::is_since;

/// Bedrock's names of older models, by Anthropic's with and without the date. From AWS's list of
/// models as known in November 2026; not verified in every region.
const BEDROCK: [(&str, &str); 10] = [
    ("claude-haiku-4-5", "claude-haiku-4-5-20251001-v1:0"),
    ("claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001-v1:0"),
    ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929-v1:0"),
    ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929-v1:0"),
    ("claude-opus-4-5", "claude-opus-4-5-20251101-v1:0"),
    ("claude-opus-4-5-20251101", "claude-opus-4-5-20251101-v1:0"),
    ("claude-sonnet-4-20250514", "claude-sonnet-4-20250514-v1:0"),
    ("claude-sonnet-4-0", "claude-sonnet-4-20250514-v1:0"),
    ("claude-opus-4-6", "claude-opus-4-6-v1"),
    ("claude-sonnet-4-6", "claude-sonnet-4-6"),
];

impl Surface {
    /// What this surface is known to call a model that Anthropic's own API calls `model`; `None`
    /// where the name is the same or nobody knows.
    pub fn usual_name<'a>(&self, model: &'a str) -> Option<Cow<'a, str>> {
        match self {
            Self::Plain | Self::AzureV1 { .. } | Self::AzureDeployments { .. } => None,
            Self::Bedrock { region } => bedrock(model, region).map(Cow::Owned),
            Self::Vertex { .. } => vertex(model).map(Cow::Owned),
        }
    }

    /// Whether a model by this name, the provider's own, can be there at all.
    pub fn may_have(&self, model: &str) -> bool {
        match self {
            // `anthropic.claude-…`, `us.meta.llama…`, an ARN: every name has its maker before it.
            Self::Bedrock { .. } => model.contains(['.', ':']),
            Self::Plain
            | Self::AzureV1 { .. }
            | Self::AzureDeployments { .. }
            | Self::Vertex { .. } => true,
        }
    }
}

/// The profile that keeps a request in the part of the world of its region: newer models are offered
/// through such only. Elsewhere than in America and Europe the profiles differ from model to model.
fn bedrock(model: &str, region: &str) -> Option<String> {
    let world = match region.split('-').next() {
        Some("us") if !region.starts_with("us-gov") => "us",
        Some("eu") => "eu",
        _ => return None,
    };
    let listed = BEDROCK.iter().find(|(ours, _)| *ours == model).map(|(_, theirs)| *theirs);
    // From 4.7 on the names are Anthropic's own.
    let same = || (model.starts_with("claude-") && is_since(model, (4, 7))).then_some(model);
    Some(format!("{world}.anthropic.{}", listed.or_else(same)?))
}

/// Vertex puts an `@` before the date.
fn vertex(model: &str) -> Option<String> {
    let (name, date) = model.rsplit_once('-')?;
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    (is_date && name.starts_with("claude-")).then(|| format!("{name}@{date}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_what_the_cloud_calls_them() {
        let bedrock = |region: &str| Surface::Bedrock { region: region.into() };
        let vertex = Surface::Vertex { project: "p".into(), location: "global".into() };
        let (us, eu, ap) = (bedrock("us-east-1"), bedrock("eu-central-1"), bedrock("ap-south-1"));
        for (surface, ours, theirs) in [
            (&us, "claude-haiku-4-5", Some("us.anthropic.claude-haiku-4-5-20251001-v1:0")),
            (&eu, "claude-opus-4-6", Some("eu.anthropic.claude-opus-4-6-v1")),
            (&eu, "claude-opus-4-7", Some("eu.anthropic.claude-opus-4-7")),
            (&eu, "claude-3-opus-20240229", None),
            (&us, "gpt-4o", None),
            (&us, "us.anthropic.claude-opus-4-7", None),
            (&ap, "claude-opus-4-6", None),
            (&vertex, "claude-sonnet-4-5-20250929", Some("claude-sonnet-4-5@20250929")),
            (&vertex, "claude-opus-4-6", None),
            (&Surface::Plain, "claude-sonnet-4-5-20250929", None),
        ] {
            assert_eq!(surface.usual_name(ours).as_deref(), theirs, "{ours}");
        }
        assert!(!us.may_have("claude-3-opus-20240229"));
        assert!(us.may_have("meta.llama3-70b-instruct-v1:0"));
    }
}
