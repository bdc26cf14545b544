//! What a simulated model says: a pure function of the prompt, so that anyone can check an answer.

use backstop_vocabulary::Chance;
use serde_json::Value;

use crate::continuation::ContinuationMode;
use crate::digest::digest;
use crate::sample;
use crate::{Ask, Continuation, ToolAsk};

/// A whole answer before it takes a dialect's form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Speech {
    /// The visible text; may be empty beside calls.
    pub(crate) text: String,
    /// The calls, in order: name and arguments.
    pub(crate) calls: Vec<(String, String)>,
}

impl Speech {
    /// What the model says to this request.
    pub(crate) fn of(ask: &Ask) -> Self {
        if !ask.tools.is_empty() {
            return Self { text: announcement(ask.prompt), calls: calls(&ask.tools, ask.prompt) };
        }
        let text = match &ask.schema {
            Some(schema) => sample::instance(schema, ask.prompt).to_string(),
            None => prose(ask.prompt),
        };
        Self { text, calls: Vec::new() }
    }

    /// Makes the text at least so many bytes long. It stays sealed.
    pub(crate) fn lengthen(&mut self, bytes: usize) {
        let mut text = String::with_capacity(bytes + 256);
        while text.len() < bytes {
            text.push_str("again and again and again, said the river to the stone. ");
        }
        text.push_str(&self.text);
        let body = text.rfind("The end is #").map_or(text.len(), |at| at);
        text.truncate(body);
        let seal = seal(&text);
        text.push_str(&seal);
        self.text = text;
    }

    /// What it says when asked to go on with a broken answer.
    pub(crate) fn continued(self, wish: &Continuation, mode: ContinuationMode) -> Self {
        let mode = if wish.prefill { ContinuationMode::Exact } else { mode };
        let partial = wish.partial.as_str();
        let Some(rest) = self.text.strip_prefix(partial) else { return self };
        let text = match mode {
            ContinuationMode::Exact => rest.to_owned(),
            ContinuationMode::Overlap => format!("{}{rest}", last_words(partial)),
            ContinuationMode::StartOver => self.text,
            ContinuationMode::Rephrase => prose(digest(self.text.as_bytes())),
        };
        Self { text, calls: self.calls }
    }
}

/// Sentences that end with a digest of all before it: whoever holds the text can see that it is whole.
pub(crate) fn prose(prompt: u64) -> String {
    let mut chance = Chance::from_seed(prompt);
    let mut text = String::with_capacity(640);
    let mut last = String::new();
    let sentences = 4 + chance.below(8);
    for _ in 0..sentences {
        let words = 5 + chance.below(8);
        for nth in 0..words {
            if nth > 0 {
                text.push(' ');
            }
            let mut word = sample::word(&mut chance);
            // People hardly ever say a word twice in a row; drawn freely, one in 36 would be said so.
            while word == last {
                word = sample::word(&mut chance);
            }
            text.push_str(&word);
            last = word;
        }
        text.push_str(". ");
    }
    let seal = seal(&text);
    text.push_str(&seal);
    text
}

/// Whether a simulated model's free text is whole: its last sentence is a digest of all before it.
pub fn is_sealed(text: &str) -> bool {
    text.rfind("The end is #").is_some_and(|at| text[at..] == seal(&text[..at]))
}

fn seal(text: &str) -> String {
    format!("The end is #{:016x}.", digest(text.as_bytes()))
}

/// The last twenty characters or so, from the start of a word.
fn last_words(partial: &str) -> &str {
    let from = partial.char_indices().rev().nth(24).map_or(0, |(at, _)| at);
    let tail = &partial[from..];
    tail.find(' ').map_or(tail, |space| &tail[space + 1..])
}

fn announcement(prompt: u64) -> String {
    if prompt.is_multiple_of(3) {
        String::new()
    } else {
        format!("Let me look that up (#{:04x}).", prompt & 0xFFFF)
    }
}

/// One call, or two where there are two tools and the prompt is even.
fn calls(tools: &[ToolAsk], prompt: u64) -> Vec<(String, String)> {
    let wanted = if prompt.is_multiple_of(2) { 2 } else { 1 };
    let call = |tool: &ToolAsk| {
        let arguments = sample::instance(&tool.schema, prompt ^ digest(tool.name.as_bytes()));
        let arguments = if arguments == Value::Null {
            Value::Object(serde_json::Map::new())
        } else {
            arguments
        };
        (tool.name.clone(), arguments.to_string())
    };
    tools.iter().take(wanted).map(call).collect()
}
