use crate::{Effort, Reasoning, Request, Text};

/// What one target is asked otherwise than the client asked: for a stand-in that needs other words or
/// settings to do the same work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adjustment {
    /// The instructions instead of the client's leading ones.
    pub system: Option<String>,
    /// One more instruction, after all others.
    pub system_note: Option<String>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// The most likely k only.
    pub top_k: Option<u64>,
    /// −2 to 2.
    pub presence_penalty: Option<f64>,
    /// −2 to 2.
    pub frequency_penalty: Option<f64>,
    /// For repeatable answers.
    pub seed: Option<u64>,
    /// The most output tokens, reasoning included where the provider counts it.
    pub max_tokens: Option<u64>,
    /// How hard to think.
    pub reasoning_effort: Option<Effort>,
    /// `low`, `medium` or `high`: how long answers should be.
    pub verbosity: Option<String>,
}

impl Adjustment {
    /// What is set, by its name in the settings.
    pub fn names(&self) -> Vec<&'static str> {
        let set = [
            (self.system.is_some(), "system"),
            (self.system_note.is_some(), "system_note"),
            (self.temperature.is_some(), "temperature"),
            (self.top_p.is_some(), "top_p"),
            (self.top_k.is_some(), "top_k"),
            (self.presence_penalty.is_some(), "presence_penalty"),
            (self.frequency_penalty.is_some(), "frequency_penalty"),
            (self.seed.is_some(), "seed"),
            (self.max_tokens.is_some(), "max_tokens"),
            (self.reasoning_effort.is_some(), "reasoning_effort"),
            (self.verbosity.is_some(), "verbosity"),
        ];
        set.into_iter().filter_map(|(set, name)| set.then_some(name)).collect()
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// Changes the request as it says. What it leaves alone stays as the client wrote it.
    pub fn apply(&self, request: &mut Request) {
        if let Some(system) = &self.system {
            request.system = vec![Text::plain(system)];
        }
        if let Some(note) = &self.system_note {
            request.system.push(Text::plain(note));
        }
        let sampling = &mut request.sampling;
        sampling.temperature = self.temperature.or(sampling.temperature);
        sampling.top_p = self.top_p.or(sampling.top_p);
        sampling.top_k = self.top_k.or(sampling.top_k);
        sampling.presence_penalty = self.presence_penalty.or(sampling.presence_penalty);
        sampling.frequency_penalty = self.frequency_penalty.or(sampling.frequency_penalty);
        let seed = self.seed.and_then(|seed| i64::try_from(seed).ok());
        sampling.seed = seed.or(sampling.seed);
        request.output_tokens_max = self.max_tokens.or(request.output_tokens_max);
        if let Some(effort) = self.reasoning_effort {
            let visible = request.reasoning.visible;
            request.reasoning = Reasoning { effort: Some(effort), visible, ..Reasoning::default() };
        }
        if let Some(verbosity) = &self.verbosity {
            request.verbosity = Some(verbosity.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_what_it_names_and_nothing_else() {
        let mut request = Request {
            system: vec![Text::plain("be brief")],
            output_tokens_max: Some(9),
            ..Request::default()
        };
        request.sampling.temperature = Some(1.0);
        request.sampling.top_p = Some(0.5);
        let adjustment = Adjustment {
            system_note: Some("and kind".to_owned()),
            temperature: Some(0.2),
            ..Adjustment::default()
        };
        assert_eq!(adjustment.names(), ["system_note", "temperature"]);
        let mut expected = request.clone();
        expected.system.push(Text::plain("and kind"));
        expected.sampling.temperature = Some(0.2);
        adjustment.apply(&mut request);
        assert_eq!(request, expected);
    }

    #[test]
    fn another_effort_takes_the_place_of_a_budget() {
        let reasoning =
            Reasoning { budget_tokens: Some(9), enabled: Some(true), ..Reasoning::default() };
        let mut request = Request { reasoning, ..Request::default() };
        let effort = Some(Effort::Low);
        Adjustment { reasoning_effort: effort, ..Adjustment::default() }.apply(&mut request);
        assert_eq!(request.reasoning, Reasoning { effort, ..Reasoning::default() });
    }
}
