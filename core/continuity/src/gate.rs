//! Holds a stream back until it is worth committing to, and says what a break still allows.
//!
//! ```text
//!  Waiting ──first meaningful delta──▶ Flowing ◀──all calls ended── Calling
//!     │                                   └───────a call begins───────▶│
//!     └── a call begins ───────────────────────────────────────────────▶
//! ```
//!
//! While the answer may still be resumed, calls are held until the finish reason is there: clients
//! act on calls only then, and an answer whose calls were never sent can go to another target whole.
//!
//! With [`Hold::Whole`] nothing is released before the end.

use backstop_exchange::{Event, Finish};

/// How long frames are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Until the first meaningful delta, reasoning included.
    UntilContent,
    /// Until text, a whole call or a refusal: reasoning alone does not commit, so that a failure
    /// after it stays invisible. For reasoning of a foreign target.
    UntilText,
    /// Until the answer is complete: structured output, while another target exists.
    Whole,
}

/// What the route and the request allow once something was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCommit {
    /// Free text may be continued by another target, once.
    Resume,
    /// A break is an error.
    Error,
}

/// What becomes of the event just taken and of everything held before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Keep it.
    Hold,
    /// Send all that is held, this included, in order.
    Release,
    /// The answer is complete, holds nothing, and nothing was sent: an `empty_answer` failure.
    Empty,
}

/// What may be done about a stream that broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Nothing was sent: drop what is held and try another target.
    Failover,
    /// Drop what is held; another target may continue [`Gate::delivered`].
    Resume,
    /// The answer was complete but for its terminal event: send what is held and end it properly.
    Complete,
    /// End with the dialect's error frame.
    Error,
}

/// The hold-back of one answer to a client, over the streams of several targets if need be.
#[derive(Clone, Debug)]
pub struct Gate {
    hold: Hold,
    after: AfterCommit,
    committed: bool,
    keeps_text: bool,
    seen: Seen,
    open_calls: u32,
    finish: Option<Finish>,
    sent: Sent,
    held: Sent,
}

/// The best that has arrived of the current stream, sent or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Nothing,
    /// Meaningful, yet not enough to commit to.
    Reasoning,
    Content,
}

/// What of an answer has gone past a point.
#[derive(Clone, Debug, Default)]
struct Sent {
    text: String,
    calls: u32,
    /// Blocks that cannot be continued: refusals, foreign blocks.
    fixed: bool,
    open_text: bool,
}

impl Gate {
    /// A gate in front of a stream of which nothing has come yet.
    pub fn new(hold: Hold, after: AfterCommit) -> Self {
        Self {
            hold,
            after,
            committed: false,
            keeps_text: after == AfterCommit::Resume,
            seen: Seen::Nothing,
            open_calls: 0,
            finish: None,
            sent: Sent::default(),
            held: Sent::default(),
        }
    }

    /// Takes the next event of the stream, in order.
    pub fn take(&mut self, event: &Event) -> Pass {
        self.take_all(std::slice::from_ref(event))
    }

    /// Takes all events of one frame, which is released whole or not at all: a call that begins in
    /// the frame that ended another keeps both back.
    pub fn take_all(&mut self, events: &[Event]) -> Pass {
        for event in events {
            self.note(event);
        }
        let complete = events.iter().any(|event| matches!(event, Event::Done));
        if complete && self.is_empty() {
            return Pass::Empty;
        }
        let flows = self.committed || self.seen == Seen::Content;
        let calling = self.open_calls > 0 || self.may_still_call();
        if complete || (flows && !calling && self.hold != Hold::Whole) {
            self.release();
            return Pass::Release;
        }
        Pass::Hold
    }

