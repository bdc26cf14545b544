//! Whether a target can take a request at all, and the request as it goes there.

pub(crate) mod issuers;
pub(crate) mod lessons;
pub(crate) mod media;
pub(crate) mod signed;
pub(crate) mod thoughts;

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use backstop_continuity::{Unfit, resume_request};
use backstop_dialects::{Delivery, Lesson, Renames, TargetForm};
use backstop_exchange::{Features, Forfeit, Loss};
use backstop_fit::{Lack, Terms};
use backstop_vocabulary::Failure;

use crate::asked::Asked;
use crate::gateway::Shared;
use crate::perform::Question;
use crate::plan::Place;
use media::Media;

/// What a request needs, found on first need.
#[derive(Debug)]
pub(crate) enum Needs {
    Known(Box<Features>),
    /// It cannot be read in full, so that nobody but the client's own kind of provider can take it.
    Unreadable(Failure),
}

impl Needs {
    /// From the quick scan where that is enough, else from a full reading.
    pub(crate) fn of(asked: &Asked) -> Self {
        if asked.scan.media || asked.scan.special {
            return match asked.full() {
                Ok(full) => Self::Known(Box::new(full.features.clone())),
                Err(failure) => Self::Unreadable(failure.clone()),
            };
        }
        Self::Known(Box::new(Features {
            tools: asked.scan.tools,
            schema: asked.scan.format,
            input_tokens_estimate: (asked.body.len() as u64).div_ceil(4),
            ..Features::default()
        }))
    }
}

/// A request written for its target.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) renames: Renames,
    pub(crate) losses: Vec<Loss>,
}

/// A target that was left out because of what the request asks: told to the client and the journal.
#[derive(Clone, Debug)]
pub(crate) struct PassedOver {
    pub(crate) target: std::sync::Arc<str>,
    /// Counted from 0.
    pub(crate) rung: u8,
    pub(crate) why: Unfit,
}

