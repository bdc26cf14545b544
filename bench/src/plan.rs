//! The run: what is measured, in which order.
//!
//! Every round takes every subject in turn, so that whatever else the machine does meets them all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;

use crate::canned::Dialect;
use crate::load::Measured;
use crate::process::Running;
use crate::report::{Report, Row};
use crate::stats::median;
use crate::subjects::{Proxy, Stage, Subject, nginx_version};

/// Requests per second of the open loop: well below what the slowest subject can do.
const RATE: f64 = 4000.0;
/// Streams at once.
const STREAMS: usize = 200;
/// Streams held idle.
const IDLE: usize = 2000;

/// The run's arguments.
#[derive(Args, Clone, Debug)]
pub(crate) struct Plan {
    /// The gateway's binary
    #[arg(long, value_name = "FILE", default_value = "target/dist/backstop")]
    gateway: PathBuf,
    /// Cores of the proxies, as `taskset` takes them; the last half by default
    #[arg(long)]
    proxy_cores: Option<String>,
    /// Cores of provider and applications; the others by default
    #[arg(long)]
    load_cores: Option<String>,
    /// Rounds; every figure is the median over them
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only subjects whose name holds this
    #[arg(long)]
    only: Option<String>,
    /// Only these measurements: saturated, paced, streams, quiet, idle
    #[arg(long, value_delimiter = ',')]
    measure: Vec<String>,
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
}

/// Everything that runs during the measurements.
struct Scene {
    plan: Plan,
    load_cores: String,
    threads: usize,
    stage: Stage,
    proxies: Vec<Proxy>,
    subjects: Vec<Subject>,
    rows: BTreeMap<&'static str, Vec<Sample>>,
    _upstream: Running,
}

/// What one round showed of one subject; `None` where it was not measured.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    saturated: Option<(Measured, f64)>,
    paced: Option<Measured>,
    streams: Option<(Measured, f64, f64)>,
    quiet: Option<Measured>,
    idle_kb: Option<f64>,
}

impl Plan {
    /// Measures and prints.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let began = Instant::now();
        let json = self.json;
        let mut scene = Scene::open(self)?;
        let rounds = scene.plan.rounds;
        let (subjects, estimate) = (scene.subjects.len(), scene.estimate().as_secs());
        eprintln!("{subjects} ways to the provider, {rounds} rounds: about {estimate} s");
        for round in 0..rounds {
            eprintln!("round {} of {rounds}", round + 1);
            scene.round(round)?;
        }
        let report = scene.report(began.elapsed());
        if json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        Ok(())
    }

    fn wants(&self, measurement: &str) -> bool {
        self.measure.is_empty() || self.measure.iter().any(|wanted| wanted == measurement)
    }
}

