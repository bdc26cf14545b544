//! `GET /v1/models`: what the routes offer, in a form that both kinds of client read.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use backstop_catalogue::Model;
use backstop_listener::AnswerBody;
use backstop_settings::{Route, Rung, Settings, TargetModel};

use crate::live::Live;

/// The list, or one model of it.
pub(crate) fn list(live: &Live, path: &str) -> Response<AnswerBody> {
    let names =
        names(&live.settings, live.catalogue.models().iter().filter_map(Model::listed_name));
    let path = path.split_once("/models").map_or("", |(_, rest)| rest);
    let (status, value) = match path.strip_prefix('/').filter(|name| !name.is_empty()) {
        None => (StatusCode::OK, page(&names)),
        Some(name) if names.iter().any(|known| known == name) => (StatusCode::OK, entry(name)),
        Some(name) => (StatusCode::NOT_FOUND, unknown(name)),
    };
    let mut response = Response::new(AnswerBody::whole(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The models that routes name: their targets, their plain patterns, and the known models that
/// their patterns match.
fn names<'a>(settings: &Settings, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known: Vec<&str> = known.collect();
    let mut names: Vec<String> =
        settings.routes.iter().flat_map(|route| of(route, &known)).collect();
    names.sort();
    names.dedup();
    names
}

fn of(route: &Route, known: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for pattern in &route.models {
        if pattern.as_str().contains('*') {
            names
                .extend(known.iter().filter(|name| pattern.matches(name)).map(|n| (*n).to_owned()));
        } else {
            names.push(pattern.as_str().to_owned());
        }
    }
    for rung in &route.ladder {
        let Rung::Targets(choices) = rung else { continue };
        for choice in choices {
            if let TargetModel::Named(name) = &choice.model {
                names.push(name.to_string());
            }
        }
    }
    names
}

/// Both sets of keys at once: each kind of client reads its own.
fn entry(name: &str) -> Value {
    json!({
        "id": name, "type": "model", "object": "model", "display_name": name,
        "created": 0, "created_at": "1970-01-01T00:00:00Z", "owned_by": "backstop",
    })
}

fn page(names: &[String]) -> Value {
    let data: Vec<Value> = names.iter().map(|name| entry(name)).collect();
    json!({
        "object": "list", "data": data, "has_more": false,
        "first_id": names.first(), "last_id": names.last(),
    })
}

fn unknown(name: &str) -> Value {
    let message = format!("no route offers the model `{name}`");
    json!({
        "type": "error",
        "error": { "type": "not_found_error", "message": message, "code": "model_not_found", "param": null },
    })
}
