//! Vectors: another host of the same model may answer, another model never. Vectors of two models mean
//! different things, and whoever mixed them would find nothing again, silently.

use bytes::Bytes;
use http::uri::PathAndQuery;

use backstop_catalogue::names::same_vectors;
use backstop_continuity::Unfit;
use backstop_dialects::{VectorForm, VectorRequest, Vectors};
use backstop_exchange::{Answer, Loss};
use backstop_surfaces::Surface;
use backstop_vocabulary::{Class, Dialect, Failure, Scope};

use crate::asked::Asked;
use crate::perform::{self, Begun, Journey, Prepared};
use crate::plan::Place;
use crate::table::ProviderRow;

/// Whether it asks for vectors.
pub(crate) fn wants_vectors(asked: &Asked) -> bool {
    asked.vectors.is_some()
}

/// How a place is asked for vectors.
struct Way {
    /// The client's form.
    asked: VectorForm,
    /// The host's.
    host: VectorForm,
    /// The request to be written anew; the client's bytes go as they are otherwise.
    anew: Option<VectorRequest>,
}

impl Way {
    fn to(place: &Place, asked: &Asked) -> Option<Self> {
        let form = asked.vectors?;
        let host = place.surface.vector_form(place.dialect, &place.own_name, form)?;
        // Gemini's forms may name the model once more in the body, as the Gemini API calls it.
        let named = *place.own_name == *asked.scan.model_name && place.surface == Surface::Plain;
        let same = host == form && (form == VectorForm::Openai || named);
        let anew = (!same).then(|| VectorRequest::read(form, &asked.body));
        Some(Self { asked: form, host, anew })
    }
}

/// Whether a place can answer a request for the vectors of a model.
pub(crate) fn standing(place: &Place, asked: &Asked) -> Result<(), Unfit> {
    if !same_vectors(&asked.scan.model_name, &place.target.key.model) {
        return Err(Unfit::OtherVectors);
    }
    place.keeps_rules(asked)?;
    let way = Way::to(place, asked).ok_or_else(|| Unfit::Request("lacks embeddings".into()))?;
    let Some(anew) = &way.anew else { return Ok(()) };
    let written = anew.write(way.host, &place.own_name);
    written.map(|_| ()).map_err(|failure| Unfit::Request(String::from(failure.message).into()))
}

/// The request as it goes to a place, and what of it stays behind.
pub(crate) fn ask(
    journey: &Journey,
    place: &Place,
    row: &ProviderRow,
) -> Result<(Prepared, Vec<Loss>), Failure> {
    let way = Way::to(place, &journey.asked).ok_or_else(gone)?;
    let path = row.vectors(way.host, &place.own_name);
    let written = way.anew.map(|anew| anew.write(way.host, &place.own_name)).transpose()?;
    let (body, losses) = written.map_or((None, Vec::new()), |(body, losses)| (Some(body), losses));
    let body = body.map(Bytes::from);
    let asking = perform::own_ask(&journey.core, &journey.asked, (row, place), path, body);
    Ok((asking.ok_or_else(gone)??, losses))
}

/// Settings may change under a request.
fn gone() -> Failure {
    Failure::new(Class::NoTarget, "the provider gives no vectors any more")
}

/// What came back, checked, and the bytes that go to the client.
pub(crate) fn read(
    journey: &Journey,
    begun: &mut Begun,
    body: &Bytes,
) -> Result<(Answer, Bytes), Failure> {
    let (place, asked) = (journey.place(begun.place), &journey.asked);
    let way = Way::to(place, asked).ok_or_else(gone)?;
    let vectors = Vectors::read(way.host, body)?;
    let wanted = way.anew.as_ref();
    let read = || VectorRequest::read(way.asked, &asked.body);
    let bytes = if let Some(wanted) = wanted {
        vectors.check(wanted)?;
        Bytes::from(vectors.write(way.asked, wanted, &asked.scan.model_name))
    } else {
        vectors.check(&read())?;
        body.clone()
    };
    let usage = vectors.usage();
    begun.permit.note_first_token(journey.core.shared.clock.now());
    Ok((Answer { usage, ..Answer::default() }, bytes))
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

/// Where and how a model is asked for vectors to see whether it answers.
pub(crate) fn probe(
    row: &ProviderRow,
    dialect: Dialect,
    model: &str,
) -> Result<(Option<PathAndQuery>, Bytes), Failure> {
    let form = probe_form(row, dialect, model)?;
    let (body, _losses) = VectorRequest::probe(form).write(form, model)?;
    Ok((row.vectors(form, model), body.into()))
}

/// Whether what came back to a probe is a vector.
pub(crate) fn probed(
    row: &ProviderRow,
    dialect: Dialect,
    model: &str,
    body: &[u8],
) -> Result<(), Failure> {
    let form = probe_form(row, dialect, model)?;
    Vectors::read(form, body)?.check(&VectorRequest::probe(form))
}

fn probe_form(row: &ProviderRow, dialect: Dialect, model: &str) -> Result<VectorForm, Failure> {
    let form = row.settings.surface.vector_form(dialect, model, VectorForm::Openai);
    form.ok_or_else(|| Failure::new(Class::NoTarget, "the provider gives no vectors"))
}
