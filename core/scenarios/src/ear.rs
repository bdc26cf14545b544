//! What a strict client of a dialect makes of an answer. Written apart from the gateway's own
//! readers on purpose.

use backstop_vocabulary::Dialect;

use crate::Delivery;

mod anthropic;
mod converse;
mod gemini;
mod openai;
mod responses;

#[cfg(test)]
mod tests;

/// An answer as a client understood it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The visible text.
    pub text: String,
    /// The calls: name and arguments.
    pub calls: Vec<(String, String)>,
    /// The model that says it answered.
    pub model: String,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// An error status.
    Status(u16),
    /// No connection, or one that broke.
    Disconnected,
    /// It ended without its terminal event.
    Cut,
    /// An error inside a 200, by its type.
    ErrorInside(String),
    /// It breaks the dialect's own rules.
    Malformed(String),
    /// Nothing in it.
    Empty,
    /// Arguments or JSON that cannot be read.
    GarbledArguments,
    /// Another answer than the prompt asks for.
    WrongAnswer,
    /// Nothing in time.
    TooLate,
}

/// Listens to the body of a 200.
#[derive(Debug)]
pub struct Ear {
    delivery: Delivery,
    buffer: Vec<u8>,
    /// How much of the buffer holds no end of a frame.
    scanned: usize,
    state: State,
    flaw: Option<Flaw>,
}

#[derive(Debug)]
enum State {
    Anthropic(anthropic::State),
    Openai(openai::State),
    Responses(responses::State),
    Gemini(gemini::State),
    Converse(converse::State),
}

impl Ear {
    /// An ear for an answer in this dialect.
    pub fn new(dialect: Dialect, delivery: Delivery) -> Self {
        let state = match dialect {
            Dialect::AnthropicMessages => State::Anthropic(anthropic::State::default()),
            Dialect::OpenaiChat => State::Openai(openai::State::default()),
            Dialect::OpenaiResponses => State::Responses(responses::State::default()),
            Dialect::Gemini => State::Gemini(gemini::State::default()),
            Dialect::BedrockConverse => State::Converse(converse::State::default()),
        };
        Self { delivery, buffer: Vec::new(), scanned: 0, state, flaw: None }
    }

    /// Takes some of the body in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if !self.delivery.is_stream() {
            return;
        }
        if let State::Converse(state) = &mut self.state {
            let heard = state.feed(bytes);
            self.flaw = self.flaw.take().or_else(|| heard.err());
            self.buffer.clear();
            return;
        }
        let buffer = std::mem::take(&mut self.buffer);
        let (mut begin, mut from) = (0, self.scanned);
        while let Some((end, next)) = frame_end(&buffer, from) {
            self.frame(&buffer[begin..end]);
            (begin, from) = (next, next);
        }
        self.buffer = buffer[begin..].to_vec();
        // The end of a frame may have come by half.
        self.scanned = self.buffer.len().saturating_sub(3);
    }

    /// Whether content has begun: the first token, or for a whole answer any byte.
    pub fn has_begun(&self) -> bool {
        if !self.delivery.is_stream() {
            return !self.buffer.is_empty();
        }
        match &self.state {
            State::Anthropic(state) => state.has_begun(),
            State::Openai(state) => state.has_begun(),
            State::Responses(state) => state.has_begun(),
            State::Gemini(state) => state.has_begun(),
            State::Converse(state) => state.has_begun(),
        }
    }

    /// Whether the terminal event has come; what the connection does then no longer matters.
    pub const fn is_done(&self) -> bool {
        match &self.state {
            State::Anthropic(state) => state.done,
            State::Openai(state) => state.done,
            State::Responses(state) => state.done,
            State::Gemini(state) => state.done,
            State::Converse(state) => state.done,
        }
    }

    /// The answer, now that the body is over.
    pub fn finish(mut self) -> Result<Heard, Flaw> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        if self.delivery.is_stream() {
            if !self.buffer.iter().all(u8::is_ascii_whitespace) && !self.is_done() {
                return Err(Flaw::Cut);
            }
        } else {
            let body: serde_json::Value = serde_json::from_slice(&self.buffer)
                .map_err(|error| Flaw::Malformed(error.to_string()))?;
            match &mut self.state {
                State::Anthropic(state) => state.whole(&body)?,
                State::Openai(state) => state.whole(&body)?,
                State::Responses(state) => state.whole(&body)?,
                State::Gemini(state) => state.whole(&body)?,
                State::Converse(state) => state.whole(&body)?,
            }
        }
        let heard = match self.state {
            State::Anthropic(state) => state.finish()?,
            State::Openai(state) => state.finish()?,
            State::Responses(state) => state.finish()?,
            State::Gemini(state) => state.finish()?,
            State::Converse(state) => state.finish()?,
        };
        if heard.text.is_empty() && heard.calls.is_empty() {
            return Err(Flaw::Empty);
        }
        let readable = |(_, arguments): &(String, String)| {
            serde_json::from_str::<serde_json::Value>(arguments).is_ok()
        };
        if heard.calls.iter().all(readable) { Ok(heard) } else { Err(Flaw::GarbledArguments) }
    }

    fn frame(&mut self, frame: &[u8]) {
        if self.flaw.is_some() || self.is_done() {
            return;
        }
        let Ok(text) = std::str::from_utf8(frame) else {
            self.flaw = Some(Flaw::Malformed("a frame is not UTF-8".to_owned()));
            return;
        };
        let (mut event, mut data) = ("", String::new());
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("event:") {
                event = value.trim_start();
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push_str(value.trim_start());
            }
        }
        if data.is_empty() {
            return;
        }
        let result = match &mut self.state {
            State::Anthropic(state) => state.frame(event, &data),
            State::Openai(state) => state.frame(&data),
            State::Responses(state) => state.frame(event, &data),
            State::Gemini(state) => state.frame(text, &data),
            State::Converse(_) => Ok(()),
        };
        self.flaw = result.err();
    }
}

/// Where the first frame that is not over before `from` ends, and where the next begins.
fn frame_end(buffer: &[u8], from: usize) -> Option<(usize, usize)> {
    let rest = buffer.get(from..)?;
    let at = |ending: &[u8]| {
        let found = rest.windows(ending.len()).position(|here| here == ending);
        found.map(|at| (from + at, from + at + ending.len()))
    };
    // The usual form first: the other is looked for only in what stands before it.
    let lf = at(b"\n\n");
    let before = lf.map_or(rest, |(end, _)| &buffer[from..end]);
    let crlf = before.windows(4).position(|here| here == b"\r\n\r\n");
    crlf.map(|at| (from + at, from + at + 4)).or(lf)
}

/// A flaw of the dialect's rules.
fn malformed(why: impl Into<String>) -> Flaw {
    Flaw::Malformed(why.into())
}
