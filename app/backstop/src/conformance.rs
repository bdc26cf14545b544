//! `backstop conformance`: what becomes of every kind of request, for clients of every dialect, at
//! every kind of provider.
//!
//! Each cell is a request through the gateway itself, over pipes in memory: a client that writes its
//! dialect asks, a provider that reads its own looks whether the question arrived and answers, and
//! the client looks whether the answer did. Failures are asked for twice: of one provider alone, and
//! with another maker's behind it. The page in `docs/` is what this command prints.

mod cases;
mod cell;
mod client;
mod failures;
mod heard;
mod kinds;
mod outage;
mod page;
mod pieces;
mod provider;
mod script;
mod stage;

use std::sync::Arc;

use tokio::runtime::Builder;

use backstop_vocabulary::Dialect;

use self::cases::{CASES, Case};
use self::cell::Cell;
use self::failures::FAULTS;
use self::kinds::{KINDS, Kind};
use self::page::Page;
use self::script::Script;
use self::stage::{Part, Stage};
use crate::cli;
use crate::exit::Exit;
use crate::out::say;

/// Runs the command.
pub(crate) fn run(args: &cli::Conformance) -> anyhow::Result<Exit> {
    // Nothing here waits for a socket: clocks jump to the next thing that happens.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let page = runtime.block_on(everything())?;
    if args.json {
        say!("{:#}", page.json());
    } else {
        say!("{}", page.markdown().trim_end());
    }
    Ok(if page.is_whole() { Exit::Success } else { Exit::Failure })
}

/// Every cell.
async fn everything() -> anyhow::Result<Page> {
    let (mut page, stage) = (Page::default(), Stage::new());
    for client in Dialect::ALL {
        for case in CASES {
            for kind in KINDS {
                page.add(client, case.name, kind.name, cell(&stage, client, (kind, case)).await?);
            }
        }
        for fault in FAULTS {
            for kind in KINDS {
                page.add(
                    client,
                    fault.name,
                    kind.name,
                    outage::cell(&stage, client, (kind, fault)).await?,
                );
            }
        }
    }
    Ok(page)
}

/// One request of one client to one provider.
async fn cell(
    stage: &Stage,
    client: Dialect,
    (kind, case): (&'static Kind, &Case),
) -> anyhow::Result<Cell> {
    let question = (case.question)();
    let asked = match client::write(client, &question, case.delivery) {
        Ok(asked) => asked,
        Err(cell) => return Ok(cell),
    };
    let ladder = Arc::from([Part::new(kind, Script::Answer((case.answer)()))]);
    let got = stage.play(client, (asked, case.delivery), &ladder).await?;
    let seen = ladder.iter().find_map(Part::heard);
    Ok(cell::judge(case, &got, seen.as_ref()))
}
