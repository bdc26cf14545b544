//! A client that reads an answer along, from any event on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use backstop_dialects::keep_alive;
use backstop_listener::{Abort, AnswerBody};
use backstop_vocabulary::Dialect;

use super::Generation;
use super::generation::Ending;
use crate::body::{Away, Driven, Tray};
use crate::clock::Clock;

/// How long an idle connection stays without a sign of life (`docs/headers.md`).
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// The events from this number on, those that come included. Dropping it ends nothing but itself.
pub(crate) fn follow(generation: Arc<Generation>, from: u64, clock: Clock) -> AnswerBody {
    let tray = Tray::default();
    let driver = drive(generation, from, (tray.clone(), clock));
    AnswerBody::stream(Driven::new(Box::pin(driver), tray, clock, Away::default()))
}

async fn drive(generation: Arc<Generation>, mut number: u64, (tray, clock): (Tray, Clock)) {
    let mut changes = generation.changes();
    loop {
        changes.mark_unchanged();
        let Ok(next) = generation.since(number) else {
            // The reader is further behind than events are kept.
            return tray.put(Err(Abort::default()), clock.now()).await;
        };
        if next.over == Some(Ending::Broken) {
            return tray.put(Err(Abort::after(next.events)), clock.now()).await;
        }
        number = next.number;
        let something = !next.events.is_empty();
        if something {
            tray.put(Ok(next.events), clock.now()).await;
            // No sooner is more taken than the client has this.
            tray.emptied().await;
        }
        if next.over.is_some() {
            return;
        }
        if something {
            continue;
        }
        tokio::select! {
            biased;
            // It is kept alive by this reader.
            _changed = changes.changed() => {}
            () = tokio::time::sleep(KEEP_ALIVE_EVERY) => {
                let sign = Bytes::from_static(keep_alive(Dialect::OpenaiResponses));
                tray.put(Ok(sign), clock.now()).await;
            }
        }
    }
}
