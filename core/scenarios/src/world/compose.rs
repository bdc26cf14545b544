//! From a request and what befalls it to a timed script.

use std::time::Duration;

use backstop_dialects::{Framing, framing};
use backstop_vocabulary::{Chance, Dialect};

use crate::refusal::Refusal;
use crate::sample;
use crate::speech::Speech;
use crate::symptom::Symptom;
use crate::wire::{self, Voice};
use crate::{Act, Ask, Delivery, Latency, Outcome, Reply, Scenario, Spread, Token};

use super::timeline::Timeline;

mod broken;

/// How fast an error is said.
const REFUSAL_TIME: Spread =
    Spread { median: Duration::from_millis(30), p95: Duration::from_millis(120) };
/// Long enough for what was written to leave before the connection breaks.
const FLUSH: Duration = Duration::from_millis(20);
/// The head of a stream comes no later than this, however late its first token.
const HEAD_TIME_MAX: Duration = Duration::from_millis(250);
/// How often a provider without tokens shows that it lives.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How many of these a script holds: 20 minutes, longer than any client waits.
const PINGS_MAX: usize = 240;

/// Puts one reply together.
pub(super) struct Composer<'a> {
    scenario: &'a Scenario,
    ask: &'a Ask,
    token: Option<Token>,
    chance: Chance,
    serial: u64,
}

/// An answer with its speed, before anything befalls it.
struct Plan {
    speech: Speech,
    id: String,
    /// Time to the first token.
    first_token: Duration,
    /// Time for one piece of a stream.
    piece: Duration,
    piece_chars: usize,
}

impl<'a> Composer<'a> {
    pub(super) const fn new(
        scenario: &'a Scenario,
        ask: &'a Ask,
        token: Option<Token>,
        (chance, serial): (Chance, u64),
    ) -> Self {
        Self { scenario, ask, token, chance, serial }
    }

    /// An error status.
    pub(super) fn refused(mut self, refusal: &Refusal, symptom: Option<Symptom>) -> Reply {
        let (headers, body) = refusal.write(self.ask.dialect, &self.request_id());
        let mut line = Timeline::new();
        line.head(sample::duration(REFUSAL_TIME, &mut self.chance), refusal.status, headers)
            .bytes(Duration::ZERO, body)
            .step(Duration::ZERO, Act::End);
        let wait = refusal.retry_after_s.map(|seconds| Duration::from_secs(u64::from(seconds)));
        line.reply(Outcome::Status(refusal.status, wait), self.token, symptom)
    }

    /// The answer of a token endpoint.
    pub(super) fn token(
        mut self,
        body: &serde_json::Value,
        wait: Duration,
        symptom: Option<Symptom>,
    ) -> Reply {
        let headers = vec![("content-type", "application/json".to_owned())];
        let mut line = Timeline::new();
        line.head(wait + sample::duration(REFUSAL_TIME, &mut self.chance), 200, headers)
            .bytes(Duration::ZERO, body.to_string())
            .step(Duration::ZERO, Act::End);
        line.reply(Outcome::Answered, self.token, symptom)
    }

    /// A web page where JSON is expected.
    pub(super) fn web_page(mut self, status: u16, symptom: Option<Symptom>) -> Reply {
        let headers = vec![("content-type", "text/html; charset=UTF-8".to_owned())];
        let page = "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head>\
                    <body><h1>Bad gateway</h1><p>Error code {}</p></body></html>\n";
        let mut line = Timeline::new();
        line.head(sample::duration(REFUSAL_TIME, &mut self.chance), status, headers)
            .bytes(Duration::ZERO, page.replace("{}", &status.to_string()))
            .step(Duration::ZERO, Act::End);
        let outcome = if status == 200 { Outcome::Broken } else { Outcome::Status(status, None) };
        line.reply(outcome, self.token, symptom)
    }

    /// An answer, or the beginning of one, after a wait for a place.
    pub(super) fn answered(mut self, symptom: Option<Symptom>, wait: Duration) -> Reply {
        let plan = self.plan(symptom);
        if let Some(reply) = symptom.and_then(|symptom| self.spoilt(symptom, &plan, wait)) {
            return reply;
        }
        let mut stall = Duration::ZERO;
        if let Some(Symptom::StallThenSuccess(longer)) = symptom {
            stall = longer;
        }
        let mut line = Timeline::new();
        if self.ask.delivery.is_stream() {
            self.stream(&mut line, &plan, wait + stall);
        } else {
            let body = wire::whole(self.ask.dialect, &self.voice(&plan));
            self.unary(&mut line, &plan, (wait + stall, body));
        }
        line.reply(Outcome::Answered, self.token, symptom)
    }

