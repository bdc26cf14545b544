use std::collections::BTreeMap;

use serde_json::Value;

use super::{Flaw, Heard, malformed};

/// A stream of `response.…` events, checked as the SDKs' helpers do: numbers in order, nothing of an
/// item before it was added, nothing left open at the end.
#[derive(Debug, Default)]
pub(super) struct State {
    heard: Heard,
    /// The number of the next event; `response.created` is the first.
    next: u64,
    /// The items that were added and are not done: their id and the text of deltas.
    open: BTreeMap<u64, (String, String)>,
    items: u64,
    begun: bool,
    pub(super) done: bool,
}

impl State {
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn frame(&mut self, event: &str, data: &str) -> Result<(), Flaw> {
        if data == "[DONE]" {
            return Ok(());
        }
        let json: Value =
            serde_json::from_str(data).map_err(|error| malformed(error.to_string()))?;
        let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "error" || json.get("error").is_some() {
            return Err(Flaw::ErrorInside(code_of(&json)));
        }
        if kind != event {
            return Err(malformed(format!("the event {event} of type {kind}")));
        }
        if json.get("sequence_number").and_then(Value::as_u64) != Some(self.next) {
            return Err(malformed(format!("{kind} is not number {}", self.next)));
        }
        if (self.next == 0) != (kind == "response.created") {
            return Err(malformed(format!("{kind} is number {}", self.next)));
        }
        self.next += 1;
        match kind {
            "response.output_item.added" => self.added(&json),
            "response.output_item.done" => self.item_done(&json),
            "response.completed" => self.complete(&json),
            "response.failed" | "response.incomplete" => Err(Flaw::ErrorInside(code_of(&json))),
            _ if json.get("delta").is_some() => self.delta(&json),
            _ => Ok(()),
        }
    }

    fn added(&mut self, json: &Value) -> Result<(), Flaw> {
        let index = index_of(json)?;
        if index != self.items {
            return Err(malformed("items out of order"));
        }
        self.items += 1;
        let id = json.pointer("/item/id").and_then(Value::as_str).unwrap_or_default();
        self.open.insert(index, (id.to_owned(), String::new()));
        Ok(())
    }

    fn delta(&mut self, json: &Value) -> Result<(), Flaw> {
        let open = self.open.get_mut(&index_of(json)?);
        let (id, text) = open.ok_or_else(|| malformed("a delta of no open item"))?;
        if json.get("item_id").and_then(Value::as_str) != Some(id.as_str()) {
            return Err(malformed("a delta of another item"));
        }
        text.push_str(json.get("delta").and_then(Value::as_str).unwrap_or_default());
        self.begun = true;
        Ok(())
    }

    fn item_done(&mut self, json: &Value) -> Result<(), Flaw> {
        let open = self.open.remove(&index_of(json)?);
        let (_, deltas) = open.ok_or_else(|| malformed("an item done that is not open"))?;
        let item = json.get("item").ok_or_else(|| malformed("no item"))?;
        let whole = match item.get("type").and_then(Value::as_str) {
            Some("message") => texts(item),
            Some("function_call") => arguments(item).to_owned(),
            _ => return Ok(()),
        };
        if whole == deltas { Ok(()) } else { Err(malformed("an item is not what its deltas say")) }
    }

    fn complete(&mut self, json: &Value) -> Result<(), Flaw> {
        if !self.open.is_empty() {
            return Err(malformed("completed with an open item"));
        }
        let response = json.get("response").ok_or_else(|| malformed("no response"))?;
        let items = response.get("output").and_then(Value::as_array).map_or(0, Vec::len);
        if items as u64 != self.items {
            return Err(malformed("completed with other items than were added"));
        }
        self.whole(response)
    }

    pub(super) fn whole(&mut self, response: &Value) -> Result<(), Flaw> {
        if response.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Flaw::ErrorInside(code_of(response)));
        }
        if response.get("object").and_then(Value::as_str) != Some("response")
            || response.get("status").and_then(Value::as_str) != Some("completed")
            || response.get("usage").is_none_or(Value::is_null)
        {
            return Err(malformed("no completed response with usage"));
        }
        let output = response.get("output").and_then(Value::as_array);
        for item in output.ok_or_else(|| malformed("no output"))? {
            let name = item.get("name").and_then(Value::as_str);
            match (item.get("type").and_then(Value::as_str), name) {
                (Some("message"), _) => self.heard.text.push_str(&texts(item)),
                (Some("function_call"), Some(name)) => {
                    if item.get("call_id").and_then(Value::as_str).is_none_or(str::is_empty) {
                        return Err(malformed("a call without an id"));
                    }
                    self.heard.calls.push((name.to_owned(), arguments(item).to_owned()));
                }
                (Some("reasoning"), _) => {}
                (kind, _) => return Err(malformed(format!("an item of type {kind:?}"))),
            }
        }
        let model = response.get("model").and_then(Value::as_str).unwrap_or_default();
        model.clone_into(&mut self.heard.model);
        self.done = true;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Heard, Flaw> {
        if self.done { Ok(self.heard) } else { Err(Flaw::Cut) }
    }
}

fn texts(message: &Value) -> String {
    let parts = message.get("content").and_then(Value::as_array).into_iter().flatten();
    parts.filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
}

fn arguments(call: &Value) -> &str {
    call.get("arguments").and_then(Value::as_str).unwrap_or_default()
}

fn index_of(json: &Value) -> Result<u64, Flaw> {
    let index = json.get("output_index").and_then(Value::as_u64);
    index.ok_or_else(|| malformed("an event without output_index"))
}

/// The code of an error, wherever it stands.
fn code_of(json: &Value) -> String {
    let places =
        ["/response/error/code", "/error/code", "/code", "/response/incomplete_details/reason"];
    let found = places.iter().find_map(|place| json.pointer(place)?.as_str());
    found.unwrap_or_default().to_owned()
}
