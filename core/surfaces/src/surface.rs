use std::borrow::Cow;

use backstop_dialects::{Delivery, EMBEDDINGS_PATH, VectorForm};
use backstop_vocabulary::Dialect;

use crate::encode::segment;
use crate::model_name::claude;

/// How a provider offers its dialects, below its base URL.
///
/// Sources: the vendors' own SDKs of November 2026 (Anthropic's for Bedrock, Vertex and Foundry,
/// `OpenAI`'s for Azure) and the clouds' API references; `docs/providers/` says what is not verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Surface {
    /// Each dialect at its own path, with its own body.
    #[default]
    Plain,
    /// Azure `OpenAI`, `/openai/v1`: a plain surface under another path; the model is a deployment.
    AzureV1 {
        /// `preview` or `v1`, where the resource wants one.
        api_version: Option<Box<str>>,
    },
    /// Azure `OpenAI` before v1: the deployment is in the path.
    AzureDeployments {
        /// The dated version, `2024-10-21`.
        api_version: Box<str>,
    },
    /// AWS Bedrock's runtime: Claude by `InvokeModel`.
    Bedrock {
        /// The region, `eu-central-1`; empty where only the address is known.
        region: Box<str>,
    },
    /// Google Vertex: Claude by `rawPredict`, others by Google's endpoint for open models.
    Vertex {
        /// The project that is billed.
        project: Box<str>,
        /// The region, or `global`, `us`, `eu`.
        location: Box<str>,
    },
}

