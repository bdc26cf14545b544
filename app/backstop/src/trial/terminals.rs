//! Counts the ends that a stream announces: it must have one.

use backstop_vocabulary::Dialect;

/// What the last event of a stream looks like, error events included.
const ANTHROPIC: [&[u8]; 2] = [b"event: message_stop", b"event: error"];
const OPENAI: [&[u8]; 2] = [b"data: [DONE]", b"data: {\"error\""];
const RESPONSES: [&[u8]; 4] = [
    b"event: response.completed",
    b"event: response.incomplete",
    b"event: response.failed",
    b"event: error",
];
const GEMINI: [&[u8]; 2] = [b"\"finishReason\":", b"data: {\"error\""];
const CONVERSE: [&[u8]; 2] = [b"\x0b:event-type\x07\x00\x08metadata", b"\x0f:exception-type"];
/// No marker is longer.
const CARRY_BYTES: usize = 32;

/// The ends seen so far in one stream, however its bytes are cut.
#[derive(Clone, Debug)]
pub(super) struct Terminals {
    markers: &'static [&'static [u8]],
    /// The last bytes, in which a marker may have begun.
    carry: Vec<u8>,
    count: u32,
}

impl Terminals {
    /// Nothing seen.
    pub(super) const fn new(dialect: Dialect) -> Self {
        let markers: &[&[u8]] = match dialect {
            Dialect::AnthropicMessages => &ANTHROPIC,
            Dialect::OpenaiChat => &OPENAI,
            Dialect::OpenaiResponses => &RESPONSES,
            Dialect::Gemini => &GEMINI,
            Dialect::BedrockConverse => &CONVERSE,
        };
        Self { markers, carry: Vec::new(), count: 0 }
    }

    /// Takes more of the stream.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let known = self.carry.len();
        self.carry.extend_from_slice(bytes);
        for marker in self.markers {
            let ends = memchr::memmem::find_iter(&self.carry, marker).map(|at| at + marker.len());
            self.count += u32::try_from(ends.filter(|end| *end > known).count()).unwrap_or(0);
        }
        let from = self.carry.len().saturating_sub(CARRY_BYTES);
        self.carry.drain(..from);
    }

    /// How many ends there were.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_end_once_however_the_stream_is_cut() {
        let stream = b"data: {}\n\ndata: [DONE]\n\ndata: {\"error\":{}}\n\ndata: [DONE]\n\n";
        for size in 1..stream.len() {
            let mut terminals = Terminals::new(Dialect::OpenaiChat);
            stream.chunks(size).for_each(|piece| terminals.feed(piece));
            assert_eq!(terminals.count(), 3, "in pieces of {size}");
        }
    }
}
