//! Two days in two and a half minutes: what is shortened, and what is said about it.

use std::sync::Arc;
use std::time::Duration;

use backstop_scenarios::{Demo, Evidence, Scenario, Segment, Severity};
use backstop_vocabulary::Moment;
use serde_json::{Value, json};

use crate::cli;
use crate::scenario_files;

/// The first-token and gap clocks of whoever has such clocks: the gateway and the naive breaker.
pub(super) const CLOCK: Duration = Duration::from_secs(3);
/// How long clients wait; a day of real patience would outlast five phases.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long clients watch a silent stream.
const SILENCE: Duration = Duration::from_secs(6);
/// Requests per second: enough for a phase of seconds to show its share.
const RATE: f64 = 20.0;
/// How many times faster than real models the simulated ones are, so that answers fit a phase.
const HASTE: f64 = 4.0;
/// A quiet stretch lasts so much of a phase.
const QUIET: f64 = 1.0 / 3.0;

/// The scenario as the demo plays it.
#[derive(Debug)]
pub(super) struct Short {
    pub(super) scenario: Arc<Scenario>,
    /// How long each segment truly was.
    pub(super) true_lengths: Vec<Duration>,
    /// When each segment truly began, as seconds since 1970.
    true_starts: Vec<u64>,
}

impl Short {
    pub(super) fn new(args: &cli::Demo) -> anyhow::Result<Self> {
        let mut whole = scenario_files::load(scenario_files::MARCH)?;
        let phase = Duration::from_secs(u64::from(args.phase_seconds));
        for one in whole.phases.iter_mut().filter(|one| !one.demo.is_zero()) {
            one.demo = phase;
        }
        for provider in &mut whole.providers {
            let latency = &mut provider.latency;
            latency.first_token.median = latency.first_token.median.div_f64(HASTE);
            latency.first_token.p95 = latency.first_token.p95.div_f64(HASTE);
            latency.tokens_per_second *= HASTE;
        }
        whole.workload.requests_per_second = RATE;
        whole.workload.deadline = PATIENCE;
        whole.workload.silence_max = SILENCE;
        let segments = whole.segments();
        let true_starts = segments.iter().map(|it| it.from.as_secs() + whole.start_unix).collect();
        let (scenario, true_lengths) = whole.shortened(Demo { quiet: phase.mul_f64(QUIET) });
        Ok(Self { scenario: Arc::new(scenario), true_lengths, true_starts })
    }

    /// The segment at this time, and which it is.
    pub(super) fn segment_at(segments: &[Segment], at: Duration) -> usize {
        let nth = segments.partition_point(|segment| segment.to <= at);
        nth.min(segments.len().saturating_sub(1))
    }

    /// When the segment truly began: ` 2 Mar 11:49`.
    pub(super) fn clock(&self, nth: usize) -> String {
        let unix = self.true_starts.get(nth).copied().unwrap_or(0);
        let moment = jiff::Timestamp::from_second(i64::try_from(unix).unwrap_or(0));
        moment.unwrap_or_default().strftime("%e %b %H:%M").to_string()
    }

