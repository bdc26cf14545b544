//! Every field of every request type, from the official SDKs' own definitions
//! (`tests/corpus/generate.py`): what a translation leaves out is a listed loss, or another target's.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::collections::BTreeMap;
use std::path::Path;

use backstop_dialects::{TargetForm, read_request, write_request};
use backstop_exchange::{Abilities, ReasoningForm};
use backstop_vocabulary::Dialect;
use serde_json::Value;

/// The cases of a dialect by where their field stands; none where no SDK defines its types.
fn cases(dialect: Dialect) -> BTreeMap<String, Vec<u8>> {
    let name = format!("corpus/{}.jsonl", dialect.name());
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let line = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        (case["case"].as_str().unwrap().to_owned(), case["body"].to_string().into_bytes())
    };
    text.unwrap_or_default().lines().map(line).collect()
}

/// Where the same request stands without the field: its owner, or the smallest request.
fn without(case: &str) -> &str {
    let field = case.split_once('=').map_or(case, |(field, _)| field);
    field.rsplit_once('.').map_or("", |(owner, _)| owner)
}

/// A target that can do everything, so that only the dialects make a difference.
fn able() -> Abilities {
    Abilities {
        images: true,
        documents: true,
        audio: true,
        schema: true,
        prefill: true,
        stop_max: 100,
        system_turns: true,
        completion_tokens_field: true,
        reasoning: ReasoningForm::Adaptive,
        ..Abilities::default()
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// It cannot be read, or the target is unfit for it.
    Refused,
    /// What is written, and what was lost.
    Written { body: Value, losses: Vec<String> },
}

fn outcome(from: Dialect, to: Dialect, body: &[u8]) -> Outcome {
    let Ok(request) = read_request(from, body) else { return Outcome::Refused };
    let abilities = able();
    let target = TargetForm { model: "model-b", abilities: &abilities, stream: request.stream };
    match write_request(to, &request, &target) {
        Ok(written) => Outcome::Written {
            body: serde_json::from_slice(&written.body).unwrap(),
            losses: written.losses.iter().map(|loss| format!("{loss:?}")).collect(),
        },
        Err(_) => Outcome::Refused,
    }
}

/// Fields that may vanish without a word, by the end or a part of their case, and why.
const SAYS_NOTHING: &[(&str, &str)] = &[
    ("service_tier=auto", "what happens anyway"),
    ("service_tier=default", "what happens anyway"),
    ("truncation=disabled", "what happens anyway"),
    ("detail=auto", "what happens anyway"),
    ("<ResponseFormatText>", "what happens anyway"),
    ("allowed_callers[]=direct", "what happens anyway"),
    ("CallerDirect>", "what happens anyway"),
    ("<DirectCallerParam>", "what happens anyway"),
    (".type=custom", "an ordinary tool's type may be left out"),
    ("<EasyInputMessageParam>.type=message", "a message's type may be left out"),
    ("thinking<ThinkingConfigAdaptiveParam>", "other vendors' models choose for themselves anyway"),
    (".display=omitted", "thoughts are shown to nobody who did not ask"),
    ("reasoning<Reasoning>.summary=auto", "nothing is thought that could be shown"),
    ("reasoning<Reasoning>.generate_summary=auto", "nothing is thought that could be shown"),
    ("function_call=", "there are no functions to choose from"),
    ("stream_options", "there is no stream"),
    ("include[]=reasoning.encrypted_content", "always asked for where thoughts are kept"),
    ("Param>.file_id", "the same case has the file itself"),
    ("Param>.file_url", "the same case has the file itself"),
    (".id", "the provider's own note"),
    (".status=", "the provider's own note"),
    ("<FunctionCallOutput>.name", "said by the call"),
];

#[test]
fn nothing_is_left_out_in_silence() {
    let mut silent = Vec::new();
    for from in Dialect::ALL {
        let cases = cases(from);
        let pairs =
            Dialect::ALL.into_iter().flat_map(|to| cases.iter().map(move |case| (to, case)));
        for (to, (case, body)) in pairs {
            let owner = cases.get(without(case)).unwrap_or_else(|| &cases[""]);
            if is_silent(from, to, [body, owner, &cases[""]]) && !says_nothing(case) {
                silent.push(format!("{from} to {to}: {case}"));
            }
        }
    }
    assert!(silent.is_empty(), "lost without a word:\n{}", silent.join("\n"));
}

fn says_nothing(case: &str) -> bool {
    case.is_empty() || SAYS_NOTHING.iter().any(|(part, _)| case.contains(part))
}

/// Whether a field changes nothing of what is written, and no loss tells of it.
fn is_silent(from: Dialect, to: Dialect, [with, without, least]: [&[u8]; 3]) -> bool {
    let Outcome::Written { body, losses } = outcome(from, to, with) else { return false };
    let is_told = match outcome(from, to, least) {
        Outcome::Written { losses: usual, .. } => losses.iter().any(|loss| !usual.contains(loss)),
        Outcome::Refused => true,
    };
    let before = outcome(from, to, without);
    !is_told && matches!(before, Outcome::Written { body: before, .. } if before == body)
}

#[test]
fn every_request_reads_and_goes_to_its_own_dialect_again() {
    let mut refused = Vec::new();
    let mut count = 0;
    for dialect in Dialect::ALL {
        for (case, body) in cases(dialect) {
            count += 1;
            if outcome(dialect, dialect, &body) == Outcome::Refused {
                refused.push(format!("{dialect}: {case}"));
            }
        }
    }
    assert!(count > 1000, "{count} cases: the corpus is not all here");
    assert!(refused.is_empty(), "refused by their own dialect:\n{}", refused.join("\n"));
}
