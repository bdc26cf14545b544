//! Google's forms: the Gemini API's for one text and for many, and Vertex's instances.
//!
//! Sources: the API reference and `google-genai` 3.4.0; what Vertex serves by which method from the
//! issue threads of its SDKs of 2026.

use serde_json::{Map, Value, json};

use backstop_vocabulary::Failure;

use super::{Input, VectorRequest, lacks, other_than, text};

pub(super) fn read_one(body: &Value) -> VectorRequest {
    let body = plain(body);
    let (input, dimensions, beyond) = read(&body);
    VectorRequest { inputs: vec![input], count: Some(1), dimensions, beyond, ..Default::default() }
}

pub(super) fn read_many(body: &Value) -> VectorRequest {
    let mut all = VectorRequest { beyond: other_than(body, &["requests"]), ..Default::default() };
    let requests = body["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (nth, request) in requests.iter().enumerate() {
        let (input, dimensions, beyond) = read(&plain(request));
        if nth > 0 && dimensions != all.dimensions {
            all.beyond = Some("vectors of different lengths".to_owned());
        }
        all.dimensions = dimensions;
        all.beyond = all.beyond.or(beyond);
        all.inputs.push(input);
    }
    all.count = Some(all.inputs.len() as u64);
    all
}

/// The members of a request in the names of JSON; some clients write those of the protocol.
fn plain(request: &Value) -> Value {
    let name = |name: &str| match name {
        "task_type" => "taskType".to_owned(),
        "output_dimensionality" => "outputDimensionality".to_owned(),
        other => other.to_owned(),
    };
    let members = request.as_object().into_iter().flatten();
    Value::Object(members.map(|(at, value)| (name(at), value.clone())).collect())
}

fn read(request: &Value) -> (Input, Option<u64>, Option<String>) {
    const KNOWN: [&str; 5] = ["model", "content", "taskType", "title", "outputDimensionality"];
    let parts = request["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut beyond = other_than(request, &KNOWN);
    if parts.is_empty() || parts.iter().any(|part| other_than(part, &["text"]).is_some()) {
        beyond = Some("anything but text".to_owned());
    } else if parts.len() > 1 {
        beyond = Some("a text in parts".to_owned());
    }
    let said = parts.first().and_then(|part| part["text"].as_str()).unwrap_or_default();
    let (task, title) = (text(&request["taskType"]), text(&request["title"]));
    let input = Input { text: said.to_owned(), task, title };
    (input, request["outputDimensionality"].as_u64(), beyond)
}

/// The model is in the path.
pub(super) fn write_one(request: &VectorRequest) -> Result<Value, Failure> {
    request.has_no_type()?;
    Ok(write(request.only()?, request.dimensions))
}

pub(super) fn write_many(request: &VectorRequest, model: &str) -> Result<Value, Failure> {
    request.has_no_type()?;
    if request.inputs.is_empty() {
        return lacks("a request without texts");
    }
    let each = |input| {
        let mut one = write(input, request.dimensions);
        one["model"] = format!("models/{model}").into();
        one
    };
    Ok(json!({ "requests": request.inputs.iter().map(each).collect::<Vec<_>>() }))
}

fn write(input: &Input, dimensions: Option<u64>) -> Value {
    let mut body = json!({ "content": { "parts": [{ "text": input.text }] } });
    for (name, value) in [("taskType", &input.task), ("title", &input.title)] {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    if let Some(dimensions) = dimensions {
        body["outputDimensionality"] = dimensions.into();
    }
    body
}

/// Several texts, but of `gemini-embedding-001` one.
pub(super) fn write_instances(request: &VectorRequest, model: &str) -> Result<Value, Failure> {
    request.has_no_type()?;
    if model.starts_with("gemini-") {
        request.only()?;
    }
    if request.inputs.is_empty() {
        return lacks("a request without texts");
    }
    let instance = |input: &Input| {
        let mut instance = json!({ "content": input.text });
        for (name, value) in [("task_type", &input.task), ("title", &input.title)] {
            if let Some(value) = value {
                instance[name] = value.as_str().into();
            }
        }
        instance
    };
    let mut body = Map::new();
    let instances: Vec<Value> = request.inputs.iter().map(instance).collect();
    body.insert("instances".to_owned(), instances.into());
    // The Gemini API cuts a text that is too long; here that is a choice.
    let mut parameters = json!({ "autoTruncate": true });
    if let Some(dimensions) = request.dimensions {
        parameters["outputDimensionality"] = dimensions.into();
    }
    body.insert("parameters".to_owned(), parameters);
    Ok(Value::Object(body))
}
