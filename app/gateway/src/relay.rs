//! One upstream stream on its way to a client: read, held back, released, watched.
//!
//! On the same dialect the provider's own bytes go through and a reader listens in; on another the
//! reader's events are written in the client's dialect. Either way nothing is released before the
//! gate says so, and the writer always knows what the client has seen, so that another target can
//! go on where this one broke.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use backstop_continuity::{Gate, NoSeam, Pass, Seam};
use backstop_dialects::{Frame, Frames, Framing, Renames, Restorer, StreamReader, StreamWriter};
use backstop_exchange::{Answer, Artefact, Event, Finish};
use backstop_fit::Judge;
use backstop_vocabulary::{Class, Dialect, Failure, Scope, Stage, Usage};

use crate::asked::Asked;
use crate::fitness::issuers::Issuer;
use crate::fitness::thoughts::Notes;
use crate::gateway::Shared;

/// The longest frame read from a provider.
pub(crate) const FRAME_BYTES_MAX: usize = 16 << 20;

/// What the client has been given so far, over all attempts of one request.
pub(crate) struct Given {
    pub(crate) gate: Gate,
    pub(crate) writer: StreamWriter,
    /// Usage of the current attempt.
    pub(crate) usage: Option<Usage>,
    /// Whether the client asked for JSON, and another target could answer with some.
    pub(crate) wants_json: bool,
    /// The schemas that its answer must keep, if another target could.
    pub(crate) judge: Option<Arc<Judge>>,
}

/// How far a chunk brought the stream.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What may go to the client now; empty while it is held back.
    pub(crate) bytes: Bytes,
    /// Whether there was content, so that the gap clock starts anew.
    pub(crate) content: bool,
    /// How the stream ended, if it did: complete, or broken. Boxed, because every piece of a stream
    /// carries the place for it.
    pub(crate) end: Option<Result<(), Box<Failure>>>,
}

/// One attempt's stream.
pub(crate) struct Relay {
    dialect: Dialect,
    frames: Frames,
    reader: StreamReader,
    restorer: Restorer,
    /// Whether the provider's own bytes go to the client.
    raw: Raw,
    /// Aligns the text of an attempt that continues a broken one.
    seam: Option<Seam>,
    held_raw: Vec<Bytes>,
    held: Vec<Event>,
    held_bytes: usize,
    events: Vec<Event>,
    /// Where it is remembered who made its reasoning.
    mint: Mint,
}

/// Where it is remembered who made the reasoning of a stream.
pub(crate) struct Mint {
    shared: Arc<Shared>,
    asked: Arc<Asked>,
    issuer: Issuer,
    /// The signature of the call that comes next.
    next: Option<Artefact>,
}

impl Mint {
    pub(crate) fn new(shared: &Arc<Shared>, asked: &Arc<Asked>, issuer: Issuer) -> Self {
        Self { shared: Arc::clone(shared), asked: Arc::clone(asked), issuer, next: None }
    }

    fn note(&mut self, event: &Event) {
        let Self { shared, asked, issuer, next } = self;
        Notes { shared, asked, issuer: *issuer }.event(event, next);
    }
}

/// Whose bytes the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    /// The provider's own.
    Through,
    /// The provider's own, but for the usage that only the gateway asked for.
    ThroughLessUsage,
    /// Ours, written from events.
    Written,
}

impl Relay {
    /// The stream of an attempt that begins an answer.
    pub(crate) fn new(
        (dialect, framing): (Dialect, Framing),
        raw: Raw,
        renames: Renames,
        mint: Mint,
    ) -> Self {
        Self {
            dialect,
            frames: Frames::new(framing, FRAME_BYTES_MAX),
            reader: StreamReader::new(dialect),
            restorer: Restorer::new(renames),
            raw,
            seam: None,
            held_raw: Vec::new(),
            held: Vec::new(),
            held_bytes: 0,
            events: Vec::new(),
            mint,
        }
    }

    /// The stream of an attempt that goes on where another broke.
    pub(crate) fn resumed(
        form: (Dialect, Framing),
        renames: Renames,
        seam: Seam,
        mint: Mint,
    ) -> Self {
        Self { seam: Some(seam), ..Self::new(form, Raw::Written, renames, mint) }
    }

