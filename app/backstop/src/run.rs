//! `backstop run -- COMMAND`: a command behind a gateway of its own.
//!
//! The command keeps its own credentials: they reach their own provider and nobody else. Where that
//! provider fails, the keys of the settings or of the environment open the rungs below it.

mod child;
mod wiring;

use std::time::Duration;

use backstop_gateway::Totals;

use crate::cli;
use crate::configuration::Configuration;
use crate::environment;
use crate::exit::Exit;
use crate::running::{Running, Sockets};

use wiring::Wiring;

/// How long requests in progress may take once the command has ended: nobody waits for them.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// Runs the command.
pub(crate) fn run(args: &cli::Run) -> anyhow::Result<Exit> {
    crate::logs::start_quietly();
    let env = environment::read();
    let configuration = match args.config.config.as_deref() {
        None if crate::configuration::default_file().is_none() => wiring::discovered(&env),
        named => Configuration::find(named)?.settings,
    };
    let wiring = Wiring::new(configuration, &env, &args.command);
    let sockets = Sockets::bind(&wiring.settings)?;
    let running = Running::start(wiring.settings.clone(), sockets)?;
    let variables = wiring.variables(running.listen);
    let exit = running.block_on(child::run(&args.command, variables));
    let totals = running.gateway.totals();
    running.stop(DRAIN_MAX, std::future::pending());
    summary(totals);
    Ok(exit)
}

/// One line at the end, only if something happened that the command may not have shown.
fn summary(totals: Totals) {
    let Totals { answered, failed, rescued, .. } = totals;
    if rescued + failed == 0 {
        return;
    }
    let all = answered + failed;
    let lost = match failed {
        0 => "none failed".to_owned(),
        _ => format!("{failed} failed"),
    };
    eprintln!("backstop: of {all} requests {rescued} were rescued, {lost}");
}
