use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Number, Percent, Tier, Time};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    /// Its name in headers, journal and metrics.
    name: String,
    /// The model names it answers, with `*` for any run of characters.
    models: Vec<String>,
    /// Its rungs, best first.
    ladder: Vec<Rung>,
    /// To the first token of a stream, and to the whole of an answer that is not streamed; `{ stream: 60s, whole: 600s }` by default.
    deadline: Option<Deadline>,
    /// To the end of a stream, however it progresses; no limit by default.
    total: Option<Time>,
    /// The most attempts per request, 1 to 50; 5 by default.
    attempts_max: Option<Number>,
    /// How long to wait for the preferred target when a 429 asks for less; `0s` by default.
    patience: Option<Time>,
    /// What happens when a stream breaks after its first token; `resume` by default.
    on_break: Option<OnBreak>,
    /// How an answer that is not streamed is fetched; `as_asked` by default.
    delivery: Option<Delivery>,
    /// The longest wait of one attempt for its first token; adaptive by default.
    first_token_max: Option<Time>,
    /// The longest silence within a stream; adaptive by default.
    gap_max: Option<Time>,
    /// Vendors that must never see this route's requests.
    never: Option<Vec<String>>,
    /// What answers may lack rather than be refused: `images`, `hosted_tools.web_search` and others; nothing by default.
    allow_loss: Option<Vec<String>>,
    /// Real traffic for each full rung below the first while all is well; `1%` by default.
    trickle: Option<Percent>,
    /// How sessions keep to the target that holds their prompt cache.
    sessions: Option<Sessions>,
    /// What the route should reach; kept for reports.
    objective: Option<Objective>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Deadline {
    Both(Time),
    Apart(Deadlines),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Deadlines {
    /// To the first token of a stream; `60s` by default.
    stream: Option<Time>,
    /// To the whole of an answer that is not streamed; `600s` by default.
    whole: Option<Time>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sessions {
    /// How long after its last request a session keeps to its target; `5m` by default, `0s` is not at all.
    stay: Option<Time>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnBreak {
    Resume,
    Error,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Delivery {
    AsAsked,
    Whole,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Objective {
    /// The share of requests that get an answer.
    answered: Option<Percent>,
    /// The share of requests that get a full answer.
    full: Option<Percent>,
    /// The 95th percentile of the time to the first token.
    first_token_p95: Option<Time>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rung {
    /// Models at providers: `anthropic/*` for the model asked for, `openai/gpt-5.6` for a certain one.
    targets: Vec<Target>,
    /// How normal traffic is spread, by provider: `{ anthropic: 80, openai: 20 }`; 0 for those not named.
    share: Option<BTreeMap<String, Number>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Target {
    Named(#[schemars(regex(pattern = r"/"))] String),
    Detailed(Box<DetailedTarget>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DetailedTarget {
    /// `provider/model`, or `provider/*`.
    target: String,
    /// What its answers are worth; the provider's tier by default, `full` for `provider/*`.
    tier: Option<Tier>,
    /// Its weight within the rung; 100 by default, 0 is a pure standby.
    share: Option<Number>,
    /// What it can do where you know better than the catalogue.
    abilities: Option<Abilities>,
    /// What its answers may lack, beside what the route allows.
    allow_loss: Option<Vec<String>>,
    /// Settings it is asked with whatever the client wrote.
    parameters: Option<Parameters>,
    /// Instructions instead of the client's.
    system: Option<String>,
    /// One more instruction, after the client's.
    system_note: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// How freely tokens are drawn, 0 to 2.
    temperature: Option<Fraction>,
    /// Nucleus sampling, 0 to 1.
    top_p: Option<Fraction>,
    /// The most likely k only.
    top_k: Option<Number>,
    /// -2 to 2.
    presence_penalty: Option<Fraction>,
    /// -2 to 2.
    frequency_penalty: Option<Fraction>,
    /// For repeatable answers.
    seed: Option<Number>,
    /// The most output tokens.
    max_tokens: Option<Number>,
    /// How hard to think.
    reasoning_effort: Option<Effort>,
    /// How long answers should be.
    verbosity: Option<Verbosity>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Fraction {
    Number(f64),
    Variable(#[schemars(regex(pattern = r"^\$\{.*\}$"))] String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Verbosity {
    Low,
    Medium,
    High,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Abilities {
    /// Takes function tools.
    tools: Option<bool>,
    /// Takes images.
    images: Option<bool>,
    /// Takes PDF documents.
    documents: Option<bool>,
    /// Takes sound.
    audio: Option<bool>,
    /// Obeys a JSON schema.
    schema: Option<bool>,
    /// Continues a last assistant turn.
    prefill: Option<bool>,
    /// Takes `temperature`, `top_p` and kin.
    sampling: Option<bool>,
    /// Takes stop strings, at most so many.
    stop_max: Option<Number>,
    /// Takes tools while it reasons.
    tools_with_reasoning: Option<bool>,
    /// Takes being told not to reason at all.
    reasoning_optional: Option<bool>,
    /// Takes system turns in the middle of a conversation.
    system_turns: Option<bool>,
    /// Takes `max_completion_tokens` and refuses `max_tokens`.
    completion_tokens_field: Option<bool>,
    /// How it takes reasoning settings.
    reasoning: Option<Reasoning>,
    /// The context window in tokens.
    context_tokens_max: Option<Number>,
    /// The most output tokens it gives.
    output_tokens_max: Option<Number>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reasoning {
    None,
    Budget,
    Adaptive,
    Effort,
}
