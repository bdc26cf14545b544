//! `GET /v1/models`: limits, and what each model can do in `capabilities`.

use backstop_exchange::ReasoningForm;
use serde_json::Value;

use super::{Found, day, supported, tokens};
use crate::{Facts, Modality};

const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

pub(super) fn read(value: &Value, vendor: &str) -> Vec<Found> {
    let models = value.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let found = |model: &Value| {
        let name = model.get("id")?.as_str()?.to_owned();
        Some(Found { vendor: vendor.to_owned(), name, facts: facts(model) })
    };
    models.iter().filter_map(found).collect()
}

fn facts(model: &Value) -> Facts {
    let mut facts = Facts {
        context_tokens_max: tokens(model.get("max_input_tokens")),
        output_tokens_max: tokens(model.get("max_tokens")),
        retires_at: day(model.get("retires_at")),
        ..Facts::default()
    };
    let Some(can) = model.get("capabilities") else { return facts };
    facts.images = supported(can.get("image_input"));
    facts.documents = supported(can.get("pdf_input"));
    facts.schema = supported(can.get("structured_outputs"));
    if let (Some(images), Some(documents)) = (facts.images, facts.documents) {
        let kinds = [(true, Modality::Text), (images, Modality::Image), (documents, Modality::Pdf)];
        facts.inputs = Some(kinds.into_iter().filter(|(has, _)| *has).map(|(_, it)| it).collect());
    }
    if let Some(effort) = can.get("effort") {
        let takes = |word: &&str| supported(effort.get(word)) == Some(true);
        let efforts: Vec<String> =
            EFFORTS.iter().filter(|word| takes(word)).map(|word| (*word).to_owned()).collect();
        facts.efforts = (!efforts.is_empty()).then_some(efforts);
    }
    if let Some(types) = can.get("thinking").and_then(|thinking| thinking.get("types")) {
        let takes = |form| supported(types.get(form));
        facts.reasoning = match (takes("adaptive"), takes("enabled")) {
            (Some(true), _) => Some(ReasoningForm::Adaptive),
            (_, Some(true)) => Some(ReasoningForm::Budget),
            (Some(false), Some(false)) => Some(ReasoningForm::None),
            (None | Some(false), None | Some(false)) => None,
        };
        facts.reasoning_optional = takes("disabled");
    }
    facts
}
