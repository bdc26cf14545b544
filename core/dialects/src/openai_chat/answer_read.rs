//! A whole answer → the events its stream would have had.

use backstop_exchange::Event;
use backstop_vocabulary::{Class, Failure, Stage};

use super::wire::Chunk;
use super::{StreamReader, errors};
use crate::errors::is_html;

/// Reads the body of a 200.
pub(crate) fn read_answer(body: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
    let body = body.trim_ascii();
    read(body, events).map_err(|failure| failure.at(Stage::BeforeContent))
}

fn read(body: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
    if body.is_empty() {
        return Err(Failure::new(Class::EmptyAnswer, "the provider answered nothing"));
    }
    if is_html("", body) {
        return Err(Failure::new(Class::BadAnswer, "the provider answered with a web page"));
    }
    let chunk = Chunk::of(body).ok_or_else(|| {
        Failure::new(Class::BadAnswer, "the provider sent an answer that is not valid json")
    })?;
    if chunk.error.is_some() || chunk.object.get() == "error" {
        return Err(errors::inside(body));
    }
    let Some(choice) = &chunk.choices.first else {
        return Err(if chunk.choices.given {
            Failure::new(Class::EmptyAnswer, "the provider answered without a choice")
        } else {
            Failure::new(Class::BadAnswer, "the provider's answer has no `choices`")
        });
    };
    let unfinished = choice.finish_reason.is_empty();
    let mut reader = StreamReader::new();
    reader.take_chunk(&chunk, events)?;
    if unfinished {
        // A whole answer is complete by being there; some servers leave the reason out.
        reader.assume_stop(events)?;
    }
    events.push(Event::Done);
    Ok(())
}
