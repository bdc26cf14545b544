//! A request as one target may have it: without the reasoning that only another can read.

use std::borrow::Cow;

use bytes::Bytes;

use backstop_dialects::Edit;
use backstop_exchange::{Answer, AnswerBlock, Artefact, Event, Loss, Request};
use backstop_vocabulary::Dialect;

use crate::asked::Asked;
use crate::fitness::issuers::{Issuer, Issuers};
use crate::plan::Place;

/// The client's bytes, with the target's name for the model where that differs, and without what the
/// target cannot read; the loss is what went.
pub(crate) fn own_body(issuers: &Issuers, asked: &Asked, place: &Place) -> (Bytes, Option<Loss>) {
    let mut edits = match asked.thoughts() {
        Some(thoughts) => thoughts.without(&mut |artefact| may_read(issuers, place, artefact)),
        None => Vec::new(),
    };
    let model = &*place.own_name;
    let loss = (!edits.is_empty()).then(|| loss(asked.dialect));
    // Where the path names the model, the body does not.
    if asked.scan.model_name != model && !asked.scan.model.is_empty() {
        let with = serde_json::Value::from(model).to_string();
        edits.push(Edit { at: asked.scan.model.clone(), with: Cow::Owned(with) });
    }
    if edits.is_empty() {
        return (asked.body.clone(), None);
    }
    (Bytes::from(backstop_dialects::edited(&asked.body, edits)), loss)
}

/// The request in the neutral form, without the thoughts of this dialect that the target cannot read.
pub(crate) fn request<'a>(
    issuers: &Issuers,
    (asked, request): (&Asked, &'a Request),
    place: &Place,
) -> (Cow<'a, Request>, Option<Loss>) {
    let foreign = |artefact: &Artefact| {
        artefact.dialect == place.dialect && !may_read(issuers, place, artefact)
    };
    let any = asked.thoughts().is_some_and(|all| all.artefacts().flatten().any(foreign));
    if !any {
        return (Cow::Borrowed(request), None);
    }
    let mut request = request.clone();
    request.keep_thoughts(|artefact| !foreign(artefact));
    (Cow::Owned(request), Some(loss(asked.dialect)))
}

/// The target refused the reasoning it was sent: it will not be sent any of it again. Says whether
/// there was any, so that the request is another without it.
pub(crate) fn refuse(issuers: &Issuers, asked: &Asked, place: &Place) -> bool {
    let Some(thoughts) = asked.thoughts() else { return false };
    let sent: Vec<&Artefact> = thoughts
        .artefacts()
        .flatten()
        .filter(|artefact| may_read(issuers, place, artefact))
        .collect();
    let issuer = place.issuer;
    for artefact in &sent {
        issuers.refuse(&artefact.data, issuer);
    }
    !sent.is_empty()
}

/// Remembers who made what an event brings.
pub(crate) fn note(issuers: &Issuers, event: &Event, issuer: Issuer) {
    if let Event::ReasoningSignature(artefact) | Event::ReasoningOpaque(artefact) = event {
        issuers.note(&artefact.data, issuer);
    }
}

/// Remembers who made the thoughts of an answer.
pub(crate) fn note_answer(issuers: &Issuers, answer: &Answer, issuer: Issuer) {
    for block in &answer.blocks {
        if let AnswerBlock::Reasoning { signature: Some(artefact), .. }
        | AnswerBlock::ReasoningOpaque(artefact) = block
        {
            issuers.note(&artefact.data, issuer);
        }
    }
}

fn may_read(issuers: &Issuers, place: &Place, artefact: &Artefact) -> bool {
    artefact.dialect == place.dialect && issuers.may_read(&artefact.data, place.issuer)
}

fn loss(dialect: Dialect) -> Loss {
    let field = match dialect {
        Dialect::AnthropicMessages => "thinking",
        Dialect::OpenaiChat | Dialect::OpenaiResponses => "reasoning",
        Dialect::Gemini => "thoughtSignature",
        Dialect::BedrockConverse => "reasoningContent",
    };
    Loss::new(field, "made by another issuer and not replayed")
}
