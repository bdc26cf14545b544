//! The fields without which a request asks the same, by their last name: lower case, without `_`.
//! With what they stand in, these are the slight losses of `docs/losses.md`.

/// At the top, or in what holds settings.
pub(super) const OF_SETTINGS: [&str; 35] = [
    "cachecontrol",
    "display",
    "effort",
    "frequencypenalty",
    "includethoughts",
    "logitbias",
    "metadata",
    "minp",
    "paralleltoolcalls",
    "performanceconfig",
    "prediction",
    "presencepenalty",
    "promptcachekey",
    "promptcacheoptions",
    "promptcacheretention",
    "reasoning",
    "reasoningeffort",
    "repetitionpenalty",
    "requestmetadata",
    "safetyidentifier",
    "seed",
    "servicetier",
    "speed",
    "store",
    "streamoptions",
    "strict",
    "temperature",
    "thinking",
    "thinkingbudget",
    "thinkinglevel",
    "topk",
    "topp",
    "user",
    "userid",
    "verbosity",
];

/// Of a message itself.
pub(super) const OF_MESSAGES: [&str; 3] = ["name", "reasoning", "reasoningcontent"];

/// Of the parts of a message, an instruction or a tool.
pub(super) const OF_PARTS: [&str; 4] = ["cachecontrol", "cachepoint", "detail", "ttl"];

/// Of a tool.
pub(super) const OF_TOOLS: [&str; 3] = ["eagerinputstreaming", "inputexamples", "strict"];

/// Whose values are nobody's business: they are not remembered.
pub(super) const IDENTITY: [&str; 6] =
    ["metadata", "promptcachekey", "requestmetadata", "safetyidentifier", "user", "userid"];
