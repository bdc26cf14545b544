use super::*;

const CHAT: Dialect = Dialect::OpenaiChat;
const CLAUDE: Dialect = Dialect::AnthropicMessages;

fn bedrock() -> Surface {
    Surface::Bedrock { region: "us-east-1".into() }
}

fn vertex() -> Surface {
    Surface::Vertex { project: "acme".into(), location: "europe-west1".into() }
}

#[test]
fn names_model_and_delivery_where_each_cloud_wants_them() {
    let v1 = Surface::AzureV1 { api_version: None };
    let preview = Surface::AzureV1 { api_version: Some("preview".into()) };
    let dated = Surface::AzureDeployments { api_version: "2024-10-21".into() };
    for (surface, dialect, model, whole, stream) in [
        (&Surface::Plain, CLAUDE, "m", "/v1/messages", "/v1/messages"),
        (&v1, CHAT, "m", "/openai/v1/chat/completions", "/openai/v1/chat/completions"),
        (
            &preview,
            Dialect::OpenaiResponses,
            "m",
            "/openai/v1/responses?api-version=preview",
            "/openai/v1/responses?api-version=preview",
        ),
        (
            &dated,
            CHAT,
            "our gpt",
            "/openai/deployments/our%20gpt/chat/completions?api-version=2024-10-21",
            "/openai/deployments/our%20gpt/chat/completions?api-version=2024-10-21",
        ),
        (
            &bedrock(),
            CLAUDE,
            "eu.anthropic.claude-opus-4-6-v1:0",
            "/model/eu.anthropic.claude-opus-4-6-v1:0/invoke",
            "/model/eu.anthropic.claude-opus-4-6-v1:0/invoke-with-response-stream",
        ),
        (
            &vertex(),
            CLAUDE,
            "claude-sonnet-4-5@20250929",
            "/v1/projects/acme/locations/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            "/v1/projects/acme/locations/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
        ),
        (
            &vertex(),
            CHAT,
            "meta/llama-4",
            "/v1/projects/acme/locations/europe-west1/endpoints/openapi/chat/completions",
            "/v1/projects/acme/locations/europe-west1/endpoints/openapi/chat/completions",
        ),
    ] {
        assert_eq!(surface.path(dialect, model, Delivery::Whole).as_deref(), Some(whole));
        assert_eq!(surface.path(dialect, model, Delivery::Stream).as_deref(), Some(stream));
    }
}

#[test]
fn bedrock_offers_claude_in_its_own_words_and_every_model_in_those_of_converse() {
    let (claude, llama) = ("us.anthropic.claude-opus-4-6-v1:0", "meta.llama3-70b-instruct-v1:0");
    assert_eq!(bedrock().dialects(claude).unwrap(), [CLAUDE, Dialect::BedrockConverse]);
    assert_eq!(bedrock().dialects(llama).unwrap(), [Dialect::BedrockConverse]);
    let path = bedrock().path(Dialect::BedrockConverse, llama, Delivery::Stream);
    assert_eq!(path.as_deref(), Some("/model/meta.llama3-70b-instruct-v1:0/converse-stream"));
}

#[test]
fn a_fixed_path_is_the_path_of_every_request() {
    let dated = Surface::AzureDeployments { api_version: "2024-10-21".into() };
    let surfaces =
        [Surface::Plain, Surface::AzureV1 { api_version: None }, dated, bedrock(), vertex()];
    for surface in surfaces {
        for dialect in Dialect::ALL {
            for delivery in [Delivery::Whole, Delivery::Stream] {
                for model in ["claude-a", "b"] {
                    if let Some(fixed) = surface.fixed_path(dialect) {
                        assert_eq!(surface.path(dialect, model, delivery), Some(fixed));
                    }
                }
            }
        }
    }
}

#[test]
fn every_dialect_that_is_offered_has_a_path_and_no_other() {
    for surface in [bedrock(), vertex()] {
        for model in ["us.anthropic.claude-opus-4-6-v1:0", "meta.llama3-70b-instruct-v1:0"] {
            for dialect in surface.dialects(model).unwrap() {
                assert!(surface.path(*dialect, model, Delivery::Stream).is_some(), "{model}");
            }
        }
    }
    assert!(bedrock().path(CHAT, "m", Delivery::Whole).is_none());
    assert!(Surface::AzureV1 { api_version: None }.path(CLAUDE, "m", Delivery::Whole).is_none());
}

#[test]
fn what_stands_beside_a_dialect_is_where_the_dialect_is() {
    let dated = Surface::AzureDeployments { api_version: "2024-10-21".into() };
    for (surface, path) in [
        (Surface::Plain, Some("/v1/embeddings")),
        (Surface::AzureV1 { api_version: None }, Some("/openai/v1/embeddings")),
        (dated, Some("/openai/deployments/e/embeddings?api-version=2024-10-21")),
        (bedrock(), None),
        (vertex(), None),
    ] {
        assert_eq!(surface.beside("/v1/embeddings", "e").as_deref(), path);
    }
}

#[test]
fn vectors_are_asked_for_as_each_host_of_a_model_has_it() {
    let (openai, one, many) = (VectorForm::Openai, VectorForm::GeminiOne, VectorForm::GeminiMany);
    let (gemini, aws) = (Dialect::Gemini, Dialect::BedrockConverse);
    let (plain, vertex, bedrock) = (Surface::Plain, vertex(), bedrock());
    let google = "/v1/projects/acme/locations/europe-west1/publishers/google/models";
    for (surface, dialect, model, asked, form, path) in [
        (&plain, CHAT, "e", one, openai, "/v1/embeddings".to_owned()),
        (&plain, gemini, "e", openai, many, "/v1beta/models/e:batchEmbedContents".to_owned()),
        (&plain, gemini, "e", one, one, "/v1beta/models/e:embedContent".to_owned()),
        (
            &vertex,
            CHAT,
            "text-embedding-005",
            openai,
            VectorForm::Predict,
            format!("{google}/text-embedding-005:predict"),
        ),
        (
            &vertex,
            gemini,
            "gemini-embedding-2",
            many,
            one,
            format!("{google}/gemini-embedding-2:embedContent"),
        ),
        (
            &bedrock,
            aws,
            "amazon.titan-embed-text-v2:0",
            openai,
            VectorForm::Titan,
            "/model/amazon.titan-embed-text-v2:0/invoke".to_owned(),
        ),
        (
            &bedrock,
            aws,
            "us.cohere.embed-v4:0",
            openai,
            VectorForm::Cohere,
            "/model/us.cohere.embed-v4:0/invoke".to_owned(),
        ),
    ] {
        assert_eq!(surface.vector_form(dialect, model, asked), Some(form), "{model}");
        assert_eq!(surface.vector_path(form, model).as_deref(), Some(&*path), "{model}");
    }
    for (surface, dialect, model) in
        [(&plain, CLAUDE, "e"), (&vertex, CHAT, "meta/llama"), (&bedrock, aws, "amazon.nova-pro")]
    {
        assert_eq!(surface.vector_form(dialect, model, openai), None, "{model}");
    }
}
