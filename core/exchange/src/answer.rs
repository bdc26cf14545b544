use backstop_vocabulary::{Failure, Usage};

use crate::{Artefact, Event, Finish, ToolCall};

/// A whole answer: what the events of a stream add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The provider's id of it.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// What it holds, in order.
    pub blocks: Vec<AnswerBlock>,
    /// Why it ended; `None` until it did.
    pub finish: Option<Finish>,
    /// What it cost.
    pub usage: Option<Usage>,
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerBlock {
    /// Visible text.
    Text(String),
    /// Reasoning: readable text and the issuer's signature, either of which may be missing.
    Reasoning {
        /// The readable part.
        text: String,
        /// The signature.
        signature: Option<Artefact>,
    },
    /// Reasoning that only its issuer can read.
    ReasoningOpaque(Artefact),
    /// A call of a tool.
    ToolCall(ToolCall),
    /// The model's words when it declines.
    Refusal(String),
}

impl Answer {
    /// Adds one event. `Failed` is returned, everything else is taken in.
    pub fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Start { id, model } => (self.id, self.model) = (id, model),
            Event::Text(piece) => self.add_text(piece),
            Event::Reasoning(piece) => self.add_reasoning(&piece),
            Event::ReasoningSignature(signature) => self.sign(signature),
            Event::ReasoningOpaque(data) => self.blocks.push(AnswerBlock::ReasoningOpaque(data)),
            Event::ToolStart { id, name, kind, .. } => {
                let call = ToolCall { id, name, arguments: String::new(), kind, cache_hint: None };
                self.blocks.push(AnswerBlock::ToolCall(call));
            }
            Event::ToolArguments { ordinal, fragment } => self.add_arguments(ordinal, &fragment),
            Event::Refusal(piece) => self.add_refusal(piece),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(finish) => self.finish = Some(finish),
            Event::Failed(failure) => return Err(failure),
            Event::ToolEnd { .. } | Event::Foreign { .. } | Event::Ping | Event::Done => {}
        }
        Ok(())
    }

    /// The visible text, joined.
    pub fn text(&self) -> String {
        let texts = self.blocks.iter().filter_map(|block| match block {
            AnswerBlock::Text(text) => Some(text.as_str()),
            AnswerBlock::Reasoning { .. }
            | AnswerBlock::ReasoningOpaque(_)
            | AnswerBlock::ToolCall(_)
            | AnswerBlock::Refusal(_) => None,
        });
        texts.collect()
    }

    /// The calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.blocks.iter().filter_map(|block| match block {
            AnswerBlock::ToolCall(call) => Some(call),
            AnswerBlock::Text(_)
            | AnswerBlock::Reasoning { .. }
            | AnswerBlock::ReasoningOpaque(_)
            | AnswerBlock::Refusal(_) => None,
        })
    }

    fn add_text(&mut self, piece: String) {
        if let Some(AnswerBlock::Text(text)) = self.blocks.last_mut() {
            text.push_str(&piece);
        } else {
            self.blocks.push(AnswerBlock::Text(piece));
        }
    }

    fn add_refusal(&mut self, piece: String) {
        if let Some(AnswerBlock::Refusal(text)) = self.blocks.last_mut() {
            text.push_str(&piece);
        } else {
            self.blocks.push(AnswerBlock::Refusal(piece));
        }
    }

    fn add_reasoning(&mut self, piece: &str) {
        match self.blocks.last_mut() {
            Some(AnswerBlock::Reasoning { text, signature: None }) => text.push_str(piece),
            _ => {
                self.blocks
                    .push(AnswerBlock::Reasoning { text: piece.to_owned(), signature: None });
            }
        }
    }

    fn sign(&mut self, data: Artefact) {
        match self.blocks.last_mut() {
            Some(AnswerBlock::Reasoning { signature, .. }) if signature.is_none() => {
                *signature = Some(data);
            }
            _ => self
                .blocks
                .push(AnswerBlock::Reasoning { text: String::new(), signature: Some(data) }),
        }
    }

    fn add_arguments(&mut self, ordinal: u32, fragment: &str) {
        let calls = self.blocks.iter_mut().filter_map(|block| match block {
            AnswerBlock::ToolCall(call) => Some(call),
            AnswerBlock::Text(_)
            | AnswerBlock::Reasoning { .. }
            | AnswerBlock::ReasoningOpaque(_)
            | AnswerBlock::Refusal(_) => None,
        });
        let index = usize::try_from(ordinal).unwrap_or(usize::MAX);
        if let Some(call) = calls.into_iter().nth(index) {
            call.arguments.push_str(fragment);
        }
    }
}
