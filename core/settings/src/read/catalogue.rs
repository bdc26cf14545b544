//! `catalogue:`: what the operator knows of models, and where what was collected lies.

use std::collections::BTreeSet;

use backstop_catalogue::{Facts, LongPrice, Modality, Own, Price, Size};

use super::abilities::stated;
use crate::faults::Faults;
use crate::section::{Field, Keys, Section};

pub(crate) const KEYS: Keys = Keys { section: "catalogue", names: &["file", "models"] };
pub(crate) const MODEL_KEYS: Keys = Keys {
    section: "model",
    names: &[
        "name",
        "vendor",
        "like",
        "size",
        "tools",
        "images",
        "documents",
        "audio",
        "schema",
        "prefill",
        "sampling",
        "stop_max",
        "tools_with_reasoning",
        "reasoning_optional",
        "system_turns",
        "completion_tokens_field",
        "reasoning",
        "context_tokens_max",
        "output_tokens_max",
        "parallel_tools",
        "efforts",
        "refuses",
        "inputs",
        "outputs",
        "dimensions",
        "retires_at",
        "price",
    ],
};
pub(crate) const PRICE_KEYS: Keys = Keys {
    section: "price",
    names: &["currency", "input", "output", "cached_input", "cache_write", "long"],
};
pub(crate) const LONG_KEYS: Keys =
    Keys { section: "long price", names: &["above_tokens", "input", "output", "cached_input"] };

/// The dearest price per million tokens; more is a price per token times a million too much.
const PRICE_MAX: f64 = 1e6;
const SIZES: [(&str, Size); 4] = [
    ("flagship", Size::Flagship),
    ("main", Size::Main),
    ("small", Size::Small),
    ("local", Size::Local),
];
const MODALITIES: [Modality; 6] = [
    Modality::Text,
    Modality::Image,
    Modality::Pdf,
    Modality::Audio,
    Modality::Video,
    Modality::Embedding,
];

/// What the section says of models, in its order; and the path of what was collected, if it is named.
pub(crate) fn catalogue(field: &Field<'_>, faults: &mut Faults) -> (Vec<Own>, Option<String>) {
    let Some(section) = field.section(faults, KEYS) else { return (Vec::new(), None) };
    let file = section.get("file").and_then(|field| field.text(faults, "backstop-models.json"));
    let items = section.get("models").map(|field| field.list(faults, "[{ name: house-1, … }]"));
    let own = items.unwrap_or_default().iter().filter_map(|item| model(item, faults)).collect();
    (own, file.map(|text| text.value.clone()))
}

fn model(item: &Field<'_>, faults: &mut Faults) -> Option<Own> {
    let section = item.section(faults, MODEL_KEYS)?;
    let name = section.need(faults, "name", "house-1").and_then(|field| {
        let text = field.text(faults, "house-1")?.value.trim().to_owned();
        let star = text.find('*').is_some_and(|at| at + 1 < text.len());
        if star || text.is_empty() || text == "*" {
            let cure = "write one name, or the beginning of some, like `house-*`";
            field.fault(faults, "this is not the name of a model", cure);
            return None;
        }
        Some(text)
    });
    let mut text = |key, example| {
        let text = section.get(key)?.text(faults, example)?;
        Some(text.value.trim().to_owned())
    };
    let (vendor, like) = (text("vendor", "openai"), text("like", "claude-sonnet-5"));
    let size = section.get("size").and_then(|field| field.word(faults, &SIZES));
    let facts = facts(&section, faults);
    let source = format!("`catalogue` in the settings, line {}", item.place().line);
    Some(Own { model: name?, vendor, like, size, facts, source })
}

fn facts(section: &Section<'_>, faults: &mut Faults) -> Facts {
    let mut facts = stated(section, faults);
    facts.parallel_tools = section.get("parallel_tools").and_then(|field| field.switch(faults));
    facts.efforts = section.get("efforts").map(|field| words(&field, "[low, high]", faults));
    facts.refuses = section
        .get("refuses")
        .map(|field| words(&field, "[temperature]", faults).into_iter().collect());
    facts.inputs = section.get("inputs").map(|field| modalities(&field, faults));
    facts.outputs = section.get("outputs").map(|field| modalities(&field, faults));
    let dimensions = section.get("dimensions").and_then(|field| field.whole(faults, 1..=100_000));
    facts.dimensions = dimensions.and_then(|length| u32::try_from(length).ok());
    facts.retires_at = section.get("retires_at").and_then(|field| day(&field, faults));
    facts.price = section.get("price").and_then(|field| price(&field, faults));
    facts
}

fn words(field: &Field<'_>, example: &str, faults: &mut Faults) -> Vec<String> {
    let items = field.list(faults, example);
    let texts = items.iter().filter_map(|item| item.text(faults, example));
    texts.map(|text| text.value.trim().to_owned()).collect()
}

fn modalities(field: &Field<'_>, faults: &mut Faults) -> BTreeSet<Modality> {
    let words = MODALITIES.map(|modality| (modality.name(), modality));
    let items = field.list(faults, "[text, image]");
    items.iter().filter_map(|item| item.word(faults, &words)).collect()
}

fn day(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.text(faults, "2027-07-24")?.value.trim().to_owned();
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    if text.len() == 10 && text.bytes().enumerate().all(shape) {
        return Some(text);
    }
    field.fault(faults, "this is not a day", "write year, month and day, like `2027-07-24`");
    None
}

fn price(field: &Field<'_>, faults: &mut Faults) -> Option<Price> {
    let section = field.section(faults, PRICE_KEYS)?;
    let currency = section.get("currency").and_then(|field| currency(&field, faults));
    let long = section.get("long").and_then(|field| long(&field, faults));
    let mut amount = |key| section.get(key).and_then(|field| field.number(faults, 0.0..=PRICE_MAX));
    let (input, output) = (amount("input"), amount("output"));
    let (cached_input, cache_write) = (amount("cached_input"), amount("cache_write"));
    Some(Price { currency, input, output, cached_input, cache_write, long })
}

fn long(field: &Field<'_>, faults: &mut Faults) -> Option<LongPrice> {
    let section = field.section(faults, LONG_KEYS)?;
    let above = section.need(faults, "above_tokens", "200000");
    let above = above.and_then(|field| field.whole(faults, 1..=1_000_000_000));
    let mut amount = |key| {
        section.need(faults, key, "5.0").and_then(|field| field.number(faults, 0.0..=PRICE_MAX))
    };
    let (input, output) = (amount("input"), amount("output"));
    let cached_input =
        section.get("cached_input").and_then(|field| field.number(faults, 0.0..=PRICE_MAX));
    Some(LongPrice { above_tokens: above?, input: input?, output: output?, cached_input })
}

fn currency(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.text(faults, "USD")?.value.trim().to_owned();
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(text);
    }
    field.fault(faults, "this is not a currency", "write its three letters, like `USD` or `EUR`");
    None
}