    /// Bytes held back now, for the memory budget.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes a chunk of the provider's body.
    pub(crate) fn take(&mut self, chunk: Bytes, given: &mut Given) -> Progress {
        let mut progress = Progress::default();
        let mut out = Out::default();
        self.frames.feed(chunk);
        while progress.end.is_none() {
            let Some(frame) = self.frames.next() else { break };
            progress.end = match frame {
                Ok(frame) => {
                    self.events.clear();
                    self.reader.read(&frame, &mut self.events);
                    let raw = self.passes(&frame).then(|| frame.raw().clone());
                    self.frame(raw, given, &mut out, &mut progress.content)
                }
                Err(failure) => Some(Err(Box::new(failure))),
            };
        }
        progress.bytes = out.finish();
        progress
    }

    /// The provider's body is over, properly or not.
    pub(crate) fn finish(&mut self, given: &mut Given) -> Progress {
        // A copy: the reader itself still says which block the client's bytes end in.
        let reader = self.reader.clone();
        let rest = backstop_dialects::read_rest(self.dialect, self.frames.rest());
        let ended = rest.map_or_else(|| reader.finish(), Err);
        let mut out = Out::default();
        let end = ended.and_then(|()| self.complete(given, &mut out));
        Progress { bytes: out.finish(), content: false, end: Some(end.map_err(Box::new)) }
    }

    /// Sends what is held and ends the answer properly: it was complete but for its terminal event.
    pub(crate) fn complete(&mut self, given: &mut Given, out: &mut Out) -> Result<(), Failure> {
        if given.gate.take(&Event::Done) == Pass::Empty {
            return Err(empty());
        }
        self.check_json(given)?;
        self.release(given, out);
        given.writer.write(&Event::Done, &mut out.text);
        Ok(())
    }

    /// Whether the client gets the bytes of a frame whose events were just read.
    fn passes(&self, frame: &Frame) -> bool {
        match self.raw {
            Raw::Through => true,
            Raw::ThroughLessUsage => {
                !matches!(self.events[..], [Event::Usage(_)])
                    || !backstop_dialects::is_usage_alone(self.dialect, frame)
            }
            Raw::Written => false,
        }
    }

    /// Takes the events of one frame; says whether they end the stream.
    fn frame(
        &mut self,
        raw: Option<Bytes>,
        given: &mut Given,
        out: &mut Out,
        content: &mut bool,
    ) -> Option<Result<(), Box<Failure>>> {
        let first_new = self.held.len();
        let mut failed = None;
        let mut events = std::mem::take(&mut self.events);
        let mut restorer = std::mem::take(&mut self.restorer);
        for event in events.drain(..) {
            *content |= event.is_meaningful();
            self.mint.note(&event);
            if let Event::Usage(usage) = &event {
                given.usage = Some(*usage);
            }
            if let Event::Failed(failure) = event {
                failed = Some(failure);
                continue;
            }
            restorer.restore(event, |event| {
                if let Err(failure) = self.align(event) {
                    failed = Some(failure);
                }
            });
        }
        self.restorer = restorer;
        self.events = events;
        let done = matches!(self.held.last(), Some(Event::Done));
        if let Some(failure) = failed {
            // The frame that broke the stream goes to nobody.
            self.held.truncate(first_new);
            return Some(Err(Box::new(failure)));
        }
        let pass = given.gate.take_all(&self.held[first_new..]);
        if done && let Err(failure) = self.check_json(given) {
            return Some(Err(Box::new(failure)));
        }
        if let Some(raw) = raw {
            self.held_bytes += raw.len();
            self.held_raw.push(raw);
        }
        match pass {
            Pass::Hold => {}
            Pass::Release => self.release(given, out),
            Pass::Empty => return Some(Err(Box::new(empty()))),
        }
        done.then_some(Ok(()))
    }

    /// A stream that must be JSON is held whole, so that its text is all here; finished calls are
    /// held until its end.
    fn check_json(&self, given: &Given) -> Result<(), Failure> {
        if !given.wants_json && given.judge.is_none() {
            return Ok(());
        }
        let mut answer = Answer::default();
        self.held.iter().cloned().try_for_each(|event| answer.take(event))?;
        given.judge.as_ref().map_or(Ok(()), |judge| judge.check(&answer))?;
        if given.wants_json { check_json(&answer) } else { Ok(()) }
    }

