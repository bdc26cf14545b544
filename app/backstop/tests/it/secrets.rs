//! No key in anything that the binary writes, with its logs as talkative as they can be.

use std::path::Path;

use serde_json::json;

use crate::support::{
    Backstop, Folder, Gateway, Simulation, settings_at_free_ports, usual_settings,
};

const OURS: &str = "canary-of-the-operator-4711";
const PASSWORD: &str = "canary-of-the-proxy-4714";

#[track_caller]
fn assert_free(text: &[u8], what: &str) {
    for canary in [OURS, PASSWORD] {
        let at = text.windows(canary.len()).position(|part| part == canary.as_bytes());
        let around = at.map(|at| String::from_utf8_lossy(&text[at.saturating_sub(300)..]));
        assert!(around.is_none(), "{canary} in {what}: {}", around.unwrap());
    }
}

/// Every file that the gateway wrote; the settings name variables only.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

/// Settings whose keys are variables, with a proxy that wants a password.
fn settings(simulation: &Simulation) -> String {
    usual_settings(simulation)
        .replace("api_key: sk-ant-test", "api_key: ${CANARY}")
        .replace("api_key: sk-test", "api_key: ${CANARY}, proxy: none")
        .replace(
            "providers:\n",
            "providers:\n  far: { dialect: openai_chat, base_url: 'http://far.invalid', \
             api_key: '${CANARY}', tier: full, proxy: 'http://me:${PASSWORD}@127.0.0.1:1' }\n",
        )
        .replace(
            "      - targets: [openai/gpt-5.6]\n",
            "      - targets: [far/m]\n      - targets: [openai/gpt-5.6]\n",
        )
}

#[test]
fn no_key_is_in_anything_that_a_gateway_writes() {
    let simulation = Simulation::healthy();
    let folder = Folder::new();
    let file = folder.write("backstop.yaml", &settings_at_free_ports(&settings(&simulation)));
    let variables = [("CANARY", OURS), ("PASSWORD", PASSWORD), ("BACKSTOP_LOG", "trace")];
    let mut gateway = Gateway::with_variables(folder, &variables);
    let mut said = Vec::new();
    for symptom in ["", "auth_401", "http_500", "reset_before_headers", "bad_request_400"] {
        if !symptom.is_empty() {
            simulation.fail("anthropic", symptom);
        }
        for stream in [false, true] {
            let answer = gateway.messages(&json!({
                "model": "claude-sonnet-5", "max_tokens": 50, "stream": stream,
                "messages": [{ "role": "user", "content": "hello" }],
            }));
            assert_eq!(answer.status, 200, "{symptom}: {}", answer.text());
            said.extend(answer.text().into_bytes());
        }
    }
    for page in ["/status", "/metrics"] {
        said.extend(gateway.page(page).text().into_bytes());
    }
    for args in [&["check", "--config"][..], &["check", "--json", "--config"]] {
        let mut command = Backstop::new(args);
        command.arg(&file).envs(variables);
        let output = command.finish(b"");
        said.extend([output.stdout, output.stderr].concat());
    }
    #[cfg(unix)]
    {
        // A reload that is refused quotes the file.
        gateway.folder.write(
            "backstop.yaml",
            "providers: { far: { api_key: '${CANARY}', tier: ${CANARY} } }",
        );
        gateway.child.signal("-HUP");
        while !gateway.child.errors().contains("stay in force") {
            std::thread::yield_now();
        }
        gateway.child.signal("-TERM");
        gateway.child.end();
        said.extend(gateway.child.last_lines().concat().into_bytes());
    }
    let errors = gateway.child.errors();
    assert!(errors.contains("attempt failed"), "{errors}");
    assert_free(errors.as_bytes(), "the log");
    assert_free(&said, "what it said");
    let files = files(gateway.folder.path());
    assert!(files.iter().any(|(name, _)| name.contains("backstop.db")), "no journal: {files:?}");
    for (name, bytes) in files {
        assert_free(&bytes, &name);
    }
}
