//! `backstop models`.

use serde_json::{Value, json};

use crate::support::{Backstop, Folder, Recorder};

const ROUTE: &str = "
routes:
  - name: all
    models: [claude-x-1]
    ladder:
      - targets: [first/claude-x-1]
      - targets: [second/house-1]
";

fn models(folder: &Folder, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Backstop::new(&["models"]);
    command.args(args).current_dir(folder.path());
    let output = command.finish(b"");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json(folder: &Folder, args: &[&str]) -> (Option<i32>, Value) {
    let (status, out, err) = models(folder, &[args, &["--json"]].concat());
    (status, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}")))
}

/// A provider that lists two models, and one that is out of order.
fn settings(folder: &Folder, list: &Recorder, broken: &Recorder) {
    let first = format!(
        "  first: {{ kind: anthropic, api_key: sk-first-secret, base_url: 'http://{}' }}",
        list.address
    );
    let second = format!(
        "  second: {{ dialect: openai_chat, base_url: 'http://{}/v1', api_key: sk-second-secret }}",
        broken.address
    );
    folder.write("backstop.yaml", &format!("providers:\n{first}\n{second}\n{ROUTE}"));
}

fn list() -> Recorder {
    Recorder::start(
        200,
        &json!({ "data": [
            { "type": "model", "id": "claude-x-1", "max_input_tokens": 300_000, "max_tokens": 32_000,
              "capabilities": { "image_input": { "supported": false } } },
            { "type": "model", "id": "claude-opus-4-8", "max_input_tokens": 1_000_000 },
        ], "has_more": false }),
    )
}

#[test]
fn asks_each_provider_and_keeps_what_it_says_for_the_gateway() {
    let folder = Folder::new();
    let (list, broken) = (list(), Recorder::start(500, &json!({ "error": "sk-second-secret" })));
    settings(&folder, &list, &broken);
    let (status, report) = json(&folder, &["refresh", "--dry-run"]);
    assert_eq!((status, report["written"].as_bool()), (Some(1), Some(false)), "{report:#}");
    assert!(!folder.path().join("backstop-models.json").exists());
    let asked = list.request();
    assert_eq!(asked.line, "GET /v1/models?limit=1000 HTTP/1.1");
    assert_eq!(asked.header("x-api-key"), Some("sk-first-secret"));
    assert_eq!(broken.request().line, "GET /v1/models HTTP/1.1");

    let (status, report) = json(&folder, &["refresh", "--provider", "first"]);
    assert_eq!((status, report["written"].as_bool()), (Some(0), Some(true)), "{report:#}");
    assert!(!report.to_string().contains("secret"), "{report:#}");
    let changes = report["changes"].as_array().unwrap();
    let limit = &changes[0]["facts"]["context_tokens_max"];
    assert_eq!(changes[0]["model"], "claude-opus-4-8");
    assert_eq!(*limit, json!({ "before": "", "after": "1000000" }), "{report:#}");
    let (_, again) = json(&folder, &["refresh", "--provider", "first"]);
    assert_eq!(again["changes"], json!([]), "{again:#}");

    let (status, shown) = json(&folder, &["list", "--provider", "first"]);
    assert_eq!(status, Some(0), "{shown:#}");
    let fact = &shown["targets"][0]["facts"]["context_tokens_max"];
    assert_eq!((&fact["value"], &fact["estimated"]), (&json!(300_000), &json!(false)), "{shown:#}");
    assert!(fact["source"].as_str().unwrap().ends_with("/v1/models"), "{shown:#}");
}

#[test]
fn a_bad_file_or_half_a_list_changes_nothing() {
    let folder = Folder::new();
    let (list, broken) = (list(), Recorder::start(500, &json!({})));
    settings(&folder, &list, &broken);
    let map = |names: &[&str]| -> String {
        let entry =
            json!({ "litellm_provider": "openai", "mode": "chat", "max_input_tokens": 5000 });
        let map: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), entry.clone())).collect();
        Value::Object(map).to_string()
    };
    folder.write("prices.json", &map(&["house-1", "house-2", "house-3"]));
    let (status, report) = json(&folder, &["refresh", "--from", "prices.json"]);
    assert_eq!((status, report["changes"].as_array().unwrap().len()), (Some(0), 3), "{report:#}");
    let kept = folder.read("backstop-models.json");

    folder.write("prices.json", &map(&["house-1"]));
    let (status, _, err) = models(&folder, &["refresh", "--from", "prices.json"]);
    assert!(status == Some(1) && err.contains("named 3 before"), "{err}");
    folder.write("prices.json", "{\"error\": \"not found\"}");
    let (status, _, err) = models(&folder, &["refresh", "--from", "prices.json"]);
    assert!(status == Some(1) && err.contains("neither"), "{err}");
    let (status, _, err) = models(&folder, &["refresh", "--from", "nowhere.json"]);
    assert!(status == Some(2) && err.contains("nowhere.json"), "{err}");
    assert_eq!(folder.read("backstop-models.json"), kept);

    folder.write("prices.json", &map(&["house-1"]));
    let (status, report) = json(&folder, &["refresh", "--from", "prices.json", "--force"]);
    let gone = report["changes"].as_array().unwrap().iter().filter(|it| it["change"] == "gone");
    assert_eq!((status, gone.count()), (Some(0), 2), "{report:#}");
}

