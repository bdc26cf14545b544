//! A request as one target may have it: without the reasoning that only another can read.

use std::borrow::Cow;

use bytes::Bytes;

use backstop_dialects::Edit;
use backstop_exchange::{Answer, AnswerBlock, Artefact, Event, Loss, Request};
use backstop_vocabulary::Dialect;

use crate::asked::Asked;
use crate::fitness::issuers::{Issuer, Issuers};
use crate::fitness::signed;
use crate::gateway::Shared;
use crate::plan::Place;

/// The client's bytes, with the target's name for the model where that differs, and without what the
/// target cannot read, and with these other `changes`; the loss is what went.
pub(crate) fn own_body(
    issuers: &Issuers,
    asked: &Asked,
    place: &Place,
    changes: Vec<Edit>,
) -> (Bytes, Option<Loss>) {
    let mut edits = match asked.thoughts() {
        Some(thoughts) => thoughts.without(&mut |artefact| may_read(issuers, place, artefact)),
        None => Vec::new(),
    };
    let model = &*place.own_name;
    let loss = (!edits.is_empty()).then(|| loss(asked.dialect));
    edits.extend(changes);
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

/// The request in the neutral form, without the thoughts of this dialect that the target cannot read,
/// and with the signatures of its calls that the client could not carry.
pub(crate) fn request<'a>(
    shared: &Shared,
    (asked, request): (&Asked, &'a Request),
    place: &Place,
) -> (Cow<'a, Request>, Option<Loss>) {
    let issuers = &shared.issuers;
    let foreign = |artefact: &Artefact| {
        artefact.dialect == place.dialect && !may_read(issuers, place, artefact)
    };
    let any = asked.thoughts().is_some_and(|all| all.artefacts().flatten().any(foreign));
    let mut request = Cow::Borrowed(request);
    if any {
        request.to_mut().keep_thoughts(|artefact| !foreign(artefact));
    }
    if may_lack_signatures(asked, place) {
        let found = signatures(shared, (asked, &request), place);
        if !found.is_empty() {
            request = Cow::Owned(signed::signed(&request, found));
        }
    }
    (request, any.then(|| loss(asked.dialect)))
}

/// Whether the target may want signatures of calls that clients of this dialect do not bring back.
fn may_lack_signatures(asked: &Asked, place: &Place) -> bool {
    place.dialect == Dialect::Gemini && asked.dialect != Dialect::Gemini
}

/// The signatures that this target once gave the calls of this client, and has not refused since.
fn signatures(
    shared: &Shared,
    (asked, request): (&Asked, &Request),
    place: &Place,
) -> Vec<(usize, usize, Artefact)> {
    let now = shared.clock.now();
    let find = |(nth, at, id)| {
        let state = shared.signed.of((&asked.caller.name, place.issuer, id), now)?;
        may_read(&shared.issuers, place, &state).then_some((nth, at, state))
    };
    signed::unsigned(request).into_iter().filter_map(find).collect()
}

/// The target refused the reasoning it was sent: it will not be sent any of it again. Says whether
/// there was any, so that the request is another without it.
pub(crate) fn refuse(shared: &Shared, asked: &Asked, place: &Place) -> bool {
    let issuers = &shared.issuers;
    let carried = asked.thoughts().into_iter().flat_map(|thoughts| thoughts.artefacts().flatten());
    let mut sent: Vec<Artefact> =
        carried.filter(|artefact| may_read(issuers, place, artefact)).cloned().collect();
    if may_lack_signatures(asked, place)
        && let Ok(full) = asked.full()
    {
        let found = signatures(shared, (asked, &full.request), place);
        sent.extend(found.into_iter().map(|(_, _, state)| state));
    }
    for artefact in &sent {
        issuers.refuse(&artefact.data, place.issuer);
    }
    !sent.is_empty()
}

/// Where it is noted who made the reasoning of an answer, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct Notes<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) asked: &'a Asked,
    pub(crate) issuer: Issuer,
}

impl Notes<'_> {
    /// Remembers who made what an event brings. `next` is the signature of the call that comes next.
    pub(crate) fn event(&self, event: &Event, next: &mut Option<Artefact>) {
        if let Event::ReasoningSignature(artefact) = event {
            self.made(artefact, next);
        } else if let Event::ReasoningOpaque(artefact) = event {
            self.note(artefact);
        } else if let Event::ToolStart { id, .. } = event {
            self.call(id, next);
        }
    }

    /// Remembers who made the thoughts of a whole answer.
    pub(crate) fn answer(&self, answer: &Answer) {
        let mut next = None;
        for block in &answer.blocks {
            match block {
                AnswerBlock::Reasoning { signature: Some(artefact), .. } => {
                    self.made(artefact, &mut next);
                }
                AnswerBlock::ReasoningOpaque(artefact) => self.note(artefact),
                AnswerBlock::ToolCall(call) => self.call(&call.id, &mut next),
                AnswerBlock::Reasoning { signature: None, .. }
                | AnswerBlock::Text(_)
                | AnswerBlock::Refusal(_) => {}
            }
        }
    }

    fn note(&self, artefact: &Artefact) {
        self.shared.issuers.note(&artefact.data, self.issuer);
    }

    fn made(&self, artefact: &Artefact, next: &mut Option<Artefact>) {
        self.note(artefact);
        if self.asked.dialect != artefact.dialect && backstop_dialects::signs_call(artefact) {
            *next = Some(artefact.clone());
        }
    }

    fn call(&self, id: &str, next: &mut Option<Artefact>) {
        let Some(signature) = next.take() else { return };
        let key = (&self.asked.caller.name, self.issuer, id);
        self.shared.signed.keep(key, signature, self.shared.clock.now());
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
