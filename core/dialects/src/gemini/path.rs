//! The paths of this dialect: they hold the model's name and the method.

use std::borrow::Cow;

use crate::segment::{escaped, unescaped};
use crate::{Called, Delivery, Method, VectorForm};

/// Where a provider is asked. A stream is always asked for as server-sent events.
pub(crate) fn path(model: &str, delivery: Delivery) -> Cow<'static, str> {
    let method = match delivery {
        Delivery::Whole => "generateContent",
        Delivery::Stream => "streamGenerateContent?alt=sse",
    };
    format!("/v1beta/models/{}:{method}", escaped(model, b"@")).into()
}

/// Where a provider counts the tokens of a request.
pub(crate) fn count_path(model: &str) -> Cow<'static, str> {
    format!("/v1beta/models/{}:countTokens", escaped(model, b"@")).into()
}

/// What a client asks for by this path; `None` where it is none of this dialect's calls.
pub(crate) fn called(path: &str) -> Option<Called> {
    let mut rest = path.strip_suffix('/').unwrap_or(path);
    while let Some(inner) = ["/v1beta", "/v1alpha", "/v1"]
        .into_iter()
        .find_map(|version| rest.strip_prefix(version).filter(|inner| inner.starts_with('/')))
    {
        rest = inner;
    }
    let (model, method) = rest.strip_prefix("/models/")?.rsplit_once(':')?;
    let method = match method {
        "generateContent" => Method::Answer(Delivery::Whole),
        "streamGenerateContent" => Method::Answer(Delivery::Stream),
        "countTokens" => Method::Count,
        "embedContent" => Method::Embed(VectorForm::GeminiOne),
        "batchEmbedContents" => Method::Embed(VectorForm::GeminiMany),
        _ => return None,
    };
    Some(Called { dialect: backstop_vocabulary::Dialect::Gemini, model: unescaped(model), method })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_path_in_every_version() {
        let check = |path, model: &str, method| {
            let called = called(path).unwrap();
            assert_eq!((called.model.as_str(), called.method), (model, method), "{path}");
        };
        let (whole, stream) = (Method::Answer(Delivery::Whole), Method::Answer(Delivery::Stream));
        check("/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro", whole);
        check("/v1/models/m:streamGenerateContent", "m", stream);
        check("/models/m:countTokens/", "m", Method::Count);
        check("/v1/v1beta/models/org%2Fm%3A8b:generateContent", "org/m:8b", whole);
        check("/models/m:embedContent", "m", Method::Embed(VectorForm::GeminiOne));
        check("/models/m:batchEmbedContents", "m", Method::Embed(VectorForm::GeminiMany));
        for other in
            ["/v1beta/models/m", "/v1beta/tunedModels/m:generateContent", "/models/m:predict"]
        {
            assert_eq!(called(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_with_any_letters_stays_one_segment() {
        let path = path("org/m:8b ?ü%41", Delivery::Stream);
        assert_eq!(
            path,
            "/v1beta/models/org%2Fm%3A8b%20%3F%C3%BC%2541:streamGenerateContent?alt=sse"
        );
        let (path, _) = path.split_once('?').unwrap();
        assert_eq!(called(path).unwrap().model, "org/m:8b ?ü%41");
        assert_eq!(unescaped("%zz%4"), "%zz%4");
    }
}
