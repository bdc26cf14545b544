//! The figures, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::aims::{Aim, aims};

/// What was measured of one subject: medians over the rounds, `None` where it does not apply.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) requests_per_second: Option<f64>,
    pub(crate) cpu_us_per_request: Option<f64>,
    pub(crate) saturated_p50_us: Option<f64>,
    pub(crate) saturated_p99_us: Option<f64>,
    pub(crate) paced_p50_us: Option<f64>,
    pub(crate) paced_p99_us: Option<f64>,
    pub(crate) cpu_us_per_stream: Option<f64>,
    pub(crate) streams_first_p50_us: Option<f64>,
    pub(crate) streams_first_p99_us: Option<f64>,
    pub(crate) quiet_first_us: Option<f64>,
    pub(crate) streams_mb: Option<f64>,
    pub(crate) idle_stream_kb: Option<f64>,
    pub(crate) rest_mb: Option<f64>,
    pub(crate) start_ms: Option<f64>,
}

/// The whole result.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    proxy_cores: usize,
    load_cores: usize,
    nginx: String,
    rounds: usize,
    took_seconds: f64,
    rows: Vec<Row>,
    aims: Vec<Aim>,
}

type Figure = (&'static str, usize, fn(&Row) -> Option<f64>);

/// What the table shows: name, digits after the point, value.
const FIGURES: &[Figure] = &[
    ("64 connections, 1 KB, closed loop: requests per second", 0, |r| r.requests_per_second),
    ("  CPU per request, µs (= s per million)", 1, |r| r.cpu_us_per_request),
    ("  requests per CPU second", 0, |r| r.cpu_us_per_request.map(|us| 1e6 / us)),
    ("  p50, µs", 0, |r| r.saturated_p50_us),
    ("  p99, µs", 0, |r| r.saturated_p99_us),
    ("4,000 requests per second, open loop: p50, µs", 0, |r| r.paced_p50_us),
    ("  p99, µs", 0, |r| r.paced_p99_us),
    ("200 streams of 100 chunks: CPU per 1,000 streams, s", 2, |r| {
        r.cpu_us_per_stream.map(|us| us / 1000.0)
    }),
    ("  first token p50, µs", 0, |r| r.streams_first_p50_us),
    ("  first token p99, µs", 0, |r| r.streams_first_p99_us),
    ("  memory, MB", 1, |r| r.streams_mb),
    ("one stream, nothing else: first token p50, µs", 0, |r| r.quiet_first_us),
    ("memory per idle stream, KB", 1, |r| r.idle_stream_kb),
    ("memory at rest, MB", 1, |r| r.rest_mb),
    ("start to first answer, ms", 1, |r| r.start_ms),
];

/// Widths of the table's columns.
const NAME: usize = 58;
const CELL: usize = 18;

impl Report {
    pub(crate) fn new(
        rows: Vec<Row>,
        (proxy_cores, load_cores): (usize, usize),
        (nginx, rounds, took): (String, usize, Duration),
    ) -> Self {
        let aims = aims(&rows);
        let took_seconds = took.as_secs_f64().round();
        Self { proxy_cores, load_cores, nginx, rounds, took_seconds, rows, aims }
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, (name, digits, value): Figure) -> fmt::Result {
        let nginx = self.rows.iter().find(|row| row.name == "nginx").and_then(value);
        write!(f, "{name:<NAME$}")?;
        for row in &self.rows {
            let Some(figure) = value(row) else {
                write!(f, "{:>CELL$}", "-")?;
                continue;
            };
            let ratio = nginx.filter(|nginx| *nginx > 0.0).map(|nginx| figure / nginx);
            let ratio = ratio.map(|ratio| format!(" ({ratio:.2})")).unwrap_or_default();
            write!(f, "{:>CELL$}", format!("{figure:.digits$}{ratio}"))?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxy_cores, load_cores, nginx, rounds, took_seconds, .. } = self;
        writeln!(
            f,
            "{proxy_cores} cores for the proxy, {load_cores} for provider and applications; {nginx}; medians of {rounds} rounds, {took_seconds:.0} s; in brackets the ratio to nginx\n"
        )?;
        write!(f, "{:<NAME$}", "")?;
        for row in &self.rows {
            write!(f, "{:>CELL$}", row.name.replace("backstop, ", ""))?;
        }
        writeln!(f)?;
        FIGURES.iter().try_for_each(|figure| self.line(f, *figure))?;
        writeln!(f)?;
        self.aims.iter().try_for_each(|aim| writeln!(f, "{aim}"))
    }
}