impl Place {
    /// What the request meets here.
    fn terms<'a>(&'a self, asked: &Asked) -> Terms<'a> {
        Terms {
            client: asked.dialect,
            target: self.dialect,
            vendor: &self.vendor,
            abilities: &self.abilities,
            allowed: &self.allowed,
            adjustment: &self.adjustment,
        }
    }

    /// Whether the client's own bytes can go here, for all we know of the target.
    fn takes_bytes(&self, asked: &Asked, delivery: Delivery) -> bool {
        // Our wish for a stream is not in the client's own bytes.
        let restreamed = delivery == Delivery::Stream && !asked.scan.stream;
        // What a peculiar server refuses is left out, where we know what it is that we leave out.
        let peculiar = || self.abilities.habits.is_peculiar() && asked.full().is_ok();
        let fitted = self.is_known_stand_in || !self.adjustment.is_empty() || peculiar();
        self.dialect == asked.dialect && !fitted && !restreamed && !self.knows_better(asked)
    }

    /// Whether the target has taught that it does not take such a request as the client wrote it.
    fn knows_better(&self, asked: &Asked) -> bool {
        let concerns = |lesson: &Lesson| {
            let full = || asked.full().ok();
            (lesson.is_of_tools() && asked.scan.tools)
                || (lesson.is_of_prefill() && full().is_some_and(|full| full.features.prefill))
                || (lesson.is_of_stop() && full().is_some_and(|full| !full.request.stop.is_empty()))
        };
        self.lessons.iter().any(concerns)
    }

    /// Whether the request can be answered here at all.
    pub(crate) fn fits(
        &self,
        asked: &Asked,
        needs: &Needs,
        delivery: Delivery,
    ) -> Result<(), Unfit> {
        match needs {
            Needs::Known(needs) if self.is_own => {
                let rules = Features { rules: needs.rules.clone(), ..Features::default() };
                backstop_fit::standing(&rules, &self.terms(asked))
                    .map_err(|lack| Unfit::Request(lack.to_string().into()))
            }
            Needs::Known(needs) => backstop_fit::standing(needs, &self.terms(asked))
                .map_err(|lack| Unfit::Request(lack.to_string().into())),
            Needs::Unreadable(_) if self.takes_bytes(asked, delivery) => self.keeps_rules(asked),
            Needs::Unreadable(_) => {
                Err(Unfit::Request("cannot be sent what the gateway cannot read".into()))
            }
        }
    }

    /// Whether what a body lays down for the client's data is kept here, where the rest of it is not
    /// read: nobody but the vendor whose words they are is believed to.
    pub(crate) fn keeps_rules(&self, asked: &Asked) -> Result<(), Unfit> {
        if !asked.scan.rules {
            return Ok(());
        }
        let Ok(fields) = serde_json::from_slice::<BTreeMap<String, Value>>(&asked.body) else {
            return Err(Unfit::Request("cannot be sent what the gateway cannot read".into()));
        };
        let rules = fields.iter().filter_map(|(field, value)| Forfeit::of_rule(field, value));
        let mut broken = rules
            .filter(|rule| rule.kept_by() != Some(&*self.vendor) && !self.allowed.allows(rule));
        let Some(rule) = broken.next() else { return Ok(()) };
        Err(Unfit::Request(Lack::Loses(vec![rule]).to_string().into()))
    }

    /// The request as it goes here: the client's own bytes on the same dialect, a translation
    /// otherwise. A model that stands in for another may refuse what that one takes (tools while it
    /// reasons, a temperature), so that its request is written anew even in the same dialect.
    pub(crate) fn body(
        &self,
        (asked, shared, media): (&Asked, &Shared, Option<&Media>),
        delivery: Delivery,
        question: Question<'_>,
    ) -> Result<Body, Failure> {
        let model = &self.own_name;
        let whole = matches!(question, Question::Original) && !self.gives_up(asked);
        let edits = media.map_or_else(|| Some(Vec::new()), |media| media.edits(self, asked));
        if whole
            && self.takes_bytes(asked, delivery)
            && let Some(edits) = edits
        {
            let (bytes, loss) = thoughts::own_body(&shared.issuers, asked, self, edits);
            let losses = loss.into_iter().collect();
            return Ok(self.as_taught(asked, Body { bytes, losses, ..Body::default() }));
        }
        let full = asked.full().map_err(Clone::clone)?;
        let terms = self.terms(asked);
        let (request, stripped) = thoughts::request(shared, (asked, &full.request), self);
        let request = match media {
            Some(media) => media.put_into((self, asked), request),
            None => request,
        };
        let fitted = backstop_fit::fit(&request, &full.features, &terms);
        let (request, mut losses) = (fitted.request, fitted.losses);
        losses.extend(stripped);
        let request = match question {
            Question::Original => request,
            Question::Continue(delivered) => {
                Cow::Owned(resume_request(&request, delivered, self.way_on()))
            }
        };
        let stream = delivery == Delivery::Stream;
        let form = TargetForm { model, abilities: &self.abilities, stream };
        let written = backstop_dialects::write_request(self.dialect, &request, &form)?;
        losses.extend(written.losses);
        let renames = match fitted.answer_tool {
            Some(tool) => written.renames.answered_by(&tool),
            None => written.renames,
        };
        Ok(self.as_taught(asked, Body { bytes: Bytes::from(written.body), renames, losses }))
    }

    /// The body without what the target has refused before.
    fn as_taught(&self, asked: &Asked, mut body: Body) -> Body {
        for lesson in &self.lessons {
            if let Some((bytes, loss)) = lesson.apply(&body.bytes, asked.dialect) {
                body.bytes = Bytes::from(bytes);
                body.losses.extend(loss);
            }
        }
        body
    }

    /// Whether something of the request must be given up or emulated here, so that its bytes cannot
    /// go as they are.
    fn gives_up(&self, asked: &Asked) -> bool {
        let (scan, schema) = (&asked.scan, self.abilities.schema);
        let may = scan.media || scan.special || (scan.format && !schema);
        // Whoever is sent a rule must keep it, also the very model that was asked for.
        let judged = !self.is_own || scan.rules;
        may && judged
            && asked.full().is_ok_and(|full| {
                let needs = &full.features;
                let lost = backstop_fit::forfeits(needs, &self.terms(asked));
                lost.iter().any(|lost| lost.kept_by().is_some())
                    || (!self.is_own && ((needs.schema && !schema) || !lost.is_empty()))
            })
    }
}
