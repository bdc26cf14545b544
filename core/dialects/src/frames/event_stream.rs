use bytes::{Bytes, BytesMut};
use memchr::memmem;

use backstop_vocabulary::{Class, Failure};

use super::message::{self, Flaw, Kind, PRELUDE_BYTES, Parts};
use super::{Data, Frame};

/// What `InvokeModel` adds to the last event of an answer. It is no part of the dialect inside.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Cuts a byte stream into the messages of an AWS event-stream, their checksums verified.
#[derive(Debug)]
pub(super) struct EventStream {
    frame_bytes_max: usize,
    /// What was fed and not looked at yet.
    fresh: Bytes,
    /// The beginning of a message from earlier chunks.
    begun: BytesMut,
    /// An error or an exception was given: nothing can follow.
    over: bool,
}

impl EventStream {
    pub(super) fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max, fresh: Bytes::new(), begun: BytesMut::new(), over: false }
    }

    pub(super) fn feed(&mut self, chunk: Bytes) {
        if self.fresh.is_empty() {
            self.fresh = chunk;
        } else {
            let mut joined = BytesMut::from(self.fresh.as_ref());
            joined.extend_from_slice(&chunk);
            self.fresh = joined.freeze();
        }
    }

    pub(super) fn rest(&self) -> &[u8] {
        if self.begun.is_empty() { &self.fresh } else { &self.begun }
    }

    /// The next whole message; `None` until more is fed.
    fn message(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.begun.is_empty()
            && let Some(prelude) = self.fresh.get(..PRELUDE_BYTES)
        {
            let length = self.checked_length(prelude)?;
            if length <= self.fresh.len() {
                return Ok(Some(self.fresh.split_to(length)));
            }
        }
        if !self.grow_to(PRELUDE_BYTES) {
            return Ok(None);
        }
        let length = self.checked_length(self.begun.get(..PRELUDE_BYTES).unwrap_or(&[]))?;
        Ok(self.grow_to(length).then(|| self.begun.split().freeze()))
    }

    /// Moves fresh bytes to those begun until they are so many; says whether they are.
    fn grow_to(&mut self, length: usize) -> bool {
        let lacking = length.saturating_sub(self.begun.len()).min(self.fresh.len());
        self.begun.extend_from_slice(&self.fresh.split_to(lacking));
        self.begun.len() >= length
    }

    fn checked_length(&self, prelude: &[u8]) -> Result<usize, Failure> {
        let length = message::length(prelude).map_err(bad)?;
        if length > self.frame_bytes_max {
            let message = format!("a frame of the answer is over {} bytes", self.frame_bytes_max);
            return Err(Failure::new(Class::BadAnswer, message));
        }
        Ok(length)
    }
}

impl Iterator for EventStream {
    type Item = Result<Frame, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.message().and_then(|message| message.map(frame).transpose());
        self.over = match &read {
            Ok(frame) => {
                frame.as_ref().is_some_and(|frame| matches!(frame.data, Data::Exception(_)))
            }
            Err(_) => true,
        };
        read.transpose()
    }
}

fn bad(flaw: Flaw) -> Failure {
    Failure::new(Class::BadAnswer, flaw)
}

fn frame(raw: Bytes) -> Result<Frame, Failure> {
    let Parts { kind, name, words, payload } = message::parts(&raw).map_err(bad)?;
    let data = match kind {
        Kind::Event if raw.get(name.clone()) == Some(b"chunk") => {
            return unwrapped(raw.get(payload).unwrap_or(&[]))
                .ok_or_else(|| bad("a chunk of the answer holds no event in base 64"));
        }
        Kind::Event => Data::Line(payload),
        Kind::Exception if payload.is_empty() => Data::Exception(words),
        Kind::Exception => Data::Exception(payload),
    };
    Ok(Frame { raw, event: name, data })
}

/// The server-sent event of the dialect that a chunk holds.
fn unwrapped(payload: &[u8]) -> Option<Frame> {
    #[derive(serde::Deserialize)]
    struct Event<'a> {
        #[serde(rename = "type", borrow, default)]
        kind: std::borrow::Cow<'a, str>,
    }
    let mut json = message::chunk(payload)?;
    if memmem::find(&json, METRICS.as_bytes()).is_some()
        && let Ok(mut event) = serde_json::from_slice::<serde_json::Map<_, _>>(&json)
    {
        event.shift_remove(METRICS);
        json = serde_json::Value::from(event).to_string().into_bytes();
    }
    // Ends of lines are white space in JSON, and would end the line here.
    json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    let event = serde_json::from_slice::<Event<'_>>(&json).ok();
    let name = event.map(|event| event.kind.into_owned()).unwrap_or_default();
    // A name is letters; anything else would break the frame.
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    let head = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    let raw = [head.as_bytes(), b"data: ", &json, b"\n\n"].concat();
    Some(Frame::parse(Bytes::from(raw), 0))
}

#[cfg(test)]
mod tests;
