//! `GET /v1/models`: what the routes offer, in the form that the client reads.

mod forms;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use backstop_catalogue::Model;
use backstop_listener::AnswerBody;
use backstop_settings::{Route, Rung, Settings, TargetModel};

use crate::live::Live;

pub(crate) use forms::Form;

/// What a request asks of the list.
pub(crate) struct Question<'a> {
    pub(crate) form: Form,
    /// The path as it came.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
}

/// The list, or one model of it.
pub(crate) fn list(live: &Live, question: &Question<'_>) -> Response<AnswerBody> {
    let (form, catalogue) = (question.form, &live.catalogue);
    let names = names(&live.settings, catalogue.models().iter().filter_map(Model::listed_name));
    let rest = question.path.split_once("/models").map_or("", |(_, rest)| rest);
    let name = rest.trim_start_matches('/');
    let name = forms::unescaped(name);
    let (status, value) = if name.is_empty() {
        (StatusCode::OK, form.page(&names, question.query, catalogue))
    } else if names.contains(&name) {
        (StatusCode::OK, form.entry(&name, catalogue))
    } else {
        (StatusCode::NOT_FOUND, form.unknown(&name))
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
