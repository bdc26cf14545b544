//! The forms of models at AWS, which each maker has its own of.
//!
//! Source: the model parameters of Amazon's and Cohere's embedding models in AWS's user guide.

use serde_json::{Value, json};

use backstop_vocabulary::Failure;

use super::{VectorRequest, lacks};

/// Titan: one text.
pub(super) fn write_titan(request: &VectorRequest) -> Result<Value, Failure> {
    request.has_no_tasks()?;
    request.has_no_type()?;
    let mut body = json!({ "inputText": request.only()?.text });
    // The first Titan knows no lengths and refuses the member.
    if let Some(dimensions) = request.dimensions {
        body["dimensions"] = dimensions.into();
    }
    Ok(body)
}

/// Cohere: what the texts are for must be said, and would change the vectors if it were guessed.
pub(super) fn write_cohere(request: &VectorRequest) -> Result<Value, Failure> {
    request.has_no_tasks()?;
    let Some(input_type) = &request.input_type else {
        return lacks("vectors of texts without an input_type");
    };
    let texts: Vec<&str> = request.inputs.iter().map(|input| &*input.text).collect();
    let mut body =
        json!({ "texts": texts, "input_type": input_type, "embedding_types": ["float"] });
    if let Some(dimensions) = request.dimensions {
        body["output_dimension"] = dimensions.into();
    }
    Ok(body)
}
