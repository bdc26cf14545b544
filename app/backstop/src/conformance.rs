//! `backstop conformance`: what becomes of every kind of request, for clients of every dialect, at
//! every kind of provider.
//!
//! Each cell is a request through the gateway itself, over pipes in memory: a client that writes its
//! dialect asks, a provider that reads its own looks whether the question arrived and answers, and
//! the client looks whether the answer did. The page in `docs/` is what this command prints.

mod cases;
mod cell;
mod client;
mod failures;
mod heard;
mod kinds;
mod page;
mod provider;
mod stage;

use tokio::runtime::Builder;

use backstop_vocabulary::Dialect;

use self::cases::{CASES, Case};
use self::cell::Cell;
use self::kinds::{KINDS, Kind};
use self::page::Page;
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
    let mut page = Page::default();
    for client in Dialect::ALL {
        for case in CASES {
            for kind in KINDS {
                page.add(client, case.name, kind.name, cell(client, kind, case).await?);
            }
        }
        for failure in failures::all() {
            for kind in KINDS {
                let cell = failures::cell(client, kind, failure).await?;
                page.add(client, failure.name, kind.name, cell);
            }
        }
    }
    Ok(page)
}

/// One request of one client to one provider.
async fn cell(client: Dialect, kind: &Kind, case: &Case) -> anyhow::Result<Cell> {
    let question = (case.question)();
    let asked = match client::write(client, &question, case.delivery) {
        Ok(asked) => asked,
        Err(cell) => return Ok(cell),
    };
    let script = provider::Script::Answer((case.answer)());
    let (got, seen) = stage::play(client, kind, (asked, case.delivery), script).await?;
    Ok(cell::judge(case, &got, seen.as_ref()))
}
