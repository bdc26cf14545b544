//! Measures what the gateway costs, beside nginx and beside the least a proxy in hyper can do.
//!
//! One binary plays every part that is not under test: the provider (`upstream`), the applications
//! (`load`) and the bare proxy (`floor`). `run` starts them all on cores of their own, takes the
//! measurements in turns, so that a noisy machine is unkind to everyone alike, and prints medians.
//!
//! Absent on purpose: the gateway's crates. It is measured from outside, as its users meet it.
//!
//! Start reading at [`plan`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to people")]

mod aims;
mod canned;
mod floor;
mod load;
mod plan;
mod process;
mod report;
mod stats;
mod subjects;
mod upstream;
mod wire;

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the gateway against nginx and a bare proxy.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Measure everything and print the table
    Run(plan::Plan),
    /// Play the provider
    Upstream {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Be the bare proxy
    Floor(floor::Floor),
    /// Play the applications
    Load(load::Load),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().part {
        Part::Run(plan) => plan.run(),
        Part::Upstream { listen, threads } => upstream::serve(listen, threads),
        Part::Floor(floor) => floor.serve(),
        Part::Load(load) => load.run(),
    }
}
