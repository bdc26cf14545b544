//! Child processes on cores of their own, and what the kernel knows of their cost.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context as _;

/// Kernel clock ticks in a second, as `/proc` counts processor time on Linux.
const TICKS: f64 = 100.0;

/// A child that ends when dropped, by its id.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) out: BufReader<ChildStdout>,
    stdin: Option<ChildStdin>,
}

impl Running {
    /// Starts `program` on `cores` (a list as `taskset` takes it).
    pub(crate) fn start(cores: &str, program: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", cores]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let stdin = child.stdin.take();
        let out = child.stdout.take().context("no standard output")?;
        Ok(Self { child, out: BufReader::new(out), stdin })
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "a child ended before it said what was expected");
        Ok(line.trim_end().to_owned())
    }

    /// Ends its standard input, and waits for its own end.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        drop(self.stdin.take());
        self.child.wait()?;
        Ok(())
    }

    /// Processor time of it and its children, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        family(self.child.id()).into_iter().filter_map(cpu).sum()
    }

    /// Resident memory of it and its children, in megabytes.
    pub(crate) fn memory(&self) -> f64 {
        family(self.child.id()).into_iter().filter_map(memory).sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        for id in family(self.child.id()).into_iter().skip(1) {
            // Children first: a master that is killed cannot end its workers.
            let _gone = Command::new("kill").arg(id.to_string()).status();
        }
        // It may have ended already.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The process and its children.
fn family(id: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = list.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(id).chain(children).collect()
}

fn cpu(id: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in brackets may hold anything; what follows it is numbers.
    let (_, rest) = stat.rsplit_once(')')?;
    let field = |at: usize| rest.split_whitespace().nth(at)?.parse::<f64>().ok();
    Some((field(11)? + field(12)?) / TICKS)
}

fn memory(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}
