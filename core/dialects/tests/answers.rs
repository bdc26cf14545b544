//! Every field of every answer type, from the official SDKs' own definitions
//! (`tests/corpus/generate.py`): whatever a provider may say can be read, and told to any client.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::path::Path;

use backstop_dialects::{Head, read_answer, write_answer};
use backstop_exchange::{Answer, AnswerBlock, Event, Finish, ToolCall, ToolKind};
use backstop_vocabulary::{Class, Dialect, Failure};
use serde_json::{Value, json};

fn cases(dialect: Dialect) -> Vec<(String, Vec<u8>)> {
    let name = format!("corpus/answers/{}.jsonl", dialect.name());
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let line = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        (case["case"].as_str().unwrap().to_owned(), case["body"].to_string().into_bytes())
    };
    text.lines().map(line).collect()
}

/// Answers that are failures, by a part of their case, and why.
const FAILURES: &[(&str, &str)] = &[
    ("<Response>.error<", "the provider tells of an error"),
    ("<Response>.status=failed", "there is no answer"),
    ("<Response>.status=cancelled", "there is no answer"),
    ("finishReason=OTHER", "the provider gave up"),
    ("stopReason=malformed", "the model lost its way"),
];

fn read(dialect: Dialect, body: &[u8]) -> Result<Answer, Failure> {
    let mut events = Vec::new();
    read_answer(dialect, body, &mut events)?;
    assert_eq!(events.last(), Some(&Event::Done));
    let mut answer = Answer::default();
    events.into_iter().try_for_each(|event| answer.take(event))?;
    Ok(answer)
}

#[test]
fn whatever_a_provider_may_answer_is_read_or_is_a_failure_that_it_tells() {
    let mut refused = Vec::new();
    for dialect in Dialect::ALL {
        for (case, body) in cases(dialect) {
            let is_failure = FAILURES.iter().any(|(part, _)| case.contains(part));
            if read(dialect, &body).is_err() != is_failure {
                let failure = read(dialect, &body).err().map(|failure| failure.message);
                refused.push(format!("{dialect}: {case}: {failure:?}"));
            }
        }
    }
    assert!(refused.is_empty(), "not as expected:\n{}", refused.join("\n"));
}

/// What a client makes use of: the words, and the calls.
fn use_of(answer: &Answer) -> (String, Vec<(String, Value)>) {
    let words = answer.blocks.iter().filter_map(|block| match block {
        // Where there are no refusals they are text.
        AnswerBlock::Text(text) | AnswerBlock::Refusal(text) => Some(text.as_str()),
        AnswerBlock::Reasoning { .. }
        | AnswerBlock::ReasoningOpaque(_)
        | AnswerBlock::ToolCall(_) => None,
    });
    // Where there is no free text it is the one field of an object.
    let arguments = |call: &ToolCall| match call.kind {
        ToolKind::Custom => json!({ "input": call.arguments }),
        ToolKind::Function | ToolKind::Hosted { .. } => {
            serde_json::from_str(&call.arguments).unwrap_or_default()
        }
    };
    let calls = answer.tool_calls().map(|call| (call.name.clone(), arguments(call)));
    (words.collect(), calls.collect())
}

#[test]
fn every_answer_can_be_told_to_every_client() {
    let head = Head { id: "ours".to_owned(), ..Head::default() };
    let mut wrong = Vec::new();
    for dialect in Dialect::ALL {
        for (case, body) in cases(dialect) {
            let Ok(answer) = read(dialect, &body) else { continue };
            for client in Dialect::ALL {
                let written = write_answer(client, &answer, &head);
                match read(client, &written) {
                    Ok(told) if use_of(&told) == use_of(&answer) => {}
                    // A reason that a dialect has no word for may be a fault in another's.
                    _ if matches!(answer.finish, Some(Finish::Other(_))) => {}
                    // All there is may be what only the provider's dialect has.
                    Err(failure) if failure.class == Class::EmptyAnswer => {}
                    told => wrong.push(format!("{dialect} to {client}: {case}: {told:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not told:\n{}", wrong.join("\n"));
}
