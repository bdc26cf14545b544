use std::collections::BTreeSet;

use backstop_exchange::Loss;
use backstop_vocabulary::{Dialect, Failure};
use serde_json::Value;

use crate::Surface;
use crate::betas::Cloud;
use crate::model_name::is_since;

/// The version of the Messages API from which clouds take the same name as Anthropic's own API.
const SHARED_VERSION: &str = "2026-10-21";

/// What the client of a Messages request said in its headers.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    /// `anthropic-version`; empty if it said none.
    pub version: &'a str,
    /// The names in all `anthropic-beta` headers.
    pub betas: Vec<&'a str>,
}

/// What a cloud wants done to a body in place of the headers of the API it imitates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Members that go: the path says them.
    without: &'static [&'static str],
    /// Members that come, as JSON, unless the body has them already.
    with: Vec<(&'static str, String)>,
    beta_header: Option<String>,
    losses: Vec<Loss>,
}

impl Surface {
    /// Whether requests in this dialect have an envelope here.
    pub const fn wraps(&self, dialect: Dialect) -> bool {
        match self {
            Self::Plain | Self::AzureV1 { .. } | Self::AzureDeployments { .. } => false,
            Self::Bedrock { .. } | Self::Vertex { .. } => {
                matches!(dialect, Dialect::AnthropicMessages)
            }
        }
    }

    /// The envelope of a request in this dialect; `None` where the body goes as it is.
    ///
    /// `model` is the provider's own name.
    pub fn envelope(&self, dialect: Dialect, model: &str, asked: &Asked<'_>) -> Option<Envelope> {
        if !self.wraps(dialect) {
            return None;
        }
        let (cloud, classic, without): (_, _, &[&str]) = match self {
            Self::Plain | Self::AzureV1 { .. } | Self::AzureDeployments { .. } => return None,
            Self::Bedrock { .. } => (Cloud::Bedrock, "bedrock-2023-05-31", &["model", "stream"]),
            // `stream` stays: that is how Anthropic's own client for Vertex asks.
            Self::Vertex { .. } => (Cloud::Vertex, "vertex-2023-10-16", &["model"]),
        };
        let shared = asked.version >= SHARED_VERSION && is_since(model, (4, 7));
        let version = if shared { asked.version } else { classic };
        let mut envelope = Envelope {
            without,
            with: vec![("anthropic_version", Value::from(version).to_string())],
            beta_header: None,
            losses: Vec::new(),
        };
        envelope.carry(cloud, model, &asked.betas);
        Some(envelope)
    }
}

impl Envelope {
    /// The value of `anthropic-beta` to send; `None` sends none. `anthropic-version` is in the body.
    pub fn beta_header(&self) -> Option<&str> {
        self.beta_header.as_deref()
    }

    /// The betas that were asked for and that this cloud does not take.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// Sorts the betas into those the cloud takes, once each, and losses.
    fn carry(&mut self, cloud: Cloud, model: &str, betas: &[&str]) {
        let (mut taken, mut seen) = (Vec::new(), BTreeSet::new());
        for beta in betas {
            match cloud.taken(beta, model) {
                Some(name) if seen.insert(name) => taken.push(name),
                Some(_) => {}
                None => {
                    self.losses
                        .push(Loss::new(format!("anthropic-beta.{beta}"), cloud.not_taken()));
                }
            }
        }
        if taken.is_empty() {
            return;
        }
        match cloud {
            Cloud::Bedrock => self.with.push(("anthropic_beta", Value::from(taken).to_string())),
            Cloud::Vertex => self.beta_header = Some(taken.join(",")),
        }
    }

    /// The body in its envelope: what is neither added nor removed keeps every byte.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for a body that is no JSON object.
    pub fn apply(&self, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let with: Vec<(&str, &str)> =
            self.with.iter().map(|(name, json)| (*name, json.as_str())).collect();
        backstop_dialects::with_members(body, self.without, &with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{ "model":"m", "max_tokens":1,"messages":[{"role":"user", "content":"gr\u00fc\u00dfe"}] , "stream" : true}"#;

    fn bedrock() -> Surface {
        Surface::Bedrock { region: "us-east-1".into() }
    }

    fn check(surface: &Surface, model: &str, asked: &Asked<'_>, body: &str) -> Envelope {
        let envelope = surface.envelope(Dialect::AnthropicMessages, model, asked).unwrap();
        let applied = envelope.apply(BODY.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(applied).unwrap(), body);
        envelope
    }

    #[test]
    fn bedrock_takes_version_and_betas_in_the_body_and_the_model_in_the_path() {
        let betas = vec!["computer-use-2025-11-24", "claude-code-20250219"];
        let asked = Asked { version: "2023-06-01", betas };
        let envelope = check(
            &bedrock(),
            "anthropic.claude-opus-4-7",
            &asked,
            r#"{ "anthropic_version":"bedrock-2023-05-31","anthropic_beta":["computer-use-2025-11-24"],"max_tokens":1,"messages":[{"role":"user", "content":"gr\u00fc\u00dfe"}]}"#,
        );
        assert_eq!(envelope.beta_header, None);
        let losses: Vec<String> = envelope.losses.iter().map(ToString::to_string).collect();
        assert_eq!(losses, ["anthropic-beta.claude-code-20250219=not taken by bedrock"]);
    }

    #[test]
    fn vertex_takes_betas_as_a_header_and_keeps_the_stream_flag() {
        let vertex = Surface::Vertex { project: "p".into(), location: "global".into() };
        let betas = vec!["compact-2026-09-04", "compact-2026-09-04"];
        let asked = Asked { version: "2026-10-21", betas };
        let envelope = check(
            &vertex,
            "claude-opus-4-7",
            &asked,
            r#"{ "anthropic_version":"2026-10-21","max_tokens":1,"messages":[{"role":"user", "content":"gr\u00fc\u00dfe"}] , "stream" : true}"#,
        );
        assert_eq!(envelope.beta_header.as_deref(), Some("compact-2026-09-04"));
        assert!(envelope.losses.is_empty());
    }

    #[test]
    fn an_older_model_is_asked_in_the_clouds_own_version() {
        let asked = Asked { version: "2026-10-21", betas: Vec::new() };
        let envelope = bedrock().envelope(Dialect::AnthropicMessages, "claude-opus-4-6", &asked);
        let body = envelope.unwrap().apply(b"{}").unwrap();
        assert_eq!(body, br#"{"anthropic_version":"bedrock-2023-05-31"}"#);
    }

    #[test]
    fn a_plain_surface_wraps_nothing() {
        for dialect in Dialect::ALL {
            assert_eq!(Surface::Plain.envelope(dialect, "m", &Asked::default()), None);
        }
    }
}
