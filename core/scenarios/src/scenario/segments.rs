//! The timeline cut where something begins or ends: the rows of every report.

use std::time::Duration;

use super::{Phase, Scenario};

/// A stretch of time in which the same phases hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The names of its phases, joined with ` + `; `quiet` when there is none.
    pub name: String,
    /// When it begins.
    pub from: Duration,
    /// When it is over.
    pub to: Duration,
    /// Its phases, as indices into [`Scenario::phases`].
    pub phases: Vec<usize>,
}

/// How long the demo shows what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demo {
    /// The time before, between and after phases.
    pub quiet: Duration,
}

impl Segment {
    /// How long it is.
    pub const fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl Scenario {
    /// The timeline, cut at every beginning and end of a phase. Whole, in order, without gaps.
    pub fn segments(&self) -> Vec<Segment> {
        let mut cuts = vec![Duration::ZERO, self.length];
        cuts.extend(self.phases.iter().flat_map(|phase| [phase.from, phase.to]));
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).filter_map(|pair| self.segment(pair[0], pair[1])).collect()
    }

    fn segment(&self, from: Duration, to: Duration) -> Option<Segment> {
        if to > self.length {
            return None;
        }
        let holds = |phase: &Phase| phase.from <= from && to <= phase.to;
        let phases: Vec<usize> =
            (0..self.phases.len()).filter(|nth| holds(&self.phases[*nth])).collect();
        let names: Vec<&str> = phases.iter().map(|nth| self.phases[*nth].name.as_str()).collect();
        let name = if names.is_empty() { "quiet".to_owned() } else { names.join(" + ") };
        Some(Segment { name, from, to, phases })
    }

    /// The same outage in seconds instead of hours, and the true length of each of its segments:
    /// a segment is shown as long as the longest `demo` of its phases, quiet ones as long as `demo`
    /// says, and one of zero is left out. Waves and ramps shrink with their segment. Clocks and
    /// pauses of clients do **not** shrink: whoever shows this must say so.
    pub fn shortened(&self, demo: Demo) -> (Self, Vec<Duration>) {
        let segments = self.segments();
        let mut places = Vec::with_capacity(segments.len() + 1);
        let mut true_lengths = Vec::new();
        let mut at = Duration::ZERO;
        for segment in &segments {
            places.push((segment.from, at));
            let longest = segment.phases.iter().map(|nth| self.phases[*nth].demo).max();
            let shown = longest.unwrap_or(demo.quiet).min(segment.length());
            if !shown.is_zero() {
                true_lengths.push(segment.length());
            }
            at += shown;
        }
        let moved = |old: Duration| {
            places.iter().find(|(from, _)| *from == old).map_or(at, |(_, new)| *new)
        };
        let mut short = self.clone();
        short.length = at;
        for phase in &mut short.phases {
            let old = phase.to.saturating_sub(phase.from);
            (phase.from, phase.to) = (moved(phase.from), moved(phase.to));
            let new = phase.to.saturating_sub(phase.from);
            let scale = new.as_secs_f64() / old.as_secs_f64().max(1e-9);
            if let Some(wave) = &mut phase.wave {
                // Shorter periods than this cannot be told from noise; fewer than three are no wave.
                wave.period = wave.period.mul_f64(scale).max(Duration::from_secs(2)).min(new / 3);
            }
        }
        (short, true_lengths)
    }
}
