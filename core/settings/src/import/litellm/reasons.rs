//! Why a key of theirs has no counterpart, and what takes its place.

/// Keys that are read elsewhere.
const READ: [(&str, &[&str]); 5] = [
    ("", &["model_list", "router_settings", "litellm_settings", "general_settings"]),
    (
        "router_settings",
        &[
            "fallbacks",
            "default_fallbacks",
            "context_window_fallbacks",
            "content_policy_fallbacks",
            "model_group_alias",
            "timeout",
            "stream_timeout",
        ],
    ),
    (
        "litellm_settings",
        &[
            "fallbacks",
            "default_fallbacks",
            "context_window_fallbacks",
            "content_policy_fallbacks",
            "request_timeout",
            "timeout",
            "set_verbose",
            "json_logs",
        ],
    ),
    ("general_settings", &["infer_model_from_keys"]),
    (
        "model_list[].litellm_params",
        &[
            "model",
            "custom_llm_provider",
            "api_key",
            "api_base",
            "base_url",
            "api_version",
            "aws_region_name",
            "vertex_project",
            "vertex_location",
            "vertex_ai_project",
            "vertex_ai_location",
            "weight",
            "order",
            "rpm",
            "tpm",
        ],
    ),
];

const BREAKER: &str = "a breaker for each target takes its place: it opens on consecutive failures or on their share, probes before it closes, and needs no setting (docs/health.md)";
const KEYS: &str = "clients' keys are kept as hashes here: make one for each application with `backstop keys new NAME`, and list them under `keys`";
const RECORDS: &str = "the journal, /metrics and the log are built in (docs/metrics.md)";
const LIMITS: &str = "limits by tokens or requests of a deployment are not in this version; a provider's own 429 holds its target until the time it names";
const PARAMETERS: &str = "a default for what clients do not say has no counterpart; `parameters` of a target would outrank what clients do say, so add them there only if that is meant";
const CACHE: &str = "the answer cache is not in this version";
const STATE: &str =
    "nothing is shared through Redis here; what was learnt of targets is kept in `store`";
const DATABASE: &str = "there is no database of keys, teams and models: everything stands in `backstop.yaml`; the journal's file is `store`";

