use backstop_exchange::{Block, Format, MediaKind, Source, Text, ToolChoice};
use backstop_vocabulary::{Class, Dialect};
use serde_json::json;

use super::*;

fn read(body: &Value) -> Request {
    read_request(body.to_string().as_bytes()).unwrap()
}

#[test]
fn a_cache_point_marks_what_stands_before_it() {
    let request = read(&json!({
        "system": [{ "text": "s" }, { "cachePoint": { "type": "default", "ttl": "1h" } }],
        "messages": [{ "role": "user", "content": [
            { "text": "a" }, { "cachePoint": { "type": "default" } }, { "text": "b" },
        ] }],
        "toolConfig": { "tools": [
            { "toolSpec": { "name": "f", "inputSchema": { "json": {} } } },
            { "cachePoint": { "type": "default" } },
        ] },
    }));
    let hint = json!({ "type": "ephemeral" });
    assert_eq!(request.system[0].cache_hint, Some(json!({ "type": "ephemeral", "ttl": "1h" })));
    assert_eq!(request.tools[0].cache_hint, Some(hint.clone()));
    let [Block::Text(first), Block::Text(second)] = &request.turns[0].blocks[..] else {
        panic!("{:?}", request.turns)
    };
    assert_eq!((&first.cache_hint, &second.cache_hint), (&Some(hint), &None));
    assert!(request.lost.is_empty());
}

#[test]
fn what_claude_takes_is_known_and_what_other_models_take_is_kept() {
    let request = read(&json!({
        "messages": [],
        "additionalModelRequestFields": {
            "top_k": 5,
            "thinking": { "type": "enabled", "budget_tokens": 2000 },
            "anthropic_beta": ["x"],
        },
        "outputConfig": {
            "effort": "high",
            "textFormat": { "type": "json_schema", "structure": { "jsonSchema": {
                "name": "n", "schema": "{\"type\":\"object\"}",
            } } },
        },
        "requestMetadata": { "team": "a" },
    }));
    assert_eq!(request.sampling.top_k, Some(5));
    assert_eq!(request.reasoning.budget_tokens, Some(2000));
    let Format::Schema(form) = &request.format else { panic!("{:?}", request.format) };
    assert_eq!(form.schema, json!({ "type": "object" }));
    assert_eq!(request.extras["additionalModelRequestFields"], json!({ "anthropic_beta": ["x"] }));
    assert_eq!(request.extras["requestMetadata"], json!({ "team": "a" }));
    assert_eq!(request.bound, None);
}

#[test]
fn a_guardrail_binds_a_request_to_who_can_obey_it() {
    let config = json!({ "guardrailIdentifier": "g", "guardrailVersion": "1" });
    let request = read(&json!({ "messages": [], "guardrailConfig": config }));
    assert_eq!(request.bound.as_deref(), Some("guardrailConfig"));
}

#[test]
fn a_document_of_text_is_text_and_what_lies_in_s3_stays_as_it_is() {
    let request = read(&json!({ "messages": [{ "role": "user", "content": [
        { "document": { "format": "md", "name": "n", "source": { "bytes": "IyBo" } } },
        { "document": { "format": "pdf", "name": "n", "source": { "bytes": "JVBERi0=" } } },
        { "video": { "format": "mp4", "source": { "s3Location": { "uri": "s3://b/k" } } } },
        { "image": { "format": "png", "source": { "s3Location": { "uri": "s3://b/k" } } } },
    ] }] }));
    let blocks = &request.turns[0].blocks;
    let Block::Media(text) = &blocks[0] else { panic!("{blocks:?}") };
    assert_eq!((text.kind, text.media_type.as_str()), (MediaKind::Document, "text/markdown"));
    assert_eq!(text.source, Source::Text("# h".to_owned()));
    let Block::Media(pdf) = &blocks[1] else { panic!("{blocks:?}") };
    assert_eq!(pdf.source, Source::Base64("JVBERi0=".to_owned()));
    for (block, expected) in blocks[2..].iter().zip(["video", "image"]) {
        let Block::Foreign { dialect, kind, .. } = block else { panic!("{block:?}") };
        assert_eq!((*dialect, kind.as_str()), (Dialect::BedrockConverse, expected));
    }
}

#[test]
fn a_block_that_says_its_kind_as_other_dialects_do_is_read_by_what_it_holds() {
    let said = json!([{ "type": "text", "text": "a" }]);
    let request = read(&json!({ "messages": [{ "role": "user", "content": said }] }));
    assert_eq!(request.turns[0].blocks, [Block::Text(Text::plain("a"))]);
    let empty = json!({ "messages": [{ "role": "user", "content": [{ "type": "text" }] }] });
    let failure = read_request(empty.to_string().as_bytes()).unwrap_err();
    assert!(failure.message.contains("`messages[0].content[0]`"), "{}", failure.message);
}

#[test]
fn choices_are_read_and_wrong_shapes_named() {
    for (choice, expected) in [
        (json!({ "auto": {} }), ToolChoice::Auto),
        (json!({ "any": {} }), ToolChoice::Any),
        (json!({ "tool": { "name": "f" } }), ToolChoice::Named("f".to_owned())),
        (Value::Null, ToolChoice::Unsaid),
    ] {
        let config = json!({ "tools": [], "toolChoice": choice });
        assert_eq!(read(&json!({ "messages": [], "toolConfig": config })).tool_choice, expected);
    }
    for (body, place) in [
        (json!({}), "`messages`"),
        (json!({ "messages": [{ "role": "tool", "content": [] }] }), "`messages[0].role`"),
        (json!({ "messages": [{ "role": "user", "content": "x" }] }), "`messages[0].content`"),
        (json!({ "messages": [{ "role": "user", "content": [5] }] }), "`messages[0].content[0]`"),
    ] {
        let failure = read_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(failure.class, Class::InvalidRequest);
        assert!(failure.message.contains(place), "{}", failure.message);
    }
}

#[test]
fn what_is_said_in_the_words_of_messages_is_not_said_here() {
    let schema = json!({ "json": { "type": "object" } });
    let spec = json!({ "name": "f", "inputSchema": schema, "input_schema": 5, "newer": 1 });
    let image = json!({ "format": "png", "source": { "bytes": "YQ==" }, "type": "audio" });
    let body = json!({
        "messages": [{ "role": "user", "content": [{ "image": image }] }],
        "toolConfig": { "tools": [{ "toolSpec": spec }] },
        "tools": [{ "na+e": "f", "input_schema": {} }], "thinking": { "type": "newest" },
    });
    let request = read(&body);
    let lost: Vec<&str> = request.lost.iter().map(|loss| loss.field.as_str()).collect();
    assert_eq!(lost, ["type", "input_schema", "thinking"]);
    let abilities = backstop_exchange::Abilities { images: true, ..Default::default() };
    let target = crate::TargetForm { model: "m", abilities: &abilities, stream: false };
    let written = crate::write_request(Dialect::BedrockConverse, &request, &target).unwrap();
    let written: Value = serde_json::from_slice(&written.body).unwrap();
    let spec = json!({ "name": "f", "inputSchema": schema, "newer": 1 });
    assert_eq!(written["toolConfig"]["tools"], json!([{ "toolSpec": spec }]));
    assert_eq!(written["messages"][0]["content"][0]["image"]["format"], "png");
    assert_eq!(written["tools"], body["tools"]);
    let tool = json!({ "messages": [], "toolConfig": { "tools": body["tools"] } });
    let failure = read_request(tool.to_string().as_bytes()).unwrap_err();
    assert!(failure.message.contains("`toolConfig.tools[0].toolSpec`"), "{}", failure.message);
}