    /// How long the segment truly was: `1h48m`.
    pub(super) fn true_length(&self, nth: usize) -> String {
        let minutes = self.true_lengths.get(nth).map_or(0, |length| length.as_secs() / 60);
        match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes}m"),
            (hours, 0) => format!("{hours}h"),
            (hours, minutes) => format!("{hours}h{minutes:02}m"),
        }
    }

    /// What fails in a segment: for each phase whom it hits, how many of their requests, how.
    pub(super) fn faults(&self, segment: &Segment, severity: Severity) -> Vec<String> {
        let phases = segment.phases.iter().filter_map(|nth| self.scenario.phases.get(*nth));
        let hit = phases.filter(|phase| phase.share.at(severity) > 0.0);
        hit.map(|phase| {
            let scope = &phase.scope;
            let mut whom = scope.populations.join(" and ");
            if whom.is_empty() {
                whom = scope.models.join(", ");
            }
            if whom.is_empty() {
                "every model".clone_into(&mut whom);
            }
            if let [method] = scope.methods.as_slice() {
                whom = format!("{whom}, {method} only");
            }
            let mut kinds: Vec<String> =
                phase.symptoms.iter().map(|(symptom, _)| plain(symptom.name())).collect();
            kinds.dedup();
            let share = 100.0 * phase.share.at(severity);
            format!("{share:.0} % of {whom}: {}", kinds.join(", "))
        })
        .collect()
    }

    /// `est` or `pub`: where the severity of a segment comes from.
    pub(super) fn evidence(&self, segment: &Segment) -> &'static str {
        let phases = segment.phases.iter().filter_map(|nth| self.scenario.phases.get(*nth));
        let mut evidence = phases.map(|phase| phase.evidence);
        match evidence.next() {
            None => "",
            Some(Evidence::Estimated) => "est",
            Some(Evidence::Published) if evidence.any(|it| it == Evidence::Estimated) => "est",
            Some(Evidence::Published) => "pub",
        }
    }

    /// Paragraphs that say what is about to be seen.
    pub(super) fn introduction(&self, severity: Severity) -> Vec<String> {
        let seconds = self.scenario.length.as_secs();
        vec![
            "2 and 3 March 2026, when Claude failed piece by piece".to_owned(),
            format!(
                "48 hours in {}:{:02} · {RATE} requests a second, streamed and whole, with tools and \
                 schemas, from Anthropic and OpenAI clients · the same clients four times at once, \
                 each with simulated providers of its own over real HTTP that fail in the same way",
                seconds / 60,
                seconds % 60
            ),
            format!(
                "For the demo: first-token and gap clocks of {} s, clients that wait {} s, models \
                 {HASTE} times as fast; everything else is real. Severities are estimates, played at \
                 `{severity}`.",
                CLOCK.as_secs(),
                PATIENCE.as_secs()
            ),
            self.usual(),
        ]
    }

    /// What fails on any day, so that nobody wonders at a quiet stretch.
    fn usual(&self) -> String {
        let first = self.scenario.providers.first();
        let usual = first.map_or(0.0, |it| it.base.server_errors + it.base.rate_limits);
        format!(
            "Quiet is not perfect: {:.1} % of requests to the first provider fail on any day.",
            100.0 * usual
        )
    }

    pub(super) fn clocks(&self) -> Value {
        json!({
            "first_token_s": CLOCK.as_secs(),
            "gap_s": CLOCK.as_secs(),
            "client_deadline_s": PATIENCE.as_secs(),
            "client_silence_s": SILENCE.as_secs(),
            "model_speed": HASTE,
            "requests_per_second": RATE,
            "length_s": self.scenario.length.as_secs_f64(),
        })
    }

    pub(super) fn notes(&self, severity: Severity) -> Vec<String> {
        let all = self.scenario.phases.len();
        let of = |evidence| {
            self.scenario.phases.iter().filter(|phase| phase.evidence == evidence).count()
        };
        let published = of(Evidence::Published);
        vec![
            format!(
                "When and what failed is published (status page, press). How many requests failed is \
                 published for {published} of {all} phases (pub) and our estimate for {} (est), \
                 played at `{severity}`.",
                of(Evidence::Estimated)
            ),
            "Outside the bad phases most API requests were fine: \"weighted\" counts every stretch \
             as long as it truly was, over 48 hours."
                .to_owned(),
            "`backstop replay 2026-03-02` plays both days in full, in virtual time.".to_owned(),
        ]
    }

    /// How far the clients are, from their first moment.
    pub(super) fn elapsed(now: Moment, began: Moment) -> Duration {
        now.since(began)
    }
}

/// A symptom in a word or two.
fn plain(name: &str) -> String {
    let name = name.trim_start_matches("http_").trim_start_matches("auth_");
    match name {
        "hang_before_headers" => "silence".to_owned(),
        "error_in_stream" => "errors in streams".to_owned(),
        other => other.replace('_', " "),
    }
}