/// Section, key, reason. A key that ends in `*` is the beginning of keys.
const REASONS: [(&str, &str, &str); 51] = [
    (
        "",
        "environment_variables",
        "set these where the gateway runs; it does not set them for itself",
    ),
    (
        "",
        "include",
        "only this file was read: import each included file, or put their models into it first",
    ),
    ("", "mcp*", "tool servers are not this gateway's"),
    ("", "guardrails", "guardrails are not in this version"),
    ("", "vector_store*", "other APIs of a provider go through /passthrough"),
    (
        "router_settings",
        "routing_strategy",
        "shares follow weights, health and room decide the rest: there is no choice of strategies",
    ),
    ("router_settings", "routing_strategy_args", "there is no choice of strategies"),
    (
        "router_settings",
        "num_retries",
        "attempts are counted over all targets of a request: `attempts_max`, 5 by default; the next target comes first, the same one only when that may help",
    ),
    ("router_settings", "retry_after", "what a provider says in `Retry-After` is obeyed"),
    (
        "router_settings",
        "retry_policy",
        "what may be tried again follows from the class of the failure (docs/failure-classes.md)",
    ),
    ("router_settings", "max_fallbacks", "`attempts_max` of a route, 5 by default, bounds them"),
    ("router_settings", "allowed_fails*", BREAKER),
    ("router_settings", "cooldown_time", BREAKER),
    ("router_settings", "disable_cooldowns", BREAKER),
    (
        "router_settings",
        "enable_health_check_routing",
        "targets that are out of service are probed with real completions before they return; there is nothing to switch on",
    ),
    (
        "router_settings",
        "enable_pre_call_checks",
        "always so: a target whose window is too small is passed by",
    ),
    ("router_settings", "redis*", STATE),
    ("router_settings", "cache*", CACHE),
    (
        "router_settings",
        "enable_tag_filtering",
        "tags are not in this version: give each its own route",
    ),
    (
        "litellm_settings",
        "drop_params",
        "always so: what a target refuses is left out, and `backstop-lost` names it",
    ),
    (
        "litellm_settings",
        "modify_params",
        "always so: requests are written for each dialect, and `backstop-lost` names what could not be carried",
    ),
    (
        "litellm_settings",
        "num_retries",
        "attempts are counted over all targets of a request: `attempts_max`, 5 by default",
    ),
    ("litellm_settings", "allowed_fails*", BREAKER),
    ("litellm_settings", "cooldown_time", BREAKER),
    ("litellm_settings", "cache*", CACHE),
    ("litellm_settings", "callbacks", RECORDS),
    ("litellm_settings", "success_callback", RECORDS),
    ("litellm_settings", "failure_callback", RECORDS),
    ("litellm_settings", "service_callback*", RECORDS),
    (
        "litellm_settings",
        "turn_off_message_logging",
        "no log and no journal holds a prompt or an answer",
    ),
    ("litellm_settings", "redact*", "no log and no journal holds a prompt or an answer"),
    ("litellm_settings", "*budget*", "budgets are not in this version"),
    ("litellm_settings", "default_internal_user_params", DATABASE),
    (
        "litellm_settings",
        "ssl_verify",
        "certificates are always verified: name a further authority with `ca_file`",
    ),
    ("general_settings", "master_key", KEYS),
    ("general_settings", "database*", DATABASE),
    ("general_settings", "store_model_in_db", DATABASE),
    ("general_settings", "alerting*", "alerts are not in this version: watch /metrics"),
    (
        "general_settings",
        "background_health_checks",
        "only targets that are out of service are probed",
    ),
    (
        "general_settings",
        "health_check_interval",
        "only targets that are out of service are probed",
    ),
    (
        "general_settings",
        "max_parallel_requests",
        "set `concurrency` of a provider, or `limits.requests_max`",
    ),
    ("general_settings", "global_max_parallel_requests", "set `limits.requests_max`"),
    (
        "general_settings",
        "allow_requests_on_db_unavailable",
        "always so: the request path needs no database",
    ),
    ("general_settings", "*_auth*", KEYS),
    ("model_list[]", "tpm", LIMITS),
    (
        "model_list[].litellm_params",
        "max_parallel_requests",
        "set `concurrency` of the provider, over all of its models",
    ),
    (
        "model_list[].litellm_params",
        "timeout",
        "clocks belong to a route: set `deadline` or `first_token_max` of it",
    ),
    (
        "model_list[].litellm_params",
        "stream_timeout",
        "clocks belong to a route: set `first_token_max` of it",
    ),
    (
        "model_list[].litellm_params",
        "max_retries",
        "attempts are counted over all targets of a request: `attempts_max`",
    ),
    (
        "model_list[].litellm_params",
        "aws_*",
        "AWS keys, profiles and roles come from the usual chain of `identity: aws` (docs/providers/identity.md); keys in a file are not copied",
    ),
    (
        "model_list[].litellm_params",
        "vertex_credentials",
        "name the key file in GOOGLE_APPLICATION_CREDENTIALS, or under `identity: { google: { key_file: … } }`",
    ),
];

/// Parameters of a request that a deployment may preset.
const PRESETS: [&str; 14] = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "reasoning_effort",
    "verbosity",
    "thinking",
    "extra_body",
    "response_format",
];

/// Why a key cannot be carried; `None` for one that was read.
pub(super) fn why(section: &str, key: &str) -> Option<&'static str> {
    let of = |(named, keys): &(&str, &[&str])| *named == section && keys.contains(&key);
    if READ.iter().any(of) {
        return None;
    }
    let known = REASONS.iter().find(|(of, pattern, _)| *of == section && matches(pattern, key));
    let preset = section.ends_with("litellm_params") && PRESETS.contains(&key);
    let other = if preset { PARAMETERS } else { "there is no such setting" };
    Some(known.map_or(other, |(_, _, why)| why))
}

/// Whether a key is meant: its name, or with `*` for anything before or after.
fn matches(pattern: &str, key: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => key.contains(rest.trim_end_matches('*')),
        (Some(end), None) => key.ends_with(end),
        (None, Some(start)) => key.starts_with(start),
        (None, None) => key == pattern,
    }
}