impl Scene {
    fn open(plan: Plan) -> anyhow::Result<Self> {
        let cores = thread::available_parallelism()?.get();
        let half = (cores / 2).max(1);
        let proxy_cores =
            plan.proxy_cores.clone().unwrap_or_else(|| list(cores - half, cores.max(1)));
        let load_cores = plan.load_cores.clone().unwrap_or_else(|| list(0, (cores - half).max(1)));
        let threads = count(&load_cores);
        let me = std::env::current_exe()?;
        let arguments = ["upstream".to_owned(), format!("--threads={threads}")];
        let mut upstream = Running::start(&load_cores, &me, &arguments)?;
        let address = upstream.line()?.parse()?;
        let folder = std::env::temp_dir().join(format!("backstop-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let stage = Stage {
            threads: count(&proxy_cores),
            cores: proxy_cores,
            upstream: address,
            gateway: plan.gateway.clone(),
            folder,
        };
        let mut scene = Self {
            plan,
            load_cores,
            threads,
            stage,
            proxies: Vec::new(),
            subjects: Vec::new(),
            rows: BTreeMap::new(),
            _upstream: upstream,
        };
        scene.start()?;
        Ok(scene)
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let upstream = self.stage.upstream;
        self.add("direct", (upstream, Dialect::Openai, "gpt-bench"), None);
        match self.stage.nginx()? {
            Some((proxy, address)) => {
                let at = self.keep(proxy);
                self.add("nginx", (address, Dialect::Openai, "gpt-bench"), Some(at));
            }
            None => eprintln!(
                "SKIPPED: nginx is not installed, so there are no ratios to it; on Debian: apt-get install nginx-light"
            ),
        }
        for (name, style) in [("bare, per core", "per-core"), ("bare, shared", "shared")] {
            let (proxy, address) = self.stage.floor(style)?;
            let at = self.keep(proxy);
            self.add(name, (address, Dialect::Openai, "gpt-bench"), Some(at));
        }
        let (proxy, address) = self.stage.gateway()?;
        let at = self.keep(proxy);
        self.add("backstop, same", (address, Dialect::Openai, "gpt-bench"), Some(at));
        let (proxy, address) = self.stage.gateway()?;
        let at = self.keep(proxy);
        self.add(
            "backstop, same (anthropic)",
            (address, Dialect::Anthropic, "claude-bench"),
            Some(at),
        );
        let (proxy, address) = self.stage.gateway()?;
        let at = self.keep(proxy);
        self.add("backstop, cross", (address, Dialect::Anthropic, "claude-cross"), Some(at));
        if let Some(only) = self.plan.only.clone() {
            self.subjects.retain(|subject| subject.name.contains(&only));
        }
        Ok(())
    }

    /// About how long all rounds take.
    fn estimate(&self) -> Duration {
        /// What a measurement takes beside its own time: start, warm-up, the last stream's end.
        const BESIDE: f64 = 0.4;
        let plan = &self.plan;
        let seconds = |(measurement, seconds): (&str, f64)| {
            if plan.wants(measurement) { seconds + BESIDE } else { 0.0 }
        };
        let each = [
            ("saturated", plan.seconds),
            ("paced", plan.seconds),
            ("streams", plan.seconds + 0.5),
            ("quiet", 1.0),
        ];
        let round = Duration::from_secs_f64(each.into_iter().map(seconds).sum());
        let idle = Duration::from_secs_f64(seconds(("idle", 1.0)));
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        (round * count(plan.rounds) + idle) * count(self.subjects.len())
    }

    fn keep(&mut self, proxy: Proxy) -> usize {
        self.proxies.push(proxy);
        self.proxies.len() - 1
    }

    fn add(
        &mut self,
        name: &'static str,
        (address, dialect, model): (std::net::SocketAddr, Dialect, &'static str),
        proxy: Option<usize>,
    ) {
        self.subjects.push(Subject { name, address, dialect, model, proxy });
    }

    fn round(&mut self, round: usize) -> anyhow::Result<()> {
        let mut samples: Vec<Sample> = vec![Sample::default(); self.subjects.len()];
        for (subject, sample) in self.subjects.iter().zip(&mut samples) {
            let at = || format!("measuring `{}`", subject.name);
            if self.plan.wants("streams") {
                sample.streams = Some(self.streams(subject).with_context(at)?);
            }
            if self.plan.wants("quiet") {
                sample.quiet = Some(self.quiet(subject).with_context(at)?);
            }
            if round == 0 && subject.proxy.is_some() && self.plan.wants("idle") {
                sample.idle_kb = Some(self.idle(subject).with_context(at)?);
            }
        }
        // Whole answers last: they leave the most memory behind, which is not the streams' doing.
        for (subject, sample) in self.subjects.iter().zip(&mut samples) {
            let at = || format!("measuring `{}`", subject.name);
            if self.plan.wants("saturated") {
                sample.saturated = Some(self.saturated(subject).with_context(at)?);
            }
            if self.plan.wants("paced") {
                sample.paced = Some(self.paced(subject).with_context(at)?);
            }
        }
        for (subject, sample) in self.subjects.iter().zip(samples) {
            self.rows.entry(subject.name).or_default().push(sample);
        }
        Ok(())
    }

    fn load(&self, subject: &Subject, kind: &str, more: &[String]) -> anyhow::Result<Running> {
        let me = std::env::current_exe()?;
        let dialect = match subject.dialect {
            Dialect::Anthropic => "anthropic",
            Dialect::Openai => "openai",
        };
        let mut arguments = vec![
            "load".to_owned(),
            format!("--kind={kind}"),
            format!("--address={}", subject.address),
            format!("--dialect={dialect}"),
            format!("--model={}", subject.model),
            format!("--threads={}", self.threads),
        ];
        arguments.extend_from_slice(more);
        Running::start(&self.load_cores, &me, &arguments)
    }

    /// Runs a load to its end; gives its result, the proxy's processor time from `go` to the end or
    /// over all of it, and the proxy's greatest memory meanwhile.
    fn measure(
        &self,
        subject: &Subject,
        (kind, span): (&str, Span),
        more: &[String],
    ) -> anyhow::Result<(Measured, f64, f64)> {
        let proxy = subject.proxy.map(|at| &self.proxies[at].running);
        let cpu = || proxy.map_or(0.0, Running::cpu);
        let at_start = cpu();
        let mut load = self.load(subject, kind, more)?;
        load.line()?;
        let at_go = cpu();
        thread::sleep(Duration::from_secs_f64(self.plan.seconds / 2.0));
        let memory = proxy.map_or(0.0, Running::memory);
        let measured: Measured = serde_json::from_str(&load.line()?)?;
        let spent = cpu() - if span == Span::All { at_start } else { at_go };
        load.finish()?;
        anyhow::ensure!(measured.failed == 0, "{} answers were not whole", measured.failed);
        Ok((measured, spent, memory))
    }

    fn saturated(&self, subject: &Subject) -> anyhow::Result<(Measured, f64)> {
        let more = [format!("--seconds={}", self.plan.seconds)];
        let (measured, cpu, _) = self.measure(subject, ("unary", Span::FromGo), &more)?;
        Ok((measured, cpu))
    }

    fn paced(&self, subject: &Subject) -> anyhow::Result<Measured> {
        let more = [format!("--seconds={}", self.plan.seconds), format!("--rate={RATE}")];
        Ok(self.measure(subject, ("unary", Span::FromGo), &more)?.0)
    }

    fn streams(&self, subject: &Subject) -> anyhow::Result<(Measured, f64, f64)> {
        let more = [format!("--seconds={}", self.plan.seconds), format!("--connections={STREAMS}")];
        self.measure(subject, ("streams", Span::All), &more)
    }

    /// First tokens on one connection, with nothing else going on.
    fn quiet(&self, subject: &Subject) -> anyhow::Result<Measured> {
        let more =
            ["--seconds=1", "--connections=1", "--threads=1", "--chunks=2", "--interval-ms=1"]
                .map(str::to_owned);
        let more = more.into_iter().filter(|argument| !argument.starts_with("--threads"));
        Ok(self.measure(subject, ("streams", Span::All), &more.collect::<Vec<_>>())?.0)
    }

    /// Kilobytes of one more idle stream.
    fn idle(&self, subject: &Subject) -> anyhow::Result<f64> {
        let Some(at) = subject.proxy else { return Ok(0.0) };
        let proxy = &self.proxies[at].running;
        let before = proxy.memory();
        let mut load = self.load(subject, "idle", &[format!("--connections={IDLE}")])?;
        load.line()?;
        let held = proxy.memory();
        load.finish()?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let streams = IDLE as f64;
        Ok((held - before) * 1024.0 / streams)
    }

    fn report(&self, took: Duration) -> Report {
        let rows = self.subjects.iter().map(|subject| self.row(subject)).collect();
        let cores = (self.stage.threads, self.threads);
        Report::new(rows, cores, (nginx_version(), self.plan.rounds, took))
    }

    fn row(&self, subject: &Subject) -> Row {
        let samples = self.rows.get(subject.name).map_or(&[][..], Vec::as_slice);
        let of = |value: &dyn Fn(&Sample) -> Option<f64>| {
            let values: Vec<f64> = samples.iter().filter_map(value).collect();
            (!values.is_empty()).then(|| median(&values))
        };
        let per = |cpu: f64, done: u64| (cpu > 0.0 && done > 0).then(|| cpu * 1e6 / float(done));
        let proxy = subject.proxy.map(|at| &self.proxies[at]);
        Row {
            name: subject.name.to_owned(),
            requests_per_second: of(&|s| s.saturated.map(|(m, _)| float(m.done) / m.seconds)),
            cpu_us_per_request: of(&|s| s.saturated.and_then(|(m, cpu)| per(cpu, m.done))),
            saturated_p50_us: of(&|s| s.saturated.map(|(m, _)| f64::from(m.p50_us))),
            saturated_p99_us: of(&|s| s.saturated.map(|(m, _)| f64::from(m.p99_us))),
            paced_p50_us: of(&|s| s.paced.map(|m| f64::from(m.p50_us))),
            paced_p99_us: of(&|s| s.paced.map(|m| f64::from(m.p99_us))),
            cpu_us_per_stream: of(&|s| s.streams.and_then(|(m, cpu, _)| per(cpu, m.done))),
            streams_first_p50_us: of(&|s| s.streams.map(|(m, _, _)| f64::from(m.p50_us))),
            streams_first_p99_us: of(&|s| s.streams.map(|(m, _, _)| f64::from(m.p99_us))),
            quiet_first_us: of(&|s| s.quiet.map(|m| f64::from(m.p50_us))),
            streams_mb: proxy.and_then(|_| of(&|s| s.streams.map(|(_, _, memory)| memory))),
            idle_stream_kb: of(&|s| s.idle_kb),
            rest_mb: proxy.map(|proxy| proxy.rest_mb),
            start_ms: proxy.map(|proxy| proxy.start_ms),
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.proxies.clear();
        // A folder that stays in the temporary place harms nobody.
        let _gone = std::fs::remove_dir_all(&self.stage.folder);
    }
}

/// Over which part of a load processor time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    All,
    FromGo,
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Core numbers as a list.
fn list(from: usize, to: usize) -> String {
    (from..to).map(|core| core.to_string()).collect::<Vec<_>>().join(",")
}

/// How many cores a list names.
fn count(cores: &str) -> usize {
    cores
        .split(',')
        .map(|part| match part.split_once('-') {
            Some((from, to)) => {
                let number = |text: &str| text.trim().parse::<usize>().unwrap_or(0);
                number(to).saturating_sub(number(from)) + 1
            }
            None => 1,
        })
        .sum()
}
