//! Names of models: the same weights are called one thing at their maker and another at each cloud.
//!
//! | Where | Looks like |
//! |---|---|
//! | the maker | `claude-sonnet-4-5-20250929`, or without its date |
//! | Bedrock | `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`, also at the end of an ARN |
//! | Vertex | `claude-sonnet-4-5@20250929`, `publishers/google/models/gemini-2.5-pro` |
//! | `OpenRouter` | `anthropic/claude-sonnet-4.5`, `qwen/qwen3-32b:free` |
//! | Gemini API | `models/gemini-2.5-pro` |
//!
//! Azure's deployments are named by their owners: there a provider's `models:` says which is which.

/// Where a cross-region profile of Bedrock may send a request.
const REGIONS: [&str; 8] = ["us.", "eu.", "apac.", "jp.", "au.", "ca.", "us-gov.", "global."];

/// Who makes the models of Bedrock, as their names begin there.
const BEDROCK_MAKERS: [&str; 10] = [
    "anthropic.",
    "amazon.",
    "meta.",
    "mistral.",
    "cohere.",
    "openai.",
    "deepseek.",
    "qwen.",
    "ai21.",
    "google.",
];

/// What `OpenRouter` appends to choose a way of serving, not a model.
const WAYS: [&str; 7] = [":free", ":nitro", ":floor", ":online", ":extended", ":exacto", ":batch"];

/// The one name of a model, whoever serves it: in small letters, without organisation, region, or
/// a cloud's version, Claude's versions with dashes, a snapshot's date behind a dash.
///
/// What it does not understand it leaves as it is.
pub fn canonical(name: &str) -> String {
    let whole = name.trim().to_ascii_lowercase();
    let mut plain = whole.rsplit('/').next().unwrap_or(&whole);
    if plain.len() < whole.len() {
        plain = WAYS.iter().find_map(|way| plain.strip_suffix(way)).unwrap_or(plain);
    }
    let (mut plain, at_bedrock) = without_maker(plain);
    if at_bedrock {
        plain = without_version(plain);
    }
    let Some(claude) = plain.strip_prefix("claude-") else {
        return plain.replace('@', "-");
    };
    let claude = claude.strip_suffix("-latest").unwrap_or(claude);
    let (kind, date) =
        claude.split_once('@').map_or((claude, None), |(kind, date)| (kind, Some(date)));
    let kind = if date.is_some() { without_version(kind) } else { kind };
    let kind = format!("claude-{}", kind.replace('.', "-"));
    date.map_or_else(|| kind.clone(), |date| format!("{kind}-{date}"))
}

/// The name without a cloud's `region.maker.`, and whether it had one.
fn without_maker(name: &str) -> (&str, bool) {
    let rest = REGIONS.iter().find_map(|region| name.strip_prefix(region)).unwrap_or(name);
    let plain = BEDROCK_MAKERS.iter().find_map(|maker| rest.strip_prefix(maker));
    plain.map_or((name, false), |plain| (plain, true))
}

/// The name without `-v1:0`, `-v1` or `-1:0` at its end.
fn without_version(name: &str) -> &str {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, minor) = match name.rsplit_once(':') {
        Some((rest, minor)) if number(minor) => (rest, true),
        Some(_) | None => (name, false),
    };
    match rest.rsplit_once('-') {
        Some((start, end)) if end.strip_prefix('v').is_some_and(number) => start,
        Some((start, end)) if minor && number(end) => start,
        Some(_) | None => rest,
    }
}

