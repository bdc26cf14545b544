use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::Workflow;
use crate::faults::{Faults, closest};
use crate::section::Field;
use crate::yaml::{Node, Value};

/// The business processes: their routes and owners are read, everything else is kept.
pub(crate) fn workflows(
    field: &Field<'_>,
    routes: &[(String, String)],
    faults: &mut Faults,
) -> Vec<Workflow> {
    let example = "{ customer-support: { routes: [support], owner: ana } }";
    let mut workflows = Vec::new();
    for (name, field) in field.map(faults, example) {
        let mut workflow = Workflow { name: name.text.as_str().into(), ..Workflow::default() };
        let mut details = Map::new();
        for (key, part) in field.map(faults, "{ routes: [support] }") {
            match key.text.as_str() {
                "routes" => workflow.routes = route_names(&part, routes, faults),
                "owner" => workflow.owner = part.text(faults, "ana").map(|text| text.value.clone()),
                _ => {
                    details.insert(key.text.clone(), json(part.node));
                }
            }
        }
        workflow.details = Json::Object(details).to_string();
        workflows.push(workflow);
    }
    workflows
}

fn route_names(
    field: &Field<'_>,
    routes: &[(String, String)],
    faults: &mut Faults,
) -> Vec<Arc<str>> {
    let mut names = Vec::new();
    for item in field.list(faults, "[support]") {
        let Some(text) = item.text(faults, "support") else { continue };
        if routes.iter().any(|(name, _)| *name == text.value) {
            names.push(text.value.as_str().into());
            continue;
        }
        let known: Vec<&str> = routes.iter().map(|(_, written)| written.as_str()).collect();
        let cure = closest(&text.written, known.iter().copied()).map_or_else(
            || format!("the routes are `{}`", known.join("`, `")),
            |guess| format!("did you mean `{guess}`?"),
        );
        item.fault(faults, format!("no route is named `{}`", text.written), cure);
    }
    names
}

/// The value as JSON, its texts as they stand in the file: reports are read by many.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Empty => Json::Null,
        Value::Switch(on) => Json::Bool(*on),
        Value::Whole(number) => i64::try_from(*number).map_or(Json::Null, Into::into),
        Value::Fraction(number) => Json::from(*number),
        Value::Text(text) => Json::String(text.written.clone()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            entries.iter().map(|(name, value)| (name.text.clone(), json(value))).collect()
        }
    }
}
