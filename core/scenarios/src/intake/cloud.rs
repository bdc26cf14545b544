//! The paths, keys and envelopes of clouds, read as what the makers' own APIs would have been sent.
//!
//! Bedrock's own API is a dialect; `InvokeModel`, whose streams are framed in another way, is not
//! played.

use serde_json::{Map, Value};

use super::RequestHead;

/// What the maker's own API would have been sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    path: String,
    body: Option<Vec<u8>>,
    key: Option<String>,
    api: Api,
}

/// Whose API it is, where the path says more than the provider's own dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Own,
    Claude,
    /// `OpenAI`'s, of a provider that speaks another.
    Chat,
}

/// The request as the maker's own API knows it; `None` where it is one already.
pub(super) fn as_elsewhere(head: &RequestHead<'_>, body: &[u8]) -> Option<Elsewhere> {
    let key = head.header("api-key").map(|key| format!("Bearer {key}"));
    if let Some(rest) = head.path.strip_prefix("/openai/deployments/") {
        let (deployment, rest) = rest.split_once('/')?;
        let body = with_model(body, deployment);
        return Some(Elsewhere { path: format!("/v1/{rest}"), body, key, api: Api::Own });
    }
    if let Some(rest) = head.path.strip_prefix("/openai/v1/") {
        let path = format!("/v1/{rest}");
        return Some(Elsewhere { path, body: None, key, api: Api::Own });
    }
    let in_project = head.path.strip_prefix("/v1/projects/")?;
    if in_project.ends_with("/endpoints/openapi/chat/completions") {
        let path = "/v1/chat/completions".to_owned();
        return Some(Elsewhere { path, body: without_maker(body), key, api: Api::Chat });
    }
    let (_, rest) = in_project.split_once("/publishers/")?;
    let (maker, called) = rest.split_once("/models/")?;
    if maker == "google" {
        let path = format!("/v1beta/models/{called}");
        return Some(Elsewhere { path, body: None, key, api: Api::Own });
    }
    let (model, method) = called.split_once(':')?;
    let path = match method {
        "rawPredict" | "streamRawPredict" => "/v1/messages".to_owned(),
        _ => return None,
    };
    Some(Elsewhere { path, body: with_model(body, model), key, api: Api::Claude })
}

/// The body with the model that stood in the path, and without the cloud's own version.
fn with_model(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    body.remove("anthropic_version");
    body.insert("model".to_owned(), model.into());
    Some(Value::Object(body).to_string().into_bytes())
}

/// The body with the model's name without its maker's: `google/gemini-2.5-pro`.
fn without_maker(body: &[u8]) -> Option<Vec<u8>> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let model = body.get("model")?.as_str()?.strip_prefix("google/")?.to_owned();
    body.insert("model".to_owned(), model.into());
    Some(Value::Object(body).to_string().into_bytes())
}

impl Elsewhere {
    /// Whether it is asked in `OpenAI`'s dialect, whatever the provider's own.
    pub(super) fn is_chat(&self) -> bool {
        self.api == Api::Chat
    }

    /// Path, headers and body; what is not said anew is as it was.
    pub(super) fn parts<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        body: &'a [u8],
    ) -> (&'a str, Vec<(&'a str, &'a str)>, &'a [u8]) {
        let mut headers = head.headers.clone();
        headers.extend(self.key.as_deref().map(|key| ("authorization", key)));
        if self.api == Api::Claude {
            headers.push(("anthropic-version", "2023-06-01"));
        }
        (&self.path, headers, self.body.as_deref().unwrap_or(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_is_asked_what_the_makers_own_api_would_be() {
        let body = br#"{"anthropic_version":"vertex-2023-10-16","max_tokens":1}"#;
        let check = |path, header, told: Option<(&str, &str)>| {
            let head = RequestHead { method: "POST", path, headers: vec![(header, "k")] };
            let elsewhere = as_elsewhere(&head, body);
            let parts = elsewhere.as_ref().map(|it| {
                let (path, headers, body) = it.parts(&head, body);
                let model: Value = serde_json::from_slice(body).unwrap();
                let shown = headers.contains(&("authorization", "Bearer k"));
                assert_eq!(shown, header == "api-key");
                (path.to_owned(), model["model"].as_str().unwrap_or_default().to_owned())
            });
            let told = told.map(|(path, model)| (path.to_owned(), model.to_owned()));
            assert_eq!(parts, told, "{path}");
        };
        let google = "/v1/projects/p/locations/eu/publishers/google/models/g:generateContent";
        let claude = "/v1/projects/p/locations/eu/publishers/anthropic/models/c:rawPredict";
        let deployed = "/openai/deployments/d/chat/completions";
        check("/openai/v1/responses", "api-key", Some(("/v1/responses", "")));
        check(deployed, "api-key", Some(("/v1/chat/completions", "d")));
        check(google, "x", Some(("/v1beta/models/g:generateContent", "")));
        check(claude, "x", Some(("/v1/messages", "c")));
        let openapi = "/v1/projects/p/locations/eu/endpoints/openapi/chat/completions";
        check(openapi, "x", Some(("/v1/chat/completions", "")));
        check("/v1/messages", "x", None);
    }
}
