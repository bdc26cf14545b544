use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn anthropic(body: &str) -> Scan {
    scan(Dialect::AnthropicMessages, body.as_bytes()).unwrap()
}

fn openai(body: &str) -> Scan {
    scan(Dialect::OpenaiChat, body.as_bytes()).unwrap()
}

fn refusal(body: &str) -> String {
    let failure = scan(Dialect::OpenaiChat, body.as_bytes()).unwrap_err();
    assert_eq!(failure.class, backstop_vocabulary::Class::InvalidRequest);
    failure.message.into()
}

#[test]
fn finds_what_matters_and_replaces_nothing_but_the_model() {
    let body =
        r#" { "a" : [ {"model":"x}"}, "]" ] , "model" : "one\"\u0041" , "stream":true, "b":1e3 } "#;
    let found = openai(body);
    assert_eq!(found.model_name, "one\"A");
    assert!(found.stream && !found.tools && !found.special && !found.format);
    let changed = String::from_utf8(with_model(body.as_bytes(), &found, "two\"")).unwrap();
    assert_eq!(changed, body.replace(r#""one\"\u0041""#, r#""two\"""#));
}

#[test]
fn an_escaped_key_is_still_the_key() {
    assert_eq!(openai(r#"{"mod\u0065l":"m"}"#).model_name, "m");
}

#[test]
fn marks_of_the_anthropic_dialect() {
    let plain = anthropic(
        r#"{"model":"m","tools":[{"name":"t"},{"type":"custom","name":"u"}],"thread":null}"#,
    );
    assert!(plain.tools && !plain.special && !plain.thread && !plain.format && !plain.media);
    assert!(anthropic(r#"{"model":"m","tools":[{"type":"web_search_20250305"}]}"#).special);
    assert!(!anthropic(r#"{"model":"m","tools":[]}"#).tools);
    assert!(anthropic(r#"{"model":"m","thread":{"type":"create"}}"#).thread);
    assert!(anthropic(r#"{"model":"m","output_config":{"effort":"low","format":{}}}"#).format);
    assert!(!anthropic(r#"{"model":"m","output_config":{"effort":"low"}}"#).format);
    assert!(anthropic(r#"{"model":"m","messages":[{"content":[{"type":"image"}]}]}"#).media);
}

#[test]
fn marks_of_responses() {
    let responses = |body: &str| scan(Dialect::OpenaiResponses, body.as_bytes()).unwrap();
    let plain = responses(
        r#"{"model":"m","input":"x","tools":[{"type":"custom"}],"previous_response_id":null,
            "text":{"verbosity":"low","format":{"type":"text"}},"background":false,
            "include":["reasoning.encrypted_content"]}"#,
    );
    assert!(plain.tools && !plain.special && !plain.format && !plain.media);
    assert!(plain.previous.is_empty() && !plain.background);
    let gone = responses(r#"{"model":"m","background":true}"#);
    assert!(gone.background && !gone.special);
    let held = responses(r#"{"model":"m","previous_response_id":"resp_1"}"#);
    assert_eq!((held.previous.as_str(), held.special), ("resp_1", true));
    for special in [
        r#""conversation":"c""#,
        r#""prompt":{"id":"p"}"#,
        r#""top_logprobs":2"#,
        r#""tools":[{"type":"web_search"}]"#,
    ] {
        assert!(responses(&format!(r#"{{"model":"m",{special}}}"#)).special, "{special}");
    }
    assert!(responses(r#"{"model":"m","text":{"format":{"type":"json_schema"}}}"#).format);
    for media in ["input_image", "input_file", "item_reference"] {
        let body = format!(r#"{{"model":"m","input":[{{"type":"{media}"}}]}}"#);
        assert!(responses(&body).media, "{media}");
    }
}

#[test]
fn marks_of_the_openai_dialect() {
    let plain = openai(r#"{"model":"m","n":1,"logprobs":false,"response_format":{"type":"text"}}"#);
    assert!(!plain.special && !plain.format);
    assert!(openai(r#"{"model":"m","n":2}"#).special);
    assert!(openai(r#"{"model":"m","logprobs":true}"#).special);
    assert!(openai(r#"{"model":"m","response_format":{"type":"json_object"}}"#).format);
    assert!(openai(r#"{"model":"m","tools":[{"type":"custom"}]}"#).special);
}

#[test]
fn sees_what_is_laid_down_for_the_data() {
    for (field, rules) in [
        (r#""inference_geo":"us""#, true),
        (r#""inference_geo":"global""#, false),
        (r#""inference_geo":null"#, false),
    ] {
        let found = anthropic(&format!(r#"{{"model":"m",{field}}}"#));
        assert_eq!((found.rules, found.special), (rules, rules), "{field}");
    }
    for (field, rules) in [
        (r#""provider":{"zdr":true}"#, true),
        (r#""provider":{"order":["a"],"data_collection":"deny"}"#, true),
        (r#""provider":{"order":["a"]}"#, false),
        (r#""provider":"zdr""#, false),
    ] {
        let found = openai(&format!(r#"{{"model":"m",{field}}}"#));
        assert_eq!((found.rules, found.special), (rules, rules), "{field}");
    }
}

#[test]
fn sees_whether_usage_is_asked_for_as_the_full_reading_does() {
    for (options, expect) in [
        (r#"{"include_usage":true}"#, true),
        (r#"{"include_obfuscation":false,"include_usage":true}"#, true),
        (r#"{"include_usage":false}"#, false),
        (r#"{"include_usage":null}"#, false),
        (r#"{"include_usage":"yes"}"#, false),
        ("{}", false),
        ("null", false),
        ("true", false),
    ] {
        let body = format!(
            r#"{{"model":"m","stream":true,"stream_options":{options},"messages":[{{"role":"user","content":"hi"}}]}}"#
        );
        assert_eq!(openai(&body).stream_usage, expect, "{options}");
        let full = crate::read_request(Dialect::OpenaiChat, body.as_bytes());
        assert_eq!(full.is_ok_and(|request| request.stream_usage), expect, "{options}");
    }
}

#[test]
fn says_where_a_body_is_wrong() {
    assert!(refusal("{}").contains("`model` is missing"));
    assert!(refusal(r#"{"model":5}"#).contains("`model` at byte 9 must be a string"));
    assert!(refusal(r#"{"model":"a","model":"b"}"#).contains("twice, again at byte 21"));
    assert!(refusal(r#"{"model":"a""#).contains("byte 12"));
    assert!(refusal(r#"{"model":"a"} x"#).contains("byte 14"));
    assert!(refusal(r#"{"model":"a","b":[}]}"#).contains("bracket at byte 18"));
    assert!(refusal(r#"{"model":"a","b":tru}"#).contains("a value at byte 17"));
    assert!(refusal("").contains("byte 0"));
    assert!(refusal("[]").contains("byte 0"));
    assert!(
        refusal(&format!(r#"{{"model":"a","b":{}1{}}}"#, "[".repeat(200), "]".repeat(200)))
            .contains("128")
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_a_full_parser(
        others in prop::collection::btree_map("[a-l]{1,4}", any_json(), 0..6),
        name in ".{1,12}",
        stream in any::<bool>(),
        pretty in any::<bool>(),
    ) {
        let mut body = Value::Object(others.into_iter().collect());
        body["model"] = json!(name);
        body["stream"] = json!(stream);
        let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) };
        let text = text.unwrap();
        let found = openai(&text);
        prop_assert_eq!(&found.model_name, &name);
        prop_assert_eq!(found.stream, stream);
        let changed: Value = serde_json::from_slice(&with_model(text.as_bytes(), &found, "new")).unwrap();
        body["model"] = json!("new");
        prop_assert_eq!(changed, body);
        // Every truncation is refused.
        let half = text.get(..text.len() / 2).unwrap_or("{");
        prop_assert!(scan(Dialect::OpenaiChat, half.as_bytes()).is_err());
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ model1tn".to_vec()), 0..60)) {
        for dialect in Dialect::ALL {
            drop(scan(dialect, &bytes));
        }
    }
}

#[test]
fn a_stream_that_is_neither_boolean_nor_null_is_refused_with_its_place() {
    // Where the path says it, the body's own field means nothing.
    for dialect in Dialect::ALL.into_iter().filter(|d| crate::fixed_path(*d).is_some()) {
        for (value, stream) in [("true", true), ("false", false), ("null", false)] {
            let body = format!(r#"{{"model":"m","stream": {value} }}"#);
            assert_eq!(scan(dialect, body.as_bytes()).unwrap().stream, stream, "{value}");
        }
        for value in [r#""yes""#, r#""true""#, "1", "0", "[]", "{}"] {
            let body = format!(r#"{{"model":"m","stream":{value},"messages":[]}}"#);
            let failure = scan(dialect, body.as_bytes()).unwrap_err();
            assert_eq!(failure.class, backstop_vocabulary::Class::InvalidRequest, "{value}");
            assert_eq!(
                &*failure.message,
                "`stream` at byte 22 must be true or false, without quotes"
            );
        }
    }
}

#[test]
fn a_request_of_gemini_names_neither_model_nor_stream_and_says_what_else_it_needs() {
    let check = |body: &str| scan(Dialect::Gemini, body.as_bytes()).unwrap();
    let plain = check(r#"{"contents":[{"parts":[{"text":"see \"fileData"}]}]}"#);
    assert_eq!(plain, Scan::default());
    let mixed = check(
        r#"{"contents":[{"parts":[{"inline_data":{}}]}],"tools":[{"function_declarations":[{}]}],
            "generation_config":{"response_mime_type":"application/json"}}"#,
    );
    assert!(mixed.media && mixed.tools && mixed.format && !mixed.special);
    for special in [
        r#"{"tools":{"googleSearch":{}}}"#,
        r#"{"cachedContent":"cachedContents/1"}"#,
        r#"{"model_armor_config":{"prompt_template_name":"t"}}"#,
        r#"{"generationConfig":{"candidateCount":2}}"#,
        r#"{"generationConfig":{"responseModalities":["IMAGE"]}}"#,
        r#"{"toolConfig":{"functionCallingConfig":{"streamFunctionCallArguments":true}}}"#,
    ] {
        assert!(check(special).special, "{special}");
    }
    let scan = check(r#"{"contents":[]}"#);
    assert_eq!(with_model(b"{}", &scan, "other"), b"{}");
}
