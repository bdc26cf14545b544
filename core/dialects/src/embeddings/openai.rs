//! `OpenAI`'s form, which most hosts speak.

use serde_json::{Value, json};

use backstop_vocabulary::Failure;

use super::{Input, VectorRequest, lacks, other_than, text};

const KNOWN: [&str; 6] = ["model", "input", "dimensions", "encoding_format", "user", "input_type"];

pub(super) fn read(body: &Value) -> VectorRequest {
    let mut read = VectorRequest {
        dimensions: body["dimensions"].as_u64(),
        is_coded: body["encoding_format"] == "base64",
        input_type: text(&body["input_type"]),
        user: text(&body["user"]),
        beyond: other_than(body, &KNOWN),
        ..VectorRequest::default()
    };
    let input = |text: &str| Input { text: text.to_owned(), ..Input::default() };
    match &body["input"] {
        Value::String(text) => read.inputs = vec![input(text)],
        Value::Array(items) if items.iter().all(Value::is_string) => {
            read.inputs = items.iter().filter_map(Value::as_str).map(input).collect();
        }
        // The tokens of one text, or of several: known to the model's own tokenizer only.
        Value::Array(items) => {
            let one = items.iter().all(Value::is_number);
            read.count = Some(if one { 1 } else { items.len() as u64 });
            read.beyond = Some("tokens as input".to_owned());
            return read;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            read.beyond = Some("this input".to_owned());
            return read;
        }
    }
    read.count = Some(read.inputs.len() as u64);
    read
}

pub(super) fn write(request: &VectorRequest, model: &str) -> Result<Value, Failure> {
    request.has_no_tasks()?;
    if request.inputs.is_empty() {
        return lacks("a request without texts");
    }
    let texts: Vec<&str> = request.inputs.iter().map(|input| &*input.text).collect();
    let input = if let [text] = *texts { json!(text) } else { json!(texts) };
    // As numbers: any form can be made of them.
    let mut body = json!({ "model": model, "input": input, "encoding_format": "float" });
    if let Some(dimensions) = request.dimensions {
        body["dimensions"] = dimensions.into();
    }
    for (name, value) in [("user", &request.user), ("input_type", &request.input_type)] {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    Ok(body)
}
