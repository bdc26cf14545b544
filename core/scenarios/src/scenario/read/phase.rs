//! The phases of a file.

use std::time::Duration;

use crate::{Knobs, Phase, Scope, Symptom, Wave};

use super::raw::{self, At, Scalar};
use super::{Evidence, Reader, ScenarioError, evidence, units};

/// How long the demo shows a phase that does not say.
const DEMO: Duration = Duration::from_secs(11);

impl Reader {
    pub(super) fn phase(&mut self, at: &At<raw::Phase>, providers: &[&str]) -> Phase {
        let raw = &at.value;
        let from = self.offset(&raw.from);
        let to = match (&raw.to, &raw.lasting) {
            (Some(to), None) => self.offset(to),
            (None, Some(lasting)) => from + self.duration(lasting),
            _ => {
                self.wrong(at, "a phase has either `to` or `for`".to_owned());
                from
            }
        };
        for name in &raw.scope.providers {
            if !providers.contains(&name.as_str()) {
                self.wrong(at, format!("no provider is called `{name}`"));
            }
        }
        if let Some(method) = raw.scope.methods.iter().find(|it| *it != "stream" && *it != "unary")
        {
            self.wrong(at, format!("`{method}` is no method: `stream` or `unary`"));
        }
        Phase {
            name: raw.name.clone(),
            from,
            to,
            scope: scope(&raw.scope),
            symptoms: self.symptoms(&raw.symptom),
            share: self.shares(&raw.share),
            ramp_from: raw.ramp_from.as_ref().map(|it| self.shares(it)),
            wave: self.wave(at),
            evidence: self.at(&raw.evidence, evidence).unwrap_or(Evidence::Estimated),
            source: raw.source.clone(),
            demo: raw.demo.as_ref().map_or(DEMO, |it| self.duration(it)),
        }
    }

    /// Phases begin in order, end after they begin, and lie within the scenario.
    pub(super) fn check_order(
        &mut self,
        raw: &[At<raw::Phase>],
        phases: &[Phase],
        length: Duration,
    ) {
        let mut latest = Duration::ZERO;
        for (at, phase) in raw.iter().zip(phases) {
            if phase.from < latest {
                self.wrong(at, format!("`{}` begins before the phase above it", phase.name));
            }
            if phase.to <= phase.from {
                self.wrong(at, format!("`{}` ends before it begins", phase.name));
            }
            if phase.to > length {
                self.wrong(at, format!("`{}` ends after the scenario", phase.name));
            }
            latest = phase.from;
        }
    }

    fn wave(&mut self, at: &At<raw::Phase>) -> Option<Wave> {
        let period = at.value.period.as_ref()?;
        let duty = at.value.duty.as_ref().map_or(0.5, |it| self.share(it));
        let period = self.duration(period);
        if period.is_zero() {
            self.wrong(at, "`period` must be longer than nothing".to_owned());
            return None;
        }
        Some(Wave { period, duty })
    }

    fn symptoms(&mut self, at: &At<raw::Symptoms>) -> Vec<(Symptom, f64)> {
        let mut symptoms = Vec::new();
        for raw in &at.value.0 {
            match symptom(raw) {
                Ok(symptom) => symptoms.push(symptom),
                Err(message) => {
                    let line = at.referenced.line();
                    self.errors.push(ScenarioError { line, message });
                }
            }
        }
        symptoms
    }
}

fn symptom(raw: &raw::SymptomRaw) -> Result<(Symptom, f64), String> {
    let mut knobs = Knobs::default();
    let mut weight = 1.0;
    for (name, Scalar(text)) in &raw.knobs {
        let whole = || text.parse().map_err(|_| format!("`{name}: {text}` is no whole number"));
        match name.as_str() {
            "weight" => weight = units::number(text)?,
            "after" => knobs.after = Some(units::duration(text)?),
            "retry_after" => {
                let seconds = units::duration(text)?.as_secs();
                knobs.retry_after_s = u32::try_from(seconds).ok();
            }
            "status" => {
                knobs.status = text.parse().ok().filter(|status| (100..1000).contains(status));
            }
            "tokens_per_second" => knobs.tokens_per_second = Some(whole()?),
            "bytes" => knobs.bytes = Some(whole()?),
            _ => return Err(format!("`{name}` is no knob of a symptom")),
        }
    }
    let symptom = Symptom::named(&raw.kind, &knobs);
    symptom.map(|it| (it, weight)).ok_or_else(|| format!("`{}` is no symptom", raw.kind))
}

fn scope(raw: &raw::ScopeRaw) -> Scope {
    Scope {
        providers: raw.providers.clone(),
        models: raw.models.clone(),
        populations: raw.populations.clone(),
        credentials: raw.credentials.clone(),
        regions: raw.regions.clone(),
        methods: raw.methods.clone(),
    }
}
