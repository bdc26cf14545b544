use super::*;

fn found(env: &[(&str, &str)], models: &[&str]) -> Vec<String> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let models: Vec<String> = models.iter().map(|model| (*model).to_owned()).collect();
    let (settings, findings) = discover(&env, &models, &Catalogue::built_in());
    let told = format!("{findings:?}{settings:?}");
    assert!(!told.contains("sk-secret"), "a secret is told: {told}");
    let last = settings.routes.iter().filter(|route| route.models.is_empty());
    let last = last.map(|route| {
        let rungs: Vec<String> = route.ladder.iter().map(shown).collect();
        format!("{}: {}", route.name, rungs.join(" → "))
    });
    findings.iter().map(ToString::to_string).chain(last).collect()
}

#[test]
fn makes_ladders_over_both_vendors_and_the_local_model() {
    let env = [("ANTHROPIC_API_KEY", "sk-secret-a"), ("OPENAI_API_KEY", "sk-secret-o")];
    assert_eq!(
        found(&env, &["phi4", "qwen3:8b"]),
        [
            "note: provider anthropic: key from ANTHROPIC_API_KEY, at https://api.anthropic.com",
            "note: provider openai: key from OPENAI_API_KEY, at https://api.openai.com",
            "note: provider ollama: phi4, qwen3:8b, at http://127.0.0.1:11434/v1",
            "note: route ollama: phi4, qwen3:8b → ollama/*",
            "note: route claude-flagship: claude-opus-*, claude-fable-* → anthropic/* → openai/gpt-5.6 → ollama/qwen3:8b",
            "note: route claude-small: claude-haiku-*, claude-3-haiku-*, claude-3-5-haiku-* → anthropic/* → openai/gpt-5-mini → ollama/qwen3:8b",
            "note: route claude-main: claude-* → anthropic/* → openai/gpt-5.4 → ollama/qwen3:8b",
            "note: route gpt-small: gpt-*-mini*, gpt-*-nano*, o*-mini* → openai/* → anthropic/claude-haiku-4-5 → ollama/qwen3:8b",
            "note: route gpt-flagship: gpt-6*, gpt-5.6* → openai/* → anthropic/claude-opus-4-8 → ollama/qwen3:8b",
            "note: route gpt-main: gpt-*, chatgpt-*, o1*, o3*, o4* → openai/* → anthropic/claude-sonnet-5 → ollama/qwen3:8b",
            "note: route gemini-small: gemini-*-flash-lite* → anthropic/claude-haiku-4-5 + openai/gpt-5-mini → ollama/qwen3:8b",
            "note: route gemini-flagship: gemini-*-pro* → anthropic/claude-opus-4-8 + openai/gpt-5.6 → ollama/qwen3:8b",
            "note: route gemini-main: gemini-* → anthropic/claude-sonnet-5 + openai/gpt-5.4 → ollama/qwen3:8b",
            "anthropic_messages: anthropic/* → openai/gpt-5.4 → ollama/qwen3:8b",
            "openai_chat: openai/* → anthropic/claude-sonnet-5 → ollama/qwen3:8b",
            "openai_responses: openai/* → anthropic/claude-sonnet-5 → ollama/qwen3:8b",
            "gemini: anthropic/claude-sonnet-5 + openai/gpt-5.4 → ollama/qwen3:8b",
        ]
    );
}

#[test]
fn answers_everything_with_what_little_there_is() {
    let lines = found(&[], &["qwen3:8b"]);
    assert!(
        lines.contains(&"note: route claude-main: claude-* → ollama/qwen3:8b".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"openai_chat: ollama/qwen3:8b".to_owned()), "{lines:?}");
    let lines = found(&[("OPENAI_API_KEY", "sk-secret")], &[]);
    assert!(
        lines.contains(&"note: route claude-main: claude-* → openai/gpt-5.4".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn a_local_model_that_is_a_pattern_swallows_nothing() {
    let lines = found(&[], &["*", "qwen3:8b"]);
    assert!(!lines.iter().any(|line| line.contains(", * →") || line.contains("* → ollama/*")));
    assert!(lines.contains(&"note: route ollama: qwen3:8b → ollama/*".to_owned()), "{lines:?}");
}

#[test]
fn says_what_to_do_when_there_is_nothing() {
    let lines = found(&[("ANTHROPIC_API_KEY", " ")], &[]);
    assert_eq!(
        lines,
        [
            "problem: no provider was found in the environment, and no local Ollama; set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, start Ollama, or write a `backstop.yaml`"
        ]
    );
}

#[test]
fn leaves_alone_what_only_the_operator_can_place() {
    let lines = found(&[("GROQ_API_KEY", "sk-secret")], &[]);
    assert!(lines[0].contains("GROQ_API_KEY is set"), "{lines:?}");
}

#[test]
fn takes_an_address_from_our_own_variable_only() {
    let env = [
        ("ANTHROPIC_API_KEY", "sk-secret"),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:8080"),
        ("BACKSTOP_ANTHROPIC_BASE_URL", "http://127.0.0.1:9001/"),
    ];
    assert_eq!(
        found(&env, &[])[0],
        "note: provider anthropic: key from ANTHROPIC_API_KEY, at http://127.0.0.1:9001"
    );
    let lines =
        found(&[("ANTHROPIC_API_KEY", "k"), ("BACKSTOP_ANTHROPIC_BASE_URL", "sk-secret")], &[]);
    assert!(
        lines[0].starts_with("problem: BACKSTOP_ANTHROPIC_BASE_URL: this is not a URL"),
        "{lines:?}"
    );
}

#[test]
fn finds_clouds_by_the_variables_of_their_own_tools() {
    let env = [
        ("ANTHROPIC_API_KEY", "sk-secret-a"),
        ("AZURE_OPENAI_API_KEY", "sk-secret-z"),
        ("AZURE_OPENAI_ENDPOINT", "https://acme.openai.azure.com/"),
        ("AWS_BEARER_TOKEN_BEDROCK", "sk-secret-b"),
        ("AWS_REGION", "us-east-1"),
    ];
    let lines = found(&env, &[]);
    for line in [
        "note: provider azure: key from AZURE_OPENAI_API_KEY, at https://acme.openai.azure.com",
        "note: provider bedrock: key from AWS_BEARER_TOKEN_BEDROCK, at https://bedrock-runtime.us-east-1.amazonaws.com",
        "note: route claude-main: claude-* → anthropic/* → bedrock/* → azure/gpt-5.4",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}: {lines:#?}");
    }
}

#[test]
fn says_what_a_clouds_key_lacks_and_never_takes_our_own_address_for_a_clouds() {
    for place in [None, Some(("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:8080"))] {
        let env: Vec<_> =
            [("AZURE_OPENAI_API_KEY", "sk-secret")].into_iter().chain(place).collect();
        let lines = found(&env, &[]);
        assert!(lines[0].contains("set AZURE_OPENAI_ENDPOINT as well"), "{lines:?}");
    }
}