impl Surface {
    /// The dialects in which a model is offered, the best first; `None` where that does not hang on
    /// the model. An empty list is a model this surface cannot reach.
    ///
    /// `model` is the provider's own name.
    pub fn dialects(&self, model: &str) -> Option<&'static [Dialect]> {
        const CLAUDE: &[Dialect] = &[Dialect::AnthropicMessages];
        const CLAUDE_AT_AWS: &[Dialect] = &[Dialect::AnthropicMessages, Dialect::BedrockConverse];
        const GEMINI: &[Dialect] = &[Dialect::Gemini, Dialect::OpenaiChat];
        let (is_claude, others): (_, &[Dialect]) = match self {
            Self::Plain | Self::AzureV1 { .. } | Self::AzureDeployments { .. } => return None,
            Self::Bedrock { .. } if claude(model).is_some() => return Some(CLAUDE_AT_AWS),
            Self::Bedrock { .. } => (false, &[Dialect::BedrockConverse]),
            Self::Vertex { .. } if model.starts_with("gemini-") => (false, GEMINI),
            Self::Vertex { .. } => (claude(model).is_some(), &[Dialect::OpenaiChat]),
        };
        Some(if is_claude { CLAUDE } else { others })
    }

    /// The path of a dialect, if it is the same for every request.
    pub fn fixed_path(&self, dialect: Dialect) -> Option<Cow<'static, str>> {
        match self {
            Self::Plain => backstop_dialects::fixed_path(dialect).map(Cow::Borrowed),
            Self::AzureV1 { api_version } => {
                let path = openai_path(dialect)?;
                let query = api_version.as_ref().map(|version| query_of(version));
                Some(format!("/openai/v1{path}{}", query.unwrap_or_default()).into())
            }
            Self::Vertex { project, location } if dialect == Dialect::OpenaiChat => Some(
                format!("{}/endpoints/openapi/chat/completions", in_project(project, location))
                    .into(),
            ),
            Self::AzureDeployments { .. } | Self::Bedrock { .. } | Self::Vertex { .. } => None,
        }
    }

    /// The path, and perhaps the query, of one request; `None` where the dialect is not offered.
    pub fn path(
        &self,
        dialect: Dialect,
        model: &str,
        delivery: Delivery,
    ) -> Option<Cow<'static, str>> {
        match self {
            Self::Plain => Some(backstop_dialects::path(dialect, model, delivery)),
            Self::AzureV1 { .. } => self.fixed_path(dialect),
            Self::AzureDeployments { api_version } => {
                let (path, deployment) = (openai_path(dialect)?, segment(model, ""));
                let query = query_of(api_version);
                Some(format!("/openai/deployments/{deployment}{path}{query}").into())
            }
            Self::Bedrock { .. } if dialect == Dialect::BedrockConverse => {
                Some(backstop_dialects::path(dialect, model, delivery))
            }
            Self::Bedrock { .. } => {
                let call = match (dialect, delivery) {
                    (Dialect::AnthropicMessages, Delivery::Whole) => "invoke",
                    (Dialect::AnthropicMessages, Delivery::Stream) => "invoke-with-response-stream",
                    (
                        Dialect::OpenaiChat
                        | Dialect::OpenaiResponses
                        | Dialect::Gemini
                        | Dialect::BedrockConverse,
                        _,
                    ) => return None,
                };
                Some(format!("/model/{}/{call}", segment(model, ":")).into())
            }
            Self::Vertex { project, location } => match dialect {
                Dialect::AnthropicMessages => {
                    let call = match delivery {
                        Delivery::Whole => "rawPredict",
                        Delivery::Stream => "streamRawPredict",
                    };
                    let (place, model) = (in_project(project, location), segment(model, "@"));
                    Some(format!("{place}/publishers/anthropic/models/{model}:{call}").into())
                }
                Dialect::Gemini => {
                    let call = match delivery {
                        Delivery::Whole => "generateContent",
                        Delivery::Stream => "streamGenerateContent?alt=sse",
                    };
                    let (place, model) = (in_project(project, location), segment(model, ""));
                    Some(format!("{place}/publishers/google/models/{model}:{call}").into())
                }
                Dialect::OpenaiChat | Dialect::OpenaiResponses => self.fixed_path(dialect),
                Dialect::BedrockConverse => None,
            },
        }
    }

    /// The path of another call beside a dialect's own, `/v1/embeddings`; `None` where it is not
    /// offered.
    pub fn beside(&self, path: &'static str, model: &str) -> Option<Cow<'static, str>> {
        match self {
            Self::Plain => Some(Cow::Borrowed(path)),
            Self::AzureV1 { api_version } => {
                let query = api_version.as_ref().map(|version| query_of(version));
                Some(format!("/openai{path}{}", query.unwrap_or_default()).into())
            }
            Self::AzureDeployments { api_version } => {
                let (rest, query) = (path.strip_prefix("/v1")?, query_of(api_version));
                let deployment = segment(model, "");
                Some(format!("/openai/deployments/{deployment}{rest}{query}").into())
            }
            Self::Bedrock { .. } | Self::Vertex { .. } => None,
        }
    }

    /// The form in which a model's vectors are asked for here, where the client asks in the form
    /// `asked`; `None` where they are not offered.
    ///
    /// `dialect` is what the model is asked in otherwise, `model` the provider's own name.
    pub fn vector_form(
        &self,
        dialect: Dialect,
        model: &str,
        asked: VectorForm,
    ) -> Option<VectorForm> {
        let is_openai = matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiResponses);
        match self {
            Self::Plain if dialect == Dialect::Gemini => match asked {
                VectorForm::GeminiOne => Some(VectorForm::GeminiOne),
                VectorForm::Openai
                | VectorForm::GeminiMany
                | VectorForm::Predict
                | VectorForm::Titan
                | VectorForm::Cohere => Some(VectorForm::GeminiMany),
            },
            Self::Plain | Self::AzureV1 { .. } | Self::AzureDeployments { .. } => {
                is_openai.then_some(VectorForm::Openai)
            }
            Self::Vertex { .. } => {
                let predicts = ["gemini-embedding-", "text-embedding-", "text-multilingual-"];
                if model.starts_with("gemini-embedding-2") {
                    return Some(VectorForm::GeminiOne);
                }
                let predicts = predicts.iter().any(|start| model.starts_with(start));
                predicts.then_some(VectorForm::Predict)
            }
            Self::Bedrock { .. } if model.contains("amazon.titan-embed-text-") => {
                Some(VectorForm::Titan)
            }
            Self::Bedrock { .. } => model.contains("cohere.embed-").then_some(VectorForm::Cohere),
        }
    }

    /// Where vectors are asked for in this form.
    pub fn vector_path(&self, form: VectorForm, model: &str) -> Option<Cow<'static, str>> {
        let call = match form {
            VectorForm::Openai => return self.beside(EMBEDDINGS_PATH, model),
            VectorForm::GeminiOne => "embedContent",
            VectorForm::GeminiMany => "batchEmbedContents",
            VectorForm::Predict => "predict",
            VectorForm::Titan | VectorForm::Cohere => {
                return Some(format!("/model/{}/invoke", segment(model, ":")).into());
            }
        };
        let model = segment(model, "@");
        Some(match self {
            Self::Vertex { project, location } => {
                let place = in_project(project, location);
                format!("{place}/publishers/google/models/{model}:{call}").into()
            }
            Self::Plain
            | Self::AzureV1 { .. }
            | Self::AzureDeployments { .. }
            | Self::Bedrock { .. } => format!("/v1beta/models/{model}:{call}").into(),
        })
    }

    /// Whether a client's own query (`?beta=true`) belongs on the path: only where the path is the
    /// one the client knows.
    pub const fn takes_queries(&self) -> bool {
        match self {
            Self::Plain => true,
            Self::AzureV1 { .. }
            | Self::AzureDeployments { .. }
            | Self::Bedrock { .. }
            | Self::Vertex { .. } => false,
        }
    }

    /// Whether images and documents may be given by their address here, where the dialect has that: the
    /// clouds take Claude's only as bytes.
    pub const fn takes_addresses(&self, dialect: Dialect) -> bool {
        match self {
            Self::Plain | Self::AzureV1 { .. } | Self::AzureDeployments { .. } => true,
            Self::Bedrock { .. } | Self::Vertex { .. } => {
                !matches!(dialect, Dialect::AnthropicMessages)
            }
        }
    }

    /// Whether a refusal here is the last word on a request in its own dialect: a surface that leaves
    /// some of the dialect out judges what it offers, not what was asked.
    pub const fn is_whole(&self) -> bool {
        self.takes_queries()
    }
}

/// The path of `OpenAI`'s dialects below `/openai/v1` or a deployment.
fn openai_path(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            backstop_dialects::fixed_path(dialect)?.strip_prefix("/v1")
        }
        Dialect::AnthropicMessages | Dialect::Gemini | Dialect::BedrockConverse => None,
    }
}

fn query_of(api_version: &str) -> String {
    format!("?api-version={}", segment(api_version, ""))
}

fn in_project(project: &str, location: &str) -> String {
    let (project, location) = (segment(project, ":"), segment(location, ""));
    format!("/v1/projects/{project}/locations/{location}")
}

#[cfg(test)]
mod tests;
