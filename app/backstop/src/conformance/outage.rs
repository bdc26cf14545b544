//! What becomes of a failure: alone, and with another provider behind.

use std::sync::Arc;

use backstop_exchange::Event;
use backstop_vocabulary::Dialect;

use super::cell::{Behind, Cell, Told, message};
use super::client;
use super::failures::Fault;
use super::kinds::Kind;
use super::script::Script;
use super::stage::{Got, Part, Stage};

/// One failure of one kind of provider before one kind of client.
pub(super) async fn cell(
    stage: &Stage,
    client: Dialect,
    (kind, fault): (&'static Kind, &Fault),
) -> anyhow::Result<Cell> {
    let asked = match client::write(client, &(fault.question)(), fault.delivery) {
        Ok(asked) => asked,
        Err(cell) => return Ok(cell),
    };
    let first = || Part::new(kind, (fault.script)());
    let alone = Arc::from([first()]);
    let got = stage.play(client, (asked.clone(), fault.delivery), &alone).await?;
    let told = match told(fault, &got) {
        Ok(told) => told,
        Err(what) => return Ok(Cell::Wrong(format!("alone: {what}"))),
    };
    let second = Part::new(kind.behind(), Script::Reply(fault.second));
    let both: Arc<[Part]> = Arc::from([first(), second]);
    let got = stage.play(client, (asked, fault.delivery), &both).await?;
    Ok(match behind(fault, &got, &both) {
        Ok(behind) => Cell::Failed(told, behind),
        Err(what) => Cell::Wrong(format!("with another behind: {what}")),
    })
}

/// What the client is told; an error where it would take a broken answer for a whole one.
fn told(fault: &Fault, got: &Got) -> Result<Told, String> {
    if got.status >= 400 {
        return error(got);
    }
    let (events, ended) = client::read(got);
    match (ended, &got.broke) {
        (Ok(()), _) if (fault.is_whole)(&events) => Ok(Told::Answer),
        (Ok(()), _) => Err(format!("a broken answer that looks complete: {events:?}")),
        (Err(_), None) => Err("an error, and then a proper end".to_owned()),
        (Err(_), Some(_)) if matches!(events.last(), Some(Event::Failed(_))) => Ok(Told::Frame),
        (Err(_), Some(_)) => Err("no error frame before the end".to_owned()),
    }
}

/// Status and type of an error before any answer.
fn error(got: &Got) -> Result<Told, String> {
    let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap_or_default();
    if message(got).is_empty() {
        return Err(format!("{}: an error without a message", got.status));
    }
    let places = ["/error/type", "/error/status", "/error/code"];
    let word = places.iter().find_map(|place| body.pointer(place)?.as_str());
    let exception = got.header("x-amzn-errortype");
    let words = format!("{} {}", got.status, word.unwrap_or(exception)).trim_end().to_owned();
    // What the gateway made of it, in the list of failed attempts.
    let attempts = got.header("backstop-attempts");
    let class = attempts.split_once("error=").and_then(|(_, rest)| rest.split([';', ',']).next());
    let class = class.ok_or_else(|| format!("{words}: nobody was asked"))?.to_owned();
    Ok(Told::Error { class, words })
}

/// Who answers when the first does not.
fn behind(fault: &Fault, got: &Got, ladder: &[Part]) -> Result<Behind, String> {
    let asked = ladder.last().and_then(Part::heard).is_some();
    let by_second = got.header("backstop-answer").starts_with("target=provider1/");
    let (events, ended) = if got.status < 400 { client::read(got) } else { (Vec::new(), Ok(())) };
    let is_whole = ended.is_ok() && got.broke.is_none() && (fault.is_whole)(&events);
    let lost = got.header("backstop-lost").to_owned();
    match (is_whole, asked, fault.stands) {
        (true, true, false) if by_second => Ok(Behind::Answers(lost)),
        (true, true, false) => Ok(Behind::GoesOn(lost)),
        (_, false, true) => Ok(Behind::Told(told(fault, got)?)),
        (_, true, true) => Err("somebody else was asked".to_owned()),
        (true, false, false) => Err("nobody else was asked, and yet there is an answer".to_owned()),
        (false, _, false) => Err(format!("nobody answers: {:?}", told(fault, got))),
    }
}
