//! What a target taught by refusing a request: how the next one is written for it.
//!
//! Only what leaves the question as it is can be learnt: hints, sampling, identity, another name for a
//! field. What the answer is worth depends on the rest, so a target that refuses that is unfit.

mod ids;
mod place;
mod slight;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use backstop_exchange::{Abilities, Loss, ReasoningForm};
use backstop_vocabulary::{Dialect, Refused};

use self::place::Path;
use crate::thoughts::{Edit, edited};

/// Names of the limit of output tokens, of which a server may know one only.
const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// Where a dialect puts what others have at the top.
const CONTAINERS: [&str; 3] =
    ["generationConfig", "inferenceConfig", "additionalModelRequestFields"];

/// A longer value is not learnt.
const VALUE_BYTES_MAX: usize = 64;

const LEFT_OUT: &str = "refused by the target and left out";

/// One thing that a target taught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson(Taught);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Taught {
    /// A field goes; with a value, only while it has that.
    Without { path: Path, value: Option<Box<str>> },
    /// A field goes where another one is.
    NotBeside { stays: Path, goes: Path },
    /// A field has another name.
    Called { from: Path, to: Box<str> },
    /// It does not go on from a begun answer.
    NoPrefill,
    /// It takes no tools while it reasons, in this dialect.
    NoToolsWithReasoning { unless_off: bool },
    /// It takes no stop strings.
    NoStop,
    /// It takes ids of calls of nine letters and digits only.
    ShortIds,
}

impl Lesson {
    /// What a refusal of this body teaches; `None` where leaving out what was refused would ask
    /// something else, or where the body has nothing of the kind.
    pub fn of(refused: &Refused, body: &[u8]) -> Option<Self> {
        let taught = match refused {
            Refused::Prefill => Taught::NoPrefill,
            Refused::CallIds => (!ids::shortened(body).is_empty()).then_some(Taught::ShortIds)?,
            Refused::ToolsWithReasoning { unless_off } => {
                Taught::NoToolsWithReasoning { unless_off: *unless_off }
            }
            Refused::Field(path) => of_field(&found(path, body)?)?,
            Refused::Value(path) => {
                let path = found(path, body)?;
                let value = path.values(body).into_iter().next()?;
                let value = std::str::from_utf8(body.get(value)?).ok()?;
                let plain = value.len() <= VALUE_BYTES_MAX && !value.starts_with(['{', '[']);
                let value =
                    (plain && path.is_slight() && !path.is_identity()).then(|| value.into())?;
                Taught::Without { path, value: Some(value) }
            }
            Refused::Renamed { from, to } => called(&found(from, body)?, to)?,
            Refused::Both { stays, goes } => {
                let (stays, goes) = (found(stays, body)?, found(goes, body)?);
                Taught::NotBeside { stays, goes: goes.is_slight().then_some(goes)? }
            }
        };
        Some(Self(taught))
    }

    /// What it says of the target's abilities.
    pub fn teach(&self, abilities: &mut Abilities) {
        match &self.0 {
            Taught::NoPrefill => {
                abilities.prefill = false;
                abilities.habits.prefill = None;
            }
            Taught::NoStop => abilities.stop_max = 0,
            Taught::NoToolsWithReasoning { unless_off } => {
                abilities.tools_with_reasoning = false;
                abilities.reasoning_optional |= unless_off;
                if abilities.reasoning == ReasoningForm::None {
                    // It names the field, so it knows it.
                    abilities.reasoning = ReasoningForm::Effort;
                }
            }
            Taught::Without { .. }
            | Taught::NotBeside { .. }
            | Taught::Called { .. }
            | Taught::ShortIds => {}
        }
    }

    /// Whether it is about going on from a begun answer.
    pub fn is_of_prefill(&self) -> bool {
        self.0 == Taught::NoPrefill
    }

    /// Whether it is about tools while the model reasons.
    pub fn is_of_tools(&self) -> bool {
        matches!(self.0, Taught::NoToolsWithReasoning { .. })
    }

