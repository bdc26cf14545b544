//! `POST /v1/embeddings`: another host of the same model may answer, another model never. Vectors of
//! two models mean different things, and whoever mixed them would find nothing again, silently.

use bytes::Bytes;

use backstop_catalogue::names::canonical;
use backstop_continuity::Unfit;
use backstop_dialects::EMBEDDINGS_PATH;
use backstop_exchange::Answer;
use backstop_vocabulary::{Api, Class, Dialect, Failure, Scope};

use crate::asked::Asked;
use crate::perform::{self, Begun, Journey, Prepared};
use crate::plan::Place;
use crate::table::ProviderRow;

/// Whether it asks for vectors.
pub(crate) fn wants_vectors(asked: &Asked) -> bool {
    asked.api == Api::Embeddings
}

/// Whether a place can answer a request for the vectors of this model.
pub(crate) fn standing(place: &Place, model: &str) -> Result<(), Unfit> {
    if canonical(model) != canonical(&place.target.key.model) {
        return Err(Unfit::OtherVectors);
    }
    match place.dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => Ok(()),
        Dialect::AnthropicMessages | Dialect::Gemini | Dialect::BedrockConverse => {
            Err(Unfit::Request("lacks embeddings".into()))
        }
    }
}

/// The request as it goes to a place: the client's own bytes.
pub(crate) fn ask(
    journey: &Journey,
    place: &Place,
    row: &ProviderRow,
) -> Option<Result<Prepared, Failure>> {
    let path = row.beside(EMBEDDINGS_PATH, &place.own_name);
    perform::own_ask(&journey.core, &journey.asked, (row, place), path)
}

/// What came back, checked; the bytes themselves go to the client.
pub(crate) fn read(journey: &Journey, begun: &mut Begun, body: &Bytes) -> Result<Answer, Failure> {
    let usage = backstop_dialects::read_embeddings(&journey.asked.body, body)?;
    begun.permit.note_first_token(journey.core.shared.clock.now());
    Ok(Answer { usage, ..Answer::default() })
}

/// A refusal as it should be taken. `OpenAI` answers 403 and others 404 where a model gives no
/// vectors: that says nothing about the credential, nor about the model as a target of
/// conversations.
pub(crate) fn judged(failure: Failure) -> Failure {
    let misfit = matches!(
        (failure.class, failure.status),
        (Class::AuthRefused, Some(403)) | (Class::ModelNotFound, _)
    );
    if !misfit {
        return failure;
    }
    let message = "the provider gives no vectors of this model".into();
    Failure { class: Class::UnsupportedFeature, message, ..failure }.with_scope(Scope::Request)
}

/// The cheapest question of its kind.
pub(crate) fn probe(model: &str) -> Vec<u8> {
    serde_json::json!({ "model": model, "input": "ready" }).to_string().into_bytes()
}
