//! Anthropic Messages.

use backstop_exchange::{Answer, Event, Request};
use backstop_vocabulary::{Class, Failure};

use crate::{ErrorHead, Frame, Head, TargetForm, Written, WrittenError};

/// Where clients and providers meet.
pub(crate) const PATH: &str = "/v1/messages";

/// A frame that carries nothing and that this dialect's clients skip.
pub(crate) const KEEP_ALIVE: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";

pub(crate) fn read_request(_body: &[u8]) -> Result<Request, Failure> {
    Err(unwritten())
}

pub(crate) fn write_request(
    _request: &Request,
    _target: &TargetForm<'_>,
) -> Result<Written, Failure> {
    Err(unwritten())
}

pub(crate) fn read_answer(_body: &[u8], _events: &mut Vec<Event>) -> Result<(), Failure> {
    Err(unwritten())
}

pub(crate) fn read_error(head: &ErrorHead<'_>, _body: &[u8]) -> Failure {
    head.failure_by_status()
}

pub(crate) fn write_answer(_answer: &Answer, _head: &Head) -> Vec<u8> {
    Vec::new()
}

pub(crate) fn write_error(_failure: &Failure, _request_id: &str) -> WrittenError {
    WrittenError { status: 500, body: Vec::new() }
}

/// Turns frames into events.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {}

impl StreamReader {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn read(&mut self, _frame: &Frame, events: &mut Vec<Event>) {
        events.push(Event::Failed(unwritten()));
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        Err(unwritten())
    }
}

/// Turns events into frames.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    _head: Head,
}

impl StreamWriter {
    pub(crate) const fn new(head: Head) -> Self {
        Self { _head: head }
    }

    pub(crate) fn write(&mut self, _event: &Event, _out: &mut Vec<u8>) {}

    pub(crate) fn note(&mut self, _event: &Event) {}

    pub(crate) fn fail(&mut self, _failure: &Failure, _out: &mut Vec<u8>) {}
}

fn unwritten() -> Failure {
    Failure::new(Class::GatewayFault, "this dialect is not written yet")
}
