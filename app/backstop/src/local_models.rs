//! Which models a local Ollama offers.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use serde_json::Value;

use crate::console_client::get;

/// Ollama's own default.
const DEFAULT: &str = "127.0.0.1:11434";
/// Where a gateway is told another address of it.
const BASE_URL: &str = "BACKSTOP_OLLAMA_BASE_URL";

/// The models' names; empty when no Ollama answers within `patience`.
pub(crate) fn find(env: &BTreeMap<String, String>, patience: Duration) -> Vec<String> {
    let host = host(env).unwrap_or(DEFAULT);
    address(host).and_then(|addr| ask(addr, patience)).unwrap_or_default()
}

/// Names the server that `OLLAMA_HOST` speaks of as the provider's address, unless one is set.
pub(crate) fn note_address(env: &mut BTreeMap<String, String>) {
    let Some(address) = host(env).and_then(address) else { return };
    env.entry(BASE_URL.to_owned()).or_insert_with(|| format!("http://{address}/v1"));
}

/// Host and port from the gateway's own variable, else from Ollama's.
fn host(env: &BTreeMap<String, String>) -> Option<&str> {
    let named = env.get(BASE_URL).or_else(|| env.get("OLLAMA_HOST"))?;
    let named = named.trim_start_matches("http://").trim_end_matches('/');
    Some(named.strip_suffix("/v1").unwrap_or(named))
}

fn address(host: &str) -> Option<SocketAddr> {
    let full = if host.contains(':') { host.to_owned() } else { format!("{host}:11434") };
    full.to_socket_addrs().ok()?.next().filter(|addr| addr.ip().is_loopback())
}

fn ask(addr: SocketAddr, patience: Duration) -> Option<Vec<String>> {
    let (_, body) = get(addr, "/v1/models", patience).ok()?;
    let list: Value = serde_json::from_str(body.trim()).ok()?;
    let models = list.get("data")?.as_array()?;
    Some(models.iter().filter_map(|model| model.get("id")?.as_str().map(str::to_owned)).collect())
}