    /// Whether it is about stop strings.
    pub fn is_of_stop(&self) -> bool {
        self.0 == Taught::NoStop
    }

    /// Whether both are about values of the same field.
    pub fn is_of_values_like(&self, other: &Self) -> bool {
        let Taught::Without { path, value: Some(_) } = &self.0 else { return false };
        matches!(&other.0, Taught::Without { path: of, value: Some(_) } if of == path)
    }

    /// The body as the target takes it, if that is another, and what it lost, in the words of a
    /// client of this dialect. Every other byte stays as it was.
    pub fn apply(&self, body: &[u8], client: Dialect) -> Option<(Vec<u8>, Option<Loss>)> {
        let left_out = |path: &Path| Some(Loss::new(path.word(client), LEFT_OUT));
        let (edits, loss) = match &self.0 {
            Taught::Without { path, value } => {
                let only = value.as_ref().map(|value| value.as_bytes());
                (path.cuts(body, only), left_out(path))
            }
            Taught::NotBeside { stays, goes } if !stays.values(body).is_empty() => {
                (goes.cuts(body, None), left_out(goes))
            }
            Taught::Called { from, to } => (from.renamed(body, to), None),
            // Ids say nothing but which result is of which call.
            Taught::ShortIds => (ids::shortened(body), None),
            Taught::NotBeside { .. }
            | Taught::NoPrefill
            | Taught::NoToolsWithReasoning { .. }
            | Taught::NoStop => return None,
        };
        let edits: Vec<Edit> =
            edits.into_iter().map(|(at, with)| Edit { at, with: Cow::Owned(with) }).collect();
        (!edits.is_empty()).then(|| (edited(body, edits), loss))
    }
}

/// Whether a request asks the same without what was refused.
pub(super) fn is_slight(refused: &Refused) -> bool {
    match refused {
        Refused::Prefill
        | Refused::ToolsWithReasoning { .. }
        | Refused::Renamed { .. }
        | Refused::CallIds => true,
        Refused::Field(path) | Refused::Value(path) | Refused::Both { goes: path, .. } => {
            let path = Path::of(path);
            path.is_slight() || LIMITS.contains(&&*path.to_string())
        }
    }
}

/// The field in this body that an error names: some leave out what it stands in.
fn found(path: &str, body: &[u8]) -> Option<Path> {
    let there = |path: &Path| !path.values(body).is_empty();
    let plain = Path::of(path);
    if there(&plain) {
        return Some(plain);
    }
    CONTAINERS.iter().map(|container| plain.below(container)).find(there)
}

fn of_field(path: &Path) -> Option<Taught> {
    let name = path.to_string();
    if LIMITS.contains(&&*name) {
        let other = LIMITS.into_iter().find(|limit| *limit != name)?;
        return called(path, other);
    }
    if matches!(&*path.last(), "stop" | "stopsequences") {
        return Some(Taught::NoStop);
    }
    path.is_slight().then(|| Taught::Without { path: path.clone(), value: None })
}

/// Another name for the same: of the limit of output tokens only.
fn called(from: &Path, to: &str) -> Option<Taught> {
    let known = LIMITS.contains(&&*from.to_string()) && LIMITS.contains(&to);
    known.then(|| Taught::Called { from: from.clone(), to: to.into() })
}

impl fmt::Display for Lesson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Taught::Without { path, value: None } => write!(f, "without {path}"),
            Taught::Without { path, value: Some(value) } => write!(f, "without {path} {value}"),
            Taught::NotBeside { stays, goes } => write!(f, "without {goes} beside {stays}"),
            Taught::Called { from, to } => write!(f, "{from} as {to}"),
            Taught::NoPrefill => f.write_str("without a begun answer"),
            Taught::NoToolsWithReasoning { .. } => f.write_str("without tools while it reasons"),
            Taught::NoStop => f.write_str("without stop strings"),
            Taught::ShortIds => f.write_str("ids of calls in nine letters"),
        }
    }
}
