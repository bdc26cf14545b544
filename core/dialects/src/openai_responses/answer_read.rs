//! A whole answer → the events its stream would have had.

use backstop_exchange::Event;
use backstop_vocabulary::{Class, Failure, Stage};

use super::wire::{Response, parse};
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
    let response: Response<'_> = parse(body).ok_or_else(|| {
        Failure::new(Class::BadAnswer, "the provider sent an answer that is not valid json")
    })?;
    let kept = response.output.is_some() && response.error.is_none();
    if !kept && (response.error.is_some() || response.object.get() == "error") {
        return Err(errors::inside(body));
    }
    if response.output.is_none() {
        return Err(Failure::new(Class::BadAnswer, "the provider's answer has no `output`"));
    }
    StreamReader::new().take_response(response, events)?;
    events.push(Event::Done);
    Ok(())
}
