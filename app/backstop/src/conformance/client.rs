//! The client's side: writes a question in its dialect, reads what comes back.

use bytes::Bytes;

use backstop_dialects::{
    Delivery, Frames, StreamReader, TargetForm, framing, read_answer, read_rest, write_request,
};
use backstop_exchange::{Abilities, Event, Loss, ReasoningForm, Request};
use backstop_vocabulary::{Dialect, Failure};

use super::cell::Cell;
use super::stage::Got;

/// The largest frame a client reads.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// What a client may say when nothing but its dialect limits it.
fn able() -> Abilities {
    Abilities {
        images: true,
        documents: true,
        audio: true,
        schema: true,
        prefill: true,
        stop_max: 4,
        system_turns: true,
        completion_tokens_field: true,
        reasoning: ReasoningForm::Adaptive,
        ..Abilities::default()
    }
}

/// The body of a request; a cell that says so where the dialect has no words for it.
pub(super) fn write(
    dialect: Dialect,
    question: &Request,
    delivery: Delivery,
) -> Result<Vec<u8>, Cell> {
    let stream = delivery == Delivery::Stream;
    let question = Request { stream, stream_usage: stream, ..question.clone() };
    let abilities = able();
    // At AWS only Claude is asked for thoughts.
    let form = TargetForm { model: "claude", abilities: &abilities, stream };
    let written = write_request(dialect, &question, &form)
        .map_err(|failure| Cell::Unsayable(failure.message.to_string()))?;
    // A client of Gemini gives back the signature it got, and here is none.
    let unsigned = |loss: &&Loss| loss.field == "thoughtSignature";
    match written.losses.iter().find(|loss| !unsigned(loss)) {
        Some(loss) => Err(Cell::Unsayable(format!("{} {}", loss.field, loss.reason))),
        None => Ok(written.body),
    }
}

/// The events of an answer, and why they end too early if they do.
pub(super) fn read(got: &Got) -> (Vec<Event>, Result<(), Failure>) {
    let mut events = Vec::new();
    if got.delivery == Delivery::Whole {
        let read = read_answer(got.dialect, &got.body, &mut events);
        return (events, read);
    }
    let mut frames = Frames::new(framing(got.dialect), FRAME_BYTES_MAX);
    frames.feed(Bytes::clone(&got.body));
    let mut reader = StreamReader::new(got.dialect);
    for frame in frames.by_ref() {
        match frame {
            Ok(frame) => reader.read(&frame, &mut events),
            Err(failure) => return (events, Err(failure)),
        }
    }
    if let Some(Event::Failed(failure)) = events.last() {
        let failure = failure.clone();
        return (events, Err(failure));
    }
    let ended = read_rest(got.dialect, frames.rest()).map_or_else(|| reader.finish(), Err);
    (events, ended)
}