    /// Adds an event to those held, its text aligned.
    fn align(&mut self, event: Event) -> Result<(), Failure> {
        let Some(seam) = &mut self.seam else {
            self.hold(event);
            return Ok(());
        };
        match event {
            // The client's answer has begun and its reasoning is over.
            Event::Start { .. }
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_) => {}
            Event::Text(piece) => {
                let joined = seam.feed(&piece).map_err(no_seam)?;
                if !joined.is_empty() {
                    self.hold(Event::Text(joined));
                }
            }
            Event::Finish(_) | Event::ToolStart { .. } | Event::Done | Event::Refusal(_) => {
                let rest = seam.finish().map_err(no_seam)?;
                if !rest.is_empty() {
                    self.hold(Event::Text(rest));
                }
                self.hold(event);
            }
            Event::ToolArguments { .. }
            | Event::ToolEnd { .. }
            | Event::Foreign { .. }
            | Event::Usage(_)
            | Event::Ping
            | Event::Failed(_) => self.hold(event),
        }
        Ok(())
    }

    fn hold(&mut self, event: Event) {
        if self.raw == Raw::Written {
            self.held_bytes += size_of::<Event>() + text_bytes(&event);
        }
        self.held.push(event);
    }

    /// Gives everything held to the client, and remembers where that leaves it: another target may
    /// have to go on from exactly here.
    fn release(&mut self, given: &mut Given, out: &mut Out) {
        match self.raw {
            Raw::Through | Raw::ThroughLessUsage => {
                self.held.iter().for_each(|event| given.writer.note(event));
                given.writer.note_place(&self.reader);
                out.pieces.append(&mut self.held_raw);
            }
            Raw::Written => {
                self.held.iter().for_each(|event| given.writer.write(event, &mut out.text));
            }
        }
        self.held.clear();
        self.held_bytes = 0;
    }
}

/// What is released by one chunk: the provider's pieces, then text of ours.
#[derive(Debug, Default)]
pub(crate) struct Out {
    pieces: Vec<Bytes>,
    pub(crate) text: Vec<u8>,
}

impl Out {
    /// All of it in one piece; without a copy when it is one already.
    pub(crate) fn finish(mut self) -> Bytes {
        if self.text.is_empty() && self.pieces.len() == 1 {
            return self.pieces.remove(0);
        }
        if self.pieces.is_empty() {
            return Bytes::from(self.text);
        }
        let bytes = self.pieces.iter().map(Bytes::len).sum::<usize>() + self.text.len();
        let mut whole = BytesMut::with_capacity(bytes);
        self.pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.extend_from_slice(&self.text);
        whole.freeze()
    }
}

/// Whether an answer that should be JSON is, unless it was cut short, refused, or calls tools.
pub(crate) fn check_json(answer: &Answer) -> Result<(), Failure> {
    let text = answer.text();
    let ended = answer.finish == Some(Finish::End) && !text.is_empty();
    if !ended || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
        return Ok(());
    }
    let what = "the answer should be json and cannot be read as such";
    Err(Failure::new(Class::BadAnswer, what).at(Stage::AfterContent))
}

/// The text an event carries, for the memory budget.
fn text_bytes(event: &Event) -> usize {
    match event {
        Event::Text(text)
        | Event::Reasoning(text)
        | Event::Refusal(text)
        | Event::ToolArguments { fragment: text, .. } => text.len(),
        Event::ReasoningSignature(artefact) | Event::ReasoningOpaque(artefact) => {
            artefact.data.len()
        }
        Event::Start { .. }
        | Event::ToolStart { .. }
        | Event::ToolEnd { .. }
        | Event::Foreign { .. }
        | Event::Usage(_)
        | Event::Finish(_)
        | Event::Ping
        | Event::Done
        | Event::Failed(_) => 0,
    }
}

fn no_seam(_: NoSeam) -> Failure {
    let what = "the continuation of a broken stream does not fit what was delivered";
    Failure::new(Class::BadAnswer, what).at(Stage::AfterContent).with_scope(Scope::Request)
}

fn empty() -> Failure {
    Failure::new(Class::EmptyAnswer, "the answer was complete and empty").at(Stage::BeforeContent)
}
