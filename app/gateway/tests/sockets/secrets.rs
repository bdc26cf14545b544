//! Keys that must be seen by nobody but the provider they are for: looked for in everything that the
//! gateway says, in the worst weather.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::bytes::{odd_end, odd_stream};
use crate::client::{Call, Got, forms, item};
use crate::peer::{Peer, Script};
use crate::stage::{ANTHROPIC, OPENAI, Providers, Stage, provider, settings};

const OURS: &str = "canary-of-the-operator-4711";
const THEIRS: &str = "canary-of-the-client-4712";
const GATEWAYS: &str = "canary-of-the-gateway-4713";

/// Every line of log, whatever its level.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<String>>);

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

/// Everything but the answers: log, journal, console, and what prints itself.
pub(crate) async fn everything(stage: &Stage, log: &Log, requests: usize) -> String {
    let console = stage.console();
    let mut all = log.0.lock().unwrap().clone();
    for page in ["/status", "/metrics", "/healthz", "/nothing"] {
        all.push_str(&console.send(&Call::get(page)).await.text());
    }
    write!(all, "{:#?}", stage.rows(requests).await).unwrap();
    write!(all, "{:#?}{:#?}", stage.gateway, stage.core).unwrap();
    write!(all, "{:#?}", stage.gateway.settings()).unwrap();
    all
}

#[track_caller]
fn assert_free(text: &str, what: &str) {
    for canary in [OURS, THEIRS, GATEWAYS] {
        let at = text.find(canary).map(|at| text[at.saturating_sub(200)..].chars().take(400));
        assert!(at.is_none(), "{what}: {canary} in …{}…", at.unwrap().collect::<String>());
    }
}

/// What a provider may say that has been told a key and repeats it wherever it can.
fn indiscreet(dialect: Dialect, key: &str) -> Vec<Script> {
    let kinds = ["invalid_request_error", "authentication_error", "rate_limit_error", key];
    let statuses = ["400 Bad", "401 No", "402 Pay", "403 No", "404 No", "413 Long", "429 Slow"];
    let statuses = statuses.into_iter().chain(["500 Oh", "503 Oh", "529 Oh", "302 Found"]);
    let mut scripts = Vec::new();
    for status in statuses.clone() {
        for kind in kinds {
            let error = format!(
                "{{\"type\":\"{kind}\",\"message\":\"what is {key}? The usage policy forbids it\",\
                 \"code\":\"{key}\",\"param\":\"{key}\",\"details\":{{\"error_code\":\"{key}\"}}}}"
            );
            let body = format!("{{\"type\":\"error\",\"error\":{error}}}");
            scripts.push(Script::whole(status, body.as_bytes()));
        }
        let page = format!("<html><title>{key}</title>{key}</html>");
        scripts.push(Script::whole(status, page.as_bytes()));
    }
    for kind in ["api_error", "invalid_request_error"] {
        scripts.extend(inside(dialect, kind, key));
    }
    scripts.push(Script::stream(format!("data: {key}\n\n{key}").as_bytes()));
    scripts
}

/// The same within a good answer: at its beginning, in its middle, and in its place.
fn inside(dialect: Dialect, kind: &str, key: &str) -> [Script; 3] {
    let error = format!("{{\"type\":\"{kind}\",\"message\":\"{key}\",\"code\":\"{key}\"}}");
    let frame = match dialect {
        Dialect::BedrockConverse => {
            let mut message = Vec::new();
            backstop_dialects::exception_message(kind, error.as_bytes(), &mut message);
            message
        }
        Dialect::AnthropicMessages | Dialect::OpenaiResponses => {
            format!("event: error\ndata: {{\"type\":\"error\",\"error\":{error}}}\n\n").into_bytes()
        }
        Dialect::OpenaiChat | Dialect::Gemini => {
            format!("data: {{\"error\":{error}}}\n\n").into_bytes()
        }
    };
    let begun = odd_stream(dialect, 2000);
    let at = odd_end(dialect, &begun);
    let broken = [&begun[..at], &frame].concat();
    let whole = format!("{{\"type\":\"error\",\"error\":{error}}}");
    [Script::stream(&frame), Script::stream(&broken), Script::whole("200 OK", whole.as_bytes())]
}

