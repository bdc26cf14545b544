//! Answers that break, lie or never come.

use std::time::Duration;

use crate::refusal::Refusal;
use crate::sample;
use crate::symptom::{ErrorForm, ErrorPlace, Symptom};
use crate::wire;
use crate::{Act, Outcome, Reply};

use super::{Composer, FLUSH, PING_EVERY, PINGS_MAX, Plan, REFUSAL_TIME, Timeline};

/// How a stream goes on after half of its content.
enum Turn {
    /// So, and no further.
    Stop(Act, Outcome),
    /// With these bytes, then a proper end.
    Say(bytes::Bytes),
}

impl Composer<'_> {
    /// The reply of a symptom that takes no place at the provider; `None` for all others.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other symptoms spoil an answer")]
    pub(in crate::world) fn unanswered(mut self, symptom: Symptom) -> Option<Reply> {
        if let Symptom::Html(status) = symptom {
            return Some(self.web_page(status, Some(symptom)));
        }
        let soon = sample::duration(REFUSAL_TIME, &mut self.chance);
        let mut line = Timeline::new();
        let outcome = match symptom {
            Symptom::Refused | Symptom::Dns => {
                line.step(Duration::ZERO, Act::Refuse);
                Outcome::Transport
            }
            Symptom::Tls => {
                line.step(Duration::ZERO, Act::Garbage);
                Outcome::Transport
            }
            Symptom::ResetBeforeHeaders => {
                line.step(soon, Act::Reset);
                Outcome::Transport
            }
            Symptom::Redirect => {
                let place = match self.ask.dialect {
                    backstop_vocabulary::Dialect::AnthropicMessages => "/v1/messages",
                    backstop_vocabulary::Dialect::OpenaiChat => "/v1/chat/completions",
                    backstop_vocabulary::Dialect::OpenaiResponses => "/v1/responses",
                    backstop_vocabulary::Dialect::Gemini => "/v1beta/models",
                    backstop_vocabulary::Dialect::BedrockConverse => "/model/m/converse",
                };
                line.head(soon, 307, vec![("location", place.to_owned())]);
                line.step(Duration::ZERO, Act::End);
                Outcome::Status(307, None)
            }
            Symptom::JsonError200 => {
                let refusal = Refusal::new(500, "api_error", "Internal server error");
                let body = refusal.object(self.ask.dialect, &self.request_id()).to_string();
                let headers = vec![("content-type", "application/json".to_owned())];
                line.head(soon, 200, headers).bytes(Duration::ZERO, body);
                line.step(Duration::ZERO, Act::End);
                Outcome::Broken
            }
            Symptom::HeaderFlood => {
                let mut headers = self.headers();
                headers.push(("x-flood", "f".repeat(256 << 10)));
                line.head(soon, 200, headers).step(Duration::ZERO, Act::End);
                Outcome::Broken
            }
            _ => return None,
        };
        Some(line.reply(outcome, self.token, Some(symptom)))
    }

    /// The reply of a symptom that spoils an answer; `None` when this symptom leaves it whole.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other symptoms have a reply of their own"
    )]
    pub(super) fn spoilt(&self, symptom: Symptom, plan: &Plan, wait: Duration) -> Option<Reply> {
        let mut line = Timeline::new();
        let early = wait + plan.head_time();
        let outcome = match symptom {
            Symptom::HangBeforeHeaders => {
                line.step(Duration::ZERO, Act::Hang);
                Outcome::Silent
            }
            Symptom::HeadersThenSilence => {
                line.head(early, 200, self.headers()).step(Duration::ZERO, Act::Hang);
                Outcome::Silent
            }
            Symptom::PingsOnly => {
                self.pings(&mut line, plan, wait);
                Outcome::Silent
            }
            Symptom::ResetMidBody => self.half(&mut line, plan, (wait, Turn::reset())),
            Symptom::CloseMidBody => self.half(&mut line, plan, (wait, Turn::close())),
            Symptom::SilenceMidStream => self.half(&mut line, plan, (wait, Turn::silence())),
            Symptom::CutStream => self.half(&mut line, plan, (wait, Turn::end())),
            Symptom::ErrorInStream(form, place) => {
                return Some(self.error_inside((symptom, form, place), plan, wait));
            }
            Symptom::MalformedFrame => {
                let frame = wire::malformed_frame(self.ask.dialect);
                self.half(&mut line, plan, (wait, Turn::Say(frame)))
            }
            Symptom::MissingDone => return self.without_terminal(plan, wait),
            Symptom::EmptyAnswer => self.empty(&mut line, plan, wait),
            Symptom::GarbledArguments => self.garbled(&mut line, plan, wait),
            _ => return None,
        };
        Some(line.reply(outcome, self.token, Some(symptom)))
    }

    /// Pings until the client gives up. A whole answer has none: it just does not come.
    fn pings(&self, line: &mut Timeline, plan: &Plan, wait: Duration) {
        if self.ask.delivery.is_stream() {
            let frames = wire::frames(self.ask.dialect, &self.voice(plan));
            line.head(wait + plan.head_time(), 200, self.headers());
            line.bytes(Duration::ZERO, frames.opening);
            for _ in 0..PINGS_MAX {
                line.bytes(PING_EVERY, wire::ping(self.ask.dialect));
            }
        }
        line.step(Duration::ZERO, Act::Hang);
    }

    /// Half of an answer, then the turn.
    fn half(&self, line: &mut Timeline, plan: &Plan, (wait, turn): (Duration, Turn)) -> Outcome {
        if self.ask.delivery.is_stream() {
            let mut frames = wire::frames(self.ask.dialect, &self.voice(plan));
            let keep = frames.content.len().div_ceil(2);
            let rest = frames.content.split_off(keep.min(frames.content.len()));
            self.beginning(line, plan, (wait, frames.opening, frames.content));
            if let Turn::Say(bytes) = turn {
                let end = [rest.concat(), frames.closing, frames.terminal].concat();
                line.bytes(plan.piece, bytes).bytes(plan.piece, end);
                line.step(Duration::ZERO, Act::End);
                return Outcome::Broken;
            }
        } else {
            let mut body = wire::whole(self.ask.dialect, &self.voice(plan));
            let length = body.len();
            body.truncate(length / 2);
            let mut headers = self.headers();
            // A clean end after half of the JSON is only possible without an announced length.
            if !turn.ends_cleanly() {
                headers.push(("content-length", length.to_string()));
            }
            line.head(wait + plan.whole_time(), 200, headers).bytes(Duration::ZERO, body);
        }
        match turn {
            Turn::Stop(act, outcome) => {
                line.step(FLUSH, act);
                outcome
            }
            Turn::Say(_) => {
                line.step(Duration::ZERO, Act::End);
                Outcome::Broken
            }
        }
    }

    /// A head, the opening frames, and these pieces at their pace.
    fn beginning(
        &self,
        line: &mut Timeline,
        plan: &Plan,
        (wait, opening, content): (Duration, Vec<u8>, Vec<Vec<u8>>),
    ) {
        let early = plan.head_time();
        line.head(wait + early, 200, self.headers()).bytes(Duration::ZERO, opening);
        let mut after = plan.first_token.saturating_sub(early);
        for piece in content {
            line.bytes(after, piece).first_token();
            after = plan.piece;
        }
    }

    /// An error frame in a stream; a whole answer has no inside, so it is an error status.
    fn error_inside(
        &self,
        (symptom, form, place): (Symptom, ErrorForm, ErrorPlace),
        plan: &Plan,
        wait: Duration,
    ) -> Reply {
        let mut line = Timeline::new();
        if !self.ask.delivery.is_stream() {
            let refusal = Refusal::new(500, "api_error", "Internal server error");
            let (headers, body) = refusal.write(self.ask.dialect, &self.request_id());
            line.head(wait + plan.first_token, 500, headers).bytes(Duration::ZERO, body);
            line.step(Duration::ZERO, Act::End);
            return line.reply(Outcome::Status(500, None), self.token, Some(symptom));
        }
        let mut frames = wire::frames(self.ask.dialect, &self.voice(plan));
        let keep = match place {
            ErrorPlace::First => 0,
            ErrorPlace::Middle => frames.content.len().div_ceil(2),
        };
        frames.content.truncate(keep);
        self.beginning(&mut line, plan, (wait, frames.opening, frames.content));
        let frame = wire::error_frame(self.ask.dialect, form, &self.request_id());
        line.bytes(plan.piece, frame).step(Duration::ZERO, Act::End);
        line.reply(Outcome::Broken, self.token, Some(symptom))
    }

    /// All but the very last event. Clients of Chat Completions do not miss `[DONE]`; some of
    /// Anthropic's miss `message_stop`, and all of Responses `response.completed`; Gemini's
    /// last chunk has the reason. A whole answer has no such event.
    fn without_terminal(&self, plan: &Plan, wait: Duration) -> Option<Reply> {
        if !self.ask.delivery.is_stream() {
            return None;
        }
        let frames = wire::frames(self.ask.dialect, &self.voice(plan));
        let mut line = Timeline::new();
        self.beginning(&mut line, plan, (wait, frames.opening, frames.content));
        line.bytes(plan.piece / 4, frames.closing).step(Duration::ZERO, Act::End);
        let outcome = match self.ask.dialect {
            backstop_vocabulary::Dialect::AnthropicMessages
            | backstop_vocabulary::Dialect::OpenaiResponses
            | backstop_vocabulary::Dialect::Gemini => Outcome::Broken,
            // What comes last there are figures.
            backstop_vocabulary::Dialect::OpenaiChat
            | backstop_vocabulary::Dialect::BedrockConverse => Outcome::Answered,
        };
        Some(line.reply(outcome, self.token, Some(Symptom::MissingDone)))
    }

    /// A whole answer without content.
    fn empty(&self, line: &mut Timeline, plan: &Plan, wait: Duration) -> Outcome {
        let nothing =
            Plan { speech: crate::speech::Speech::default(), id: plan.id.clone(), ..*plan };
        self.plainly(line, &nothing, wait);
        Outcome::Broken
    }

    /// Arguments (or a JSON answer) that stop in the middle.
    fn garbled(&self, line: &mut Timeline, plan: &Plan, wait: Duration) -> Outcome {
        let mut speech = plan.speech.clone();
        for (_, arguments) in &mut speech.calls {
            *arguments = garble(arguments);
        }
        if speech.calls.is_empty() {
            speech.text = garble(&speech.text);
        }
        let spoilt = Plan { speech, id: plan.id.clone(), ..*plan };
        self.plainly(line, &spoilt, wait);
        Outcome::Broken
    }

    /// The plan as it is, whole or streamed.
    fn plainly(&self, line: &mut Timeline, plan: &Plan, wait: Duration) {
        if self.ask.delivery.is_stream() {
            self.stream(line, plan, wait);
        } else {
            let body = wire::whole(self.ask.dialect, &self.voice(plan));
            self.unary(line, plan, (wait, body));
        }
    }
}

impl Turn {
    const fn reset() -> Self {
        Self::Stop(Act::Reset, Outcome::Broken)
    }

    const fn close() -> Self {
        Self::Stop(Act::Close, Outcome::Broken)
    }

    const fn silence() -> Self {
        Self::Stop(Act::Hang, Outcome::Silent)
    }

    const fn end() -> Self {
        Self::Stop(Act::End, Outcome::Broken)
    }

    const fn ends_cleanly(&self) -> bool {
        matches!(self, Self::Say(_) | Self::Stop(Act::End, _))
    }
}

/// JSON without its end.
fn garble(json: &str) -> String {
    let keep = json.char_indices().nth(json.chars().count() / 2).map_or(0, |(at, _)| at);
    format!("{}\u{fffd}", &json[..keep])
}