#[test]
fn a_collected_file_that_was_damaged_is_told_of_and_left_out() {
    let folder = Folder::new();
    let (list, broken) = (list(), Recorder::start(500, &json!({})));
    settings(&folder, &list, &broken);
    folder.write("backstop-models.json", "{\"backstop_models\":1,\"models\":[{");
    let (status, out, err) = models(&folder, &["list"]);
    assert!(status == Some(0) && out.contains("first/claude-x-1"), "{out}{err}");
    let mut command = Backstop::new(&["check"]);
    command.current_dir(folder.path());
    let output = command.finish(b"");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(out.contains("backstop-models.json") && out.contains("line 1"), "{out}");
    let (status, _, err) = models(&folder, &["refresh", "--provider", "first"]);
    assert!(status == Some(1) && err.contains("delete it"), "{err}");
}

#[test]
fn clouds_are_asked_with_tokens_and_signatures_that_nobody_is_shown() {
    let folder = Folder::new();
    let token =
        json!({ "access_token": "token-secret", "expires_in": 3600, "token_type": "Bearer" });
    let (login, broken) = (Recorder::start(200, &token), Recorder::start(403, &json!({})));
    let azure = Recorder::start(
        200,
        &json!({ "data": [{ "id": "gpt-x", "capabilities": { "chat_completion": true },
                            "deprecation": { "inference": 1_790_208_000 } }] }),
    );
    let aws = Recorder::start(
        200,
        &json!({ "modelSummaries": [{ "modelId": "maker.x-v1:0", "inputModalities": ["TEXT", "IMAGE"],
                                      "outputModalities": ["TEXT"] }] }),
    );
    let entra = |authority: &Recorder| {
        format!(
            "{{ entra: {{ tenant: acme, client_id: us, client_secret: client-secret, authority: 'http://{}' }} }}",
            authority.address
        )
    };
    let keys = "{ aws: { access_key_id: AKID, secret_access_key: aws-secret } }";
    let provider = |name: &str, kind: &str, at: &Recorder, identity: &str| {
        format!(
            "  {name}: {{ {kind}, base_url: 'http://{}', credentials: [{{ name: login, identity: {identity} }}] }}\n",
            at.address
        )
    };
    let azure_kind = "kind: azure, models: { gpt-x: ours }";
    let providers = [
        provider("first", azure_kind, &azure, &entra(&login)),
        provider("second", "kind: bedrock, region: eu-central-1", &aws, keys),
        provider("third", azure_kind, &azure, &entra(&broken)),
    ];
    folder.write("backstop.yaml", &format!("providers:\n{}{ROUTE}", providers.concat()));
    let (status, report) = json(&folder, &["refresh"]);
    assert_eq!(status, Some(1), "one has no token: {report:#}");
    let said = report.to_string();
    assert!(said.contains("gpt-x") && said.contains("maker.x-v1:0"), "{report:#}");
    assert!(report["sources"][2]["error"].as_str().is_some_and(|it| it.contains("403")), "{said}");
    assert!(!said.contains("secret"), "{said}");
    assert_eq!(login.request().line, "POST /acme/oauth2/v2.0/token HTTP/1.1");
    let asked = azure.request();
    assert_eq!(asked.line, "GET /openai/v1/models HTTP/1.1");
    assert_eq!(asked.header("authorization"), Some("Bearer token-secret"));
    let asked = aws.request();
    assert_eq!(asked.line, "GET /foundation-models HTTP/1.1");
    let signature = asked.header("authorization").unwrap();
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{signature}");
    assert!(signature.contains("/eu-central-1/bedrock/aws4_request"), "{signature}");
}