#[tokio::test]
async fn an_indiscreet_provider_gives_no_key_away() {
    let providers = Providers::open().await;
    for dialect in Dialect::ALL {
        for (credential, told) in [(OURS, OURS), ("from_client", THEIRS)] {
            for script in indiscreet(dialect, told) {
                give_away(&providers, (dialect, credential), script).await;
            }
        }
    }
}

async fn give_away(providers: &Providers, (dialect, credential): (Dialect, &str), script: Script) {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let said = format!("{dialect:?} with {credential}: {}", script.text());
    let mut peer = Peer::open(script).await;
    let alone = settings(&["there/*"], "    deadline: 300ms\n");
    let yaml = provider(&alone, dialect, &format!("http://{}", peer.address));
    let yaml = match credential {
        "from_client" => yaml.replacen("api_key: any", "credential: from_client", 1),
        key => yaml.replacen("api_key: any", &format!("api_key: {key}"), 1),
    };
    let hash = blake3::hash(GATEWAYS.as_bytes()).to_hex();
    let keyed = format!("keys:\n  - {{ name: shop, hash: {hash} }}\n{yaml}");
    let stage = Stage::open(providers, &keyed);
    for delivery in [Delivery::Unary, Delivery::Stream] {
        let call = call(dialect, delivery);
        let got = stage.send(&call).await;
        let begun = got.status == 200 && delivery == Delivery::Stream;
        assert!(begun || got.status >= 400, "{said}: {}", got.text());
        assert_free(&got.everything(), &said);
    }
    let shown = peer.taken().await.head;
    let expected = if credential == "from_client" { THEIRS } else { credential };
    assert!(shown.contains(expected) && !shown.contains(GATEWAYS), "{shown}");
    assert_free(&everything(&stage, &log, 2).await, &said);
}

/// A request that shows the gateway's key and one of its own.
fn call(dialect: Dialect, delivery: Delivery) -> Call {
    let mut call = Call::of(&item(dialect, delivery, Wish::Text)).with("backstop-key", GATEWAYS);
    for (_, value) in &mut call.headers {
        *value = value.replace("key-of-a-client", THEIRS);
    }
    call
}

#[tokio::test]
async fn no_weather_makes_the_gateway_talk_of_keys() {
    let scenario = include_str!("stage.yaml").replace("key-of-anthropic", OURS);
    let providers = Providers::open_with(&scenario).await;
    let hash = blake3::hash(GATEWAYS.as_bytes()).to_hex();
    let yaml = settings(&[ANTHROPIC, OPENAI], "").replace("key-of-anthropic", OURS);
    let yaml = format!("keys:\n  - {{ name: shop, hash: {hash} }}\n{yaml}");
    let symptoms = ["", "auth_401", "bad_request_400", "http_500", "html", "redirect"];
    let broken = ["cut_stream", "reset_mid_body", "error_in_stream", "malformed_frame"];
    for symptom in symptoms.into_iter().chain(broken) {
        let log = Log::default();
        let _logging = tracing::subscriber::set_default(log.clone());
        let stage = Stage::open(&providers, &yaml);
        providers.behave(Vec::new());
        if !symptom.is_empty() {
            providers.fail("anthropic", symptom);
        }
        for (dialect, delivery) in forms() {
            let got: Got = stage.send(&call(dialect, delivery)).await;
            assert_eq!(got.status, 200, "{symptom}: {}", got.text());
            assert_free(&got.everything(), symptom);
        }
        let mut stranger = call(Dialect::AnthropicMessages, Delivery::Unary);
        stranger.headers.retain(|(name, _)| name != "backstop-key");
        let got = stage.send(&stranger).await;
        assert_eq!((got.status, got.header("backstop-error")), (401, "key_refused"));
        assert_free(&got.everything(), "a stranger");
        assert_free(&everything(&stage, &log, forms().count() + 1).await, symptom);
        assert!(!log.0.lock().unwrap().is_empty(), "nothing is logged here");
    }
}
