//! Every field of every request type, from the official SDKs' own definitions
//! (`tests/corpus/generate.py`): what a translation leaves out is a listed loss, or another target's.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backstop_dialects::{TargetForm, read_request, write_request};
use backstop_exchange::{Abilities, ReasoningForm, Request};
use backstop_vocabulary::Dialect;
use serde_json::Value;

/// The cases of a dialect by where their field stands.
fn cases(dialect: Dialect) -> BTreeMap<String, Vec<u8>> {
    let name = format!("corpus/{}.jsonl", dialect.name());
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let line = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        (case["case"].as_str().unwrap().to_owned(), case["body"].to_string().into_bytes())
    };
    text.unwrap().lines().map(line).collect()
}

/// The same request without the field: that of its owner, or of the nearest that is a case.
fn without<'a>(cases: &'a BTreeMap<String, Vec<u8>>, case: &str) -> &'a [u8] {
    let mut owner = case.split_once('=').map_or(case, |(field, _)| field);
    while let Some((shorter, _)) = owner.rsplit_once('.') {
        owner = shorter;
        if let Some(body) = cases.get(owner) {
            return body;
        }
    }
    &cases[""]
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

/// Fields that may vanish without a word, by the end of their case (`…>`) or any part of it, and why.
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
    (".display=summarized", "shown wherever thinking is switched on"),
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
    ("<FileFile>.file_id", "the same case has the file itself"),
    ("<Base64ImageSourceParam>.media_type", "the bytes show what they are"),
    ("<InputAudio>.format", "the bytes show what they are"),
    ("<JSONSchema>.strict", "an answer is held to its schema anyway"),
    ("<JsonSchemaDefinition>.name", "what the form is called, where forms have no names"),
    ("<DocumentBlock>.format=pdf", "what is assumed anyway"),
    ("<ServiceTier>.type=default", "what happens anyway"),
    ("responseModalities", "text is what comes anyway"),
    ("<ThinkingConfig>.includeThoughts", "nothing is thought that could be shown"),
    ("Metadata>", "nothing is said in it"),
    ("<Transcription>", "nothing is said in it"),
    ("<PartMediaResolution>", "nothing is said in it"),
    ("<ThinkingConfig>", "nothing is said in it"),
    ("<FunctionCallingConfig>", "nothing is said in it"),
    ("<InferenceConfiguration>", "nothing is said in it"),
    ("<OutputConfig>", "nothing is said in it"),
    ("tools[]<Tool>", "nothing is said in it"),
];

#[test]
fn nothing_is_left_out_in_silence() {
    let (mut silent, mut excused) = (Vec::new(), BTreeSet::new());
    for from in Dialect::ALL {
        let cases = cases(from);
        let pairs =
            Dialect::ALL.into_iter().flat_map(|to| cases.iter().map(move |case| (to, case)));
        for (to, (case, body)) in pairs {
            let least = &cases[""];
            if case.is_empty() || !is_silent(from, to, [body, without(&cases, case), least]) {
                continue;
            }
            match says_nothing(case) {
                Some(reason) => drop(excused.insert(reason)),
                None => silent.push(format!("{from} to {to}: {case}")),
            }
        }
    }
    assert!(silent.is_empty(), "lost without a word:\n{}", silent.join("\n"));
    let idle: Vec<_> = SAYS_NOTHING.iter().filter(|(part, _)| !excused.contains(part)).collect();
    assert!(idle.is_empty(), "excuses that nothing needs: {idle:?}");
}

/// The entry that excuses this case.
fn says_nothing(case: &str) -> Option<&'static str> {
    let is = |part: &str| case.ends_with(part) || (!part.ends_with('>') && case.contains(part));
    SAYS_NOTHING.iter().map(|(part, _)| *part).find(|part| is(part))
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
    assert!(count > 1900, "{count} cases: the corpus is not all here");
    assert!(refused.is_empty(), "refused by their own dialect:\n{}", refused.join("\n"));
}

/// Where writing a request says more than it was asked to, or less, by a part of the case, and why.
const SAID_OTHERWISE: &[(&str, &str)] = &[
    ("function_call=", "there are no functions to choose from"),
    ("stream_options", "there is no stream"),
    ("[]<File>", "a file without a name is refused"),
    ("InputFileParam>", "a file without a name is refused"),
    ("InputFileContentParam>", "a file without a name is refused"),
    ("InputImageContentParam>", "how closely it is looked at must be said"),
    (".allowedFunctionNames", "said with the mode it means"),
];

/// The parts of a request that writing it may fold, without its model and what its reader lost.
fn folded(mut request: Request) -> Request {
    (request.model, request.lost) = (String::new(), Vec::new());
    for turn in std::mem::take(&mut request.turns) {
        match request.turns.last_mut() {
            Some(last) if last.role == turn.role => last.blocks.extend(turn.blocks),
            _ => request.turns.push(turn),
        }
    }
    request
}

#[test]
fn every_request_reads_the_same_once_it_is_written_or_lists_what_was_lost() {
    let (mut differ, mut same) = (Vec::new(), 0);
    for dialect in Dialect::ALL {
        for (case, body) in cases(dialect) {
            let request = read_request(dialect, &body).unwrap();
            let abilities = able();
            let target =
                TargetForm { model: "model-b", abilities: &abilities, stream: request.stream };
            let written = write_request(dialect, &request, &target).unwrap();
            let again = read_request(dialect, &written.body).unwrap();
            if written.losses.len() > request.lost.len() {
                continue;
            }
            if folded(again) == folded(request) {
                same += 1;
            } else if !SAID_OTHERWISE.iter().any(|(part, _)| case.contains(part)) {
                differ.push(format!("{dialect}: {case}"));
            }
        }
    }
    assert!(differ.is_empty(), "not the same again:\n{}", differ.join("\n"));
    assert!(same > 1800, "only {same} are the same again");
}
