//! The `backstop` binary: one file per command.
//!
//! Absent on purpose: decisions. A command reads its arguments, joins the parts and prints.
//!
//! Start reading at [`cli::Command`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to people")]

mod cli;
mod exit;

mod ask;
mod bound;
mod check;
mod completions;
mod demo;
mod explain;
mod keys;
mod replay;
mod run;
mod serve;
mod simulate;
mod status;

mod configuration;
mod console_client;
mod environment;
mod local_models;
mod logs;
mod out;
mod platform;
mod running;
mod scenario_files;
mod text;
mod trial;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("backstop: {error:#}");
            exit::Exit::of(&error).into()
        }
    }
}
