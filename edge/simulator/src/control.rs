//! The control paths: behaviour changed while the simulator runs, and what it has seen.

use std::time::Duration;

use backstop_scenarios::{Behaviour, Knobs, Scope, Symptom};
use http::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::exchange::{Body, json as reply};
use crate::playback::Broken;
use crate::simulator::Simulator;

/// One behaviour as JSON.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Wish {
    /// One provider; all of them when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    symptom: String,
    /// All requests unless it says otherwise.
    #[serde(default = "all")]
    share: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    populations: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    credentials: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u32>,
}

/// The share of a wish that names none.
const fn all() -> f64 {
    1.0
}

/// Answers a request on `/simulator/…`.
pub(crate) fn answer(
    simulator: &Simulator,
    (method, path): (&str, &str),
    body: &[u8],
) -> Result<Response<Body>, Broken> {
    match (method, path) {
        ("GET", "behaviour") => shown(simulator),
        ("PUT" | "POST", "behaviour") => match behaviours(simulator, body) {
            Ok(mut wanted) => {
                if method == "POST" {
                    wanted.splice(0..0, simulator.behaviours());
                }
                simulator.set_behaviours(wanted);
                shown(simulator)
            }
            Err(message) => reply(400, json!({ "error": message }).to_string().into_bytes()),
        },
        ("DELETE", "behaviour") => {
            simulator.set_behaviours(Vec::new());
            shown(simulator)
        }
        ("GET", "requests") => {
            let counts = simulator.requests();
            let by_name: serde_json::Map<_, _> =
                counts.iter().map(|(name, counts)| (name.to_string(), json!(counts))).collect();
            reply(200, serde_json::Value::from(by_name).to_string().into_bytes())
        }
        _ => reply(404, br#"{"error":"GET, PUT, POST or DELETE /simulator/behaviour; GET /simulator/requests"}"#.to_vec()),
    }
}

fn shown(simulator: &Simulator) -> Result<Response<Body>, Broken> {
    let wishes: Vec<Wish> = simulator.behaviours().into_iter().map(wish).collect();
    reply(200, json!(wishes).to_string().into_bytes())
}

/// One wish or a list of them.
fn behaviours(simulator: &Simulator, body: &[u8]) -> Result<Vec<Behaviour>, String> {
    let wishes = if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(body)
    } else {
        serde_json::from_slice(body).map(|wish| vec![wish])
    };
    let wishes: Vec<Wish> =
        wishes.map_err(|error| format!("cannot read the behaviour: {error}"))?;
    for name in wishes.iter().filter_map(|wish| wish.provider.as_deref()) {
        let world = simulator.world();
        if world.provider(name).is_none() {
            let providers = world.scenario().providers.iter();
            let names: Vec<&str> = providers.map(|provider| provider.name.as_str()).collect();
            let names = names.join(", ");
            return Err(format!("no provider is named `{name}`; there are: {names}"));
        }
    }
    wishes.into_iter().map(behaviour).collect()
}

fn behaviour(wish: Wish) -> Result<Behaviour, String> {
    let knobs = Knobs {
        after: wish.after_ms.map(Duration::from_millis),
        status: wish.status,
        retry_after_s: wish.retry_after_s,
        tokens_per_second: wish.tokens_per_second,
        bytes: wish.bytes,
    };
    let Some(symptom) = Symptom::named(&wish.symptom, &knobs) else {
        let names: Vec<&str> = Symptom::ALL.iter().map(|(name, _)| *name).collect();
        return Err(format!("`{}` is no symptom; there are: {}", wish.symptom, names.join(", ")));
    };
    if !(0.0..=1.0).contains(&wish.share) {
        return Err(format!("`share` is from 0 to 1, not {}", wish.share));
    }
    let scope = Scope {
        providers: wish.provider.into_iter().collect(),
        models: wish.models,
        populations: wish.populations,
        credentials: wish.credentials,
        regions: Vec::new(),
        methods: wish.methods,
    };
    Ok(Behaviour { scope, symptom, share: wish.share })
}

fn wish(behaviour: Behaviour) -> Wish {
    Wish {
        provider: behaviour.scope.providers.into_iter().next(),
        symptom: behaviour.symptom.name().to_owned(),
        share: behaviour.share,
        models: behaviour.scope.models,
        populations: behaviour.scope.populations,
        credentials: behaviour.scope.credentials,
        methods: behaviour.scope.methods,
        ..Wish::default()
    }
}