    /// A whole healthy stream.
    fn stream(&self, line: &mut Timeline, plan: &Plan, wait: Duration) {
        let frames = wire::frames(self.ask.dialect, &self.voice(plan));
        let early = plan.head_time();
        line.head(wait + early, 200, self.headers()).bytes(Duration::ZERO, frames.opening);
        let mut after = plan.first_token.saturating_sub(early);
        for piece in frames.content {
            line.bytes(after, piece).first_token();
            after = plan.piece;
        }
        let end = [frames.closing, frames.terminal].concat();
        line.bytes(plan.piece / 4, end).step(Duration::ZERO, Act::End);
    }

    /// A whole answer in one piece.
    fn unary(&self, line: &mut Timeline, plan: &Plan, (wait, body): (Duration, Vec<u8>)) {
        let mut headers = self.headers();
        headers.push(("content-length", body.len().to_string()));
        line.head(wait + plan.whole_time(), 200, headers)
            .bytes(Duration::ZERO, body)
            .first_token()
            .step(Duration::ZERO, Act::End);
    }

    /// What the model says and how fast.
    fn plan(&mut self, symptom: Option<Symptom>) -> Plan {
        let latency = self.latency();
        let mut speech = Speech::of(self.ask);
        if let Some(wish) = &self.ask.continuation {
            let mode = self.scenario.continuation.draw(&mut self.chance);
            speech = speech.continued(wish, mode);
        }
        let mut first_token = sample::duration(latency.first_token, &mut self.chance);
        let (mut speed, mut piece_tokens) =
            (latency.tokens_per_second, latency.piece_tokens.max(1));
        if let Some(Symptom::SlowFirstToken(after)) = symptom {
            first_token = after;
        } else if let Some(Symptom::SlowTokens(slow)) = symptom {
            (speed, piece_tokens) = (f64::from(slow), 4);
        } else if let Some(Symptom::LongAnswer(bytes)) = symptom {
            (speed, piece_tokens) = (1e9, 4096);
            speech.lengthen(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        let piece = Duration::from_secs_f64(f64::from(piece_tokens) / speed.max(0.01));
        let piece_chars = usize::try_from(piece_tokens).unwrap_or(16) * 4;
        Plan { speech, id: self.id(), first_token, piece, piece_chars }
    }

    fn latency(&self) -> Latency {
        self.scenario.provider(&self.ask.provider).map_or_else(Latency::default, |it| it.latency)
    }

    fn voice<'p>(&'p self, plan: &'p Plan) -> Voice<'p> {
        Voice {
            id: plan.id.clone(),
            model: &self.ask.model,
            created_unix: self.scenario.start_unix,
            speech: &plan.speech,
            piece_chars: plan.piece_chars,
            usage: (self.ask.delivery == Delivery::StreamWithUsage).then_some(()),
        }
    }

    /// 16 digits, never the same twice in a run.
    fn id(&self) -> String {
        format!("{:016x}", self.serial.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn request_id(&self) -> String {
        format!("req_{}", self.id())
    }

    /// The headers of a 200.
    fn headers(&self) -> Vec<(&'static str, String)> {
        let kind = match (self.ask.delivery.is_stream(), framing(self.ask.dialect)) {
            (false, _) => "application/json",
            (true, Framing::Sse | Framing::List) => "text/event-stream; charset=utf-8",
            (true, Framing::EventStream) => "application/vnd.amazon.eventstream",
        };
        let id = match self.ask.dialect {
            Dialect::AnthropicMessages => "request-id",
            Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::Gemini => "x-request-id",
            Dialect::BedrockConverse => "x-amzn-requestid",
        };
        vec![("content-type", kind.to_owned()), (id, self.request_id())]
    }
}

impl Plan {
    /// Time to the head of a stream: providers send it once a request is admitted, well before the
    /// first token.
    fn head_time(&self) -> Duration {
        (self.first_token / 2).min(HEAD_TIME_MAX)
    }

    /// Time to the end of a whole answer.
    fn whole_time(&self) -> Duration {
        let chars = self.speech.text.len()
            + self.speech.calls.iter().map(|(name, args)| name.len() + args.len()).sum::<usize>();
        let pieces = u32::try_from(chars.div_ceil(self.piece_chars.max(1))).unwrap_or(u32::MAX);
        self.first_token + self.piece.saturating_mul(pieces)
    }
}