    /// What may be done now that the stream broke. Ask once per break; a `Failover` or `Resume`
    /// prepares the gate for the next stream.
    pub fn on_break(&mut self) -> Break {
        if self.finish.is_some() && self.open_calls == 0 && !self.is_empty() {
            self.release();
            return Break::Complete;
        }
        let ending = if !self.committed {
            Break::Failover
        } else if self.after == AfterCommit::Resume && self.sent.calls == 0 && !self.sent.fixed {
            Break::Resume
        } else {
            Break::Error
        };
        if ending == Break::Resume {
            // At most once per stream.
            self.after = AfterCommit::Error;
        }
        self.held = Sent { open_text: self.sent.open_text, ..Sent::default() };
        self.open_calls = 0;
        self.finish = None;
        self.seen = Seen::Nothing;
        ending
    }

    /// Gives resume up: the delivered text is forgotten, because memory is short.
    pub fn forget(&mut self) {
        self.after = AfterCommit::Error;
        self.keeps_text = false;
        self.sent.text = String::new();
    }

    /// Whether anything was released.
    pub const fn is_committed(&self) -> bool {
        self.committed
    }

    /// The visible text released so far, over all blocks and targets; kept only for a gate that may
    /// resume, and empty after [`Self::forget`].
    pub fn delivered(&self) -> &str {
        &self.sent.text
    }

    /// How many complete tool calls were released.
    pub const fn calls(&self) -> u32 {
        self.sent.calls
    }

    /// Whether the last thing released was text, so that its block is still open.
    pub const fn is_text_open(&self) -> bool {
        self.sent.open_text
    }

    /// Why the answer ended, once that was seen.
    pub const fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    /// Whether a finished call is held back because another may follow it and break.
    const fn may_still_call(&self) -> bool {
        matches!(self.after, AfterCommit::Resume) && self.held.calls > 0 && self.finish.is_none()
    }

    fn note(&mut self, event: &Event) {
        let (seen, open_text) = match event {
            Event::Text(piece) => {
                if self.keeps_text {
                    self.held.text.push_str(piece);
                }
                (Seen::Content, true)
            }
            Event::Reasoning(_) | Event::ReasoningOpaque(_) => (self.worth_of_reasoning(), false),
            Event::ToolStart { .. } => {
                self.open_calls += 1;
                (Seen::Content, false)
            }
            Event::ToolEnd { .. } => {
                self.open_calls = self.open_calls.saturating_sub(1);
                self.held.calls += 1;
                (Seen::Content, false)
            }
            Event::ToolArguments { .. } => (Seen::Content, false),
            Event::Refusal(_) | Event::Foreign { .. } => {
                self.held.fixed = true;
                (Seen::Content, false)
            }
            Event::Finish(finish) => {
                self.finish = Some(finish.clone());
                return;
            }
            Event::Start { .. }
            | Event::ReasoningSignature(_)
            | Event::Usage(_)
            | Event::Ping
            | Event::Done
            | Event::Failed(_) => return,
        };
        self.seen = self.seen.max(seen);
        self.held.open_text = open_text;
    }

    fn worth_of_reasoning(&self) -> Seen {
        match self.hold {
            Hold::UntilText => Seen::Reasoning,
            Hold::UntilContent | Hold::Whole => Seen::Content,
        }
    }

    /// A complete answer without content; one that a stop string, a limit or a filter ended is not.
    fn is_empty(&self) -> bool {
        let ended_for_no_reason = match &self.finish {
            None | Some(Finish::End | Finish::ToolUse | Finish::Other(_)) => true,
            Some(
                Finish::Stop(_)
                | Finish::Length
                | Finish::WindowFull
                | Finish::Paused
                | Finish::Refused { .. },
            ) => false,
        };
        !self.committed && self.seen == Seen::Nothing && ended_for_no_reason
    }

    fn release(&mut self) {
        self.committed = true;
        // The memory of what was held serves the next piece.
        let mut text = std::mem::take(&mut self.held.text);
        if self.keeps_text {
            self.sent.text.push_str(&text);
        }
        text.clear();
        self.sent.calls += self.held.calls;
        self.sent.fixed |= self.held.fixed;
        self.sent.open_text = self.held.open_text;
        self.held = Sent { text, open_text: self.held.open_text, ..Sent::default() };
    }
}

#[cfg(test)]
mod tests;
