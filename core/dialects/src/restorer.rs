use std::collections::BTreeMap;

use backstop_exchange::{Event, Finish, ToolKind};
use serde_json::Value;

use crate::Renames;
use crate::schema::raise;
use crate::stops::Stops;

/// Gives an answer back the form that the client asked for: its names of tools, its free-text tools,
/// its schema, its stop strings.
#[derive(Clone, Debug, Default)]
pub struct Restorer {
    renames: Renames,
    stops: Stops,
    /// Calls whose arguments are given in one piece when they end.
    open: BTreeMap<u32, Open>,
    /// Text that is given in one piece when it ends.
    text: String,
    over: bool,
}

/// A call that is not given on as it comes.
#[derive(Clone, Debug)]
struct Open {
    arguments: String,
    form: Form,
}

/// What the arguments of a call become.
#[derive(Clone, Debug)]
enum Form {
    /// The free text in them.
    FreeText,
    /// The same without what only the target's schema made the model write.
    Raised(Value),
    /// The answer itself: the call stands for it.
    Answer,
}

impl Restorer {
    /// A restorer for one answer.
    pub fn new(renames: Renames) -> Self {
        let stops = Stops::new(renames.stops());
        Self { renames, stops, ..Self::default() }
    }

    /// Whether the answer ended by a stop string of the client's: nothing more of it is given, and
    /// nothing more need be read.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The event as the client shall see it. Free text that came as a function's argument is given in
    /// one piece when the call ends; until then there is nothing to see.
    pub fn restore(&mut self, event: Event, mut give: impl FnMut(Event)) {
        if self.renames.is_empty() {
            return give(event);
        }
        if self.over {
            return;
        }
        match event {
            Event::Text(piece) => self.text(&piece, &mut give),
            Event::ToolStart { ordinal, id, name, kind } => {
                self.end_text(&mut give);
                self.begin_call(ordinal, &name);
                if self.is_answer(ordinal) {
                    return;
                }
                let free =
                    matches!(self.open.get(&ordinal), Some(Open { form: Form::FreeText, .. }));
                let kind = if free { ToolKind::Custom } else { kind };
                let name = self.renames.original(&name).to_owned();
                give(Event::ToolStart { ordinal, id, name, kind });
            }
            Event::ToolArguments { ordinal, fragment } => match self.open.get_mut(&ordinal) {
                Some(open) => open.arguments.push_str(&fragment),
                None => give(Event::ToolArguments { ordinal, fragment }),
            },
            Event::ToolEnd { ordinal } => self.end_call(ordinal, &mut give),
            Event::Finish(finish) => {
                self.end_text(&mut give);
                if !self.over {
                    give(Event::Finish(self.finish(finish)));
                }
            }
            Event::Refusal(_) | Event::Foreign { .. } | Event::Done => {
                self.end_text(&mut give);
                give(event);
            }
            Event::Start { .. }
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::Usage(_)
            | Event::Ping
            | Event::Failed(_) => give(event),
        }
    }

    fn text(&mut self, piece: &str, give: &mut impl FnMut(Event)) {
        if self.renames.schema().is_some() {
            return self.text.push_str(piece);
        }
        if self.stops.is_empty() {
            return give(Event::Text(piece.to_owned()));
        }
        let fed = self.stops.feed(piece);
        if !fed.text.is_empty() {
            give(Event::Text(fed.text));
        }
        if let Some(stop) = fed.met {
            give(Event::Finish(Finish::Stop(Some(stop))));
            give(Event::Done);
            self.over = true;
        }
    }

    /// Gives what is kept of the text: a call begins, or the answer ends.
    fn end_text(&mut self, give: &mut impl FnMut(Event)) {
        let rest = match self.renames.schema() {
            Some(schema) => raised(&std::mem::take(&mut self.text), schema),
            None => self.stops.finish(),
        };
        if !rest.is_empty() {
            give(Event::Text(rest));
        }
    }

    fn begin_call(&mut self, ordinal: u32, name: &str) {
        if let Some(form) = self.form(name) {
            self.open.insert(ordinal, Open { arguments: String::new(), form });
        }
    }

    fn form(&self, name: &str) -> Option<Form> {
        if self.renames.is_answer(name) {
            Some(Form::Answer)
        } else if self.renames.is_emulated(name) {
            Some(Form::FreeText)
        } else {
            self.renames.schema_of(name).cloned().map(Form::Raised)
        }
    }

    fn is_answer(&self, ordinal: u32) -> bool {
        matches!(self.open.get(&ordinal), Some(Open { form: Form::Answer, .. }))
    }

    fn end_call(&mut self, ordinal: u32, give: &mut impl FnMut(Event)) {
        let Some(Open { arguments, form }) = self.open.remove(&ordinal) else {
            return give(Event::ToolEnd { ordinal });
        };
        let fragment = match form {
            Form::Answer => {
                if !arguments.is_empty() {
                    give(Event::Text(arguments));
                }
                return;
            }
            Form::FreeText => input_of(&arguments),
            Form::Raised(schema) => raised(&arguments, &schema),
        };
        if !fragment.is_empty() {
            give(Event::ToolArguments { ordinal, fragment });
        }
        give(Event::ToolEnd { ordinal });
    }

    /// An answer that came as the arguments of a call waits for nobody.
    fn finish(&self, finish: Finish) -> Finish {
        if finish == Finish::ToolUse && self.renames.has_answer_tool() {
            return Finish::End;
        }
        finish
    }
}

/// The free text in a stand-in's arguments; arguments of another shape are the text themselves.
fn input_of(arguments: &str) -> String {
    let read: Result<Value, _> = serde_json::from_str(arguments);
    let input = read.ok().and_then(|object| object.get("input")?.as_str().map(str::to_owned));
    input.unwrap_or_else(|| arguments.to_owned())
}

/// JSON as the client's schema has it; what is no JSON stays as it is, and so do the very bytes of
/// what needs no change.
fn raised(json: &str, schema: &Value) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(json) else { return json.to_owned() };
    if raise(&mut value, schema) { value.to_string() } else { json.to_owned() }
}

#[cfg(test)]
mod tests;