/// A canonical name without its snapshot, and the snapshot's date or number, as digits.
///
/// `claude-sonnet-4-5-20250929` is `claude-sonnet-4-5` and `20250929`; `gpt-4o-2024-08-06` is
/// `gpt-4o` and `20240806`; `gemini-2.0-flash-001` is `gemini-2.0-flash` and `001`.
pub fn snapshot(name: &str) -> (&str, Option<String>) {
    let Some((start, end)) = name.rsplit_once('-') else { return (name, None) };
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if digits(end, 8) || (digits(end, 3) && name.starts_with("gemini-")) {
        return (start, Some(end.to_owned()));
    }
    let mut parts = name.rsplitn(4, '-');
    if let (Some(day), Some(month), Some(year), Some(start)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && digits(day, 2)
        && digits(month, 2)
        && digits(year, 4)
    {
        return (start, Some(format!("{year}{month}{day}")));
    }
    (name, None)
}

/// Whether two names, each as some provider has it, mean the same weights.
///
/// An alias without a date counts as any of its snapshots: which of them it means today only its
/// provider knows. Two different dates are two models. For embeddings, whose vectors must be of one
/// model, ask [`same_vectors`] instead.
pub fn same_weights(one: &str, other: &str) -> bool {
    let (one, other) = (canonical(one), canonical(other));
    let ((one, at), (other, at_other)) = (snapshot(&one), snapshot(&other));
    one == other && (at.is_none() || at_other.is_none() || at == at_other)
}

/// Whether two names mean a model of the same vectors: they differ in nothing but capital letters, an
/// organisation in front, and at AWS the region and maker in front and the number behind a colon.
pub fn same_vectors(one: &str, other: &str) -> bool {
    vector_name(one) == vector_name(other)
}

fn vector_name(name: &str) -> String {
    let whole = name.trim().to_ascii_lowercase();
    let plain = whole.rsplit('/').next().unwrap_or(&whole);
    let (plain, at_bedrock) = without_maker(plain);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match plain.rsplit_once(':') {
        Some((start, end)) if at_bedrock && number(end) => start.to_owned(),
        Some(_) | None => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_model_under_every_name() {
        let names = "
            claude-sonnet-4-5-20250929                             | claude-sonnet-4-5-20250929
            anthropic.claude-sonnet-4-5-20250929-v1:0              | claude-sonnet-4-5-20250929
            eu.anthropic.claude-sonnet-4-5-20250929-v1:0           | claude-sonnet-4-5-20250929
            arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0 | claude-sonnet-4-5-20250929
            claude-sonnet-4-5@20250929                             | claude-sonnet-4-5-20250929
            anthropic/claude-sonnet-4.5                            | claude-sonnet-4-5
            Claude-Sonnet-4-5                                      | claude-sonnet-4-5
            claude-3-7-sonnet-latest                               | claude-3-7-sonnet
            claude-3-5-sonnet-v2@20241022                          | claude-3-5-sonnet-20241022
            global.anthropic.claude-opus-4-6-v1                    | claude-opus-4-6
            us.anthropic.claude-haiku-5-5                          | claude-haiku-5-5
            openai.gpt-oss-120b-1:0                                | gpt-oss-120b
            meta.llama3-1-70b-instruct-v1:0                        | llama3-1-70b-instruct
            models/gemini-2.5-pro                                  | gemini-2.5-pro
            publishers/google/models/gemini-3.6-flash              | gemini-3.6-flash
            google/gemini-2.5-flash                                | gemini-2.5-flash
            openai/gpt-5.4-mini                                    | gpt-5.4-mini
            qwen/qwen3-32b:free                                    | qwen3-32b
            qwen3:8b                                               | qwen3:8b
            house.model-v7                                         | house.model-v7
        ";
        for line in names.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, expected) = line.split_once('|').unwrap();
            assert_eq!(canonical(name.trim()), expected.trim(), "{line}");
            assert_eq!(canonical(expected.trim()), expected.trim(), "{line}");
        }
    }

    #[test]
    fn tells_a_snapshot_from_a_version() {
        assert_eq!(snapshot("gpt-4o-2024-08-06"), ("gpt-4o", Some("20240806".to_owned())));
        assert_eq!(snapshot("gemini-2.0-flash-001"), ("gemini-2.0-flash", Some("001".to_owned())));
        assert_eq!(snapshot("claude-opus-4-8"), ("claude-opus-4-8", None));
        assert_eq!(snapshot("text-embedding-ada-002"), ("text-embedding-ada-002", None));
    }

    #[test]
    fn an_alias_is_any_of_its_snapshots_and_two_dates_are_two_models() {
        let same = [
            ("claude-sonnet-4-5", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"),
            ("gpt-4o", "openai/gpt-4o-2024-08-06"),
            ("claude-opus-4.8", "anthropic/claude-opus-4.8"),
        ];
        let different = [
            ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
            ("gpt-4o", "gpt-4o-mini"),
            ("claude-opus-4-5", "claude-opus-4-6"),
            ("gemini-2.5-flash", "gemini-2.5-flash-lite"),
            ("qwen3:8b", "qwen3:32b"),
        ];
        for (one, other) in same {
            assert!(same_weights(one, other) && same_weights(other, one), "{one} {other}");
        }
        for (one, other) in different {
            assert!(!same_weights(one, other) && !same_weights(other, one), "{one} {other}");
        }
    }

    #[test]
    fn versions_of_embedding_models_are_never_taken_for_one() {
        for (one, other, same) in [
            ("BAAI/bge-m3", "bge-M3", true),
            ("us.amazon.titan-embed-text-v2:0", "titan-embed-text-v2", true),
            ("amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v1", false),
            ("cohere.embed-english-v3", "embed-english-v3", true),
            ("cohere.embed-v4:0", "cohere.embed-multilingual-v3", false),
            ("models/gemini-embedding-001", "gemini-embedding-001", true),
            ("gemini-embedding-001", "gemini-embedding-2", false),
            ("nomic-embed-text:v1.5", "nomic-embed-text", false),
        ] {
            assert_eq!(same_vectors(one, other), same, "{one} {other}");
        }
    }
}
