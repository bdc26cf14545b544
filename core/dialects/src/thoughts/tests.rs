use super::*;

/// The body with the thoughts whose data is among `stay`, space and all.
fn check(dialect: Dialect, body: &str, stay: &[&str], expected: &str) {
    let found = thoughts(dialect, body.as_bytes()).expect("thoughts");
    let edits = found.without(&mut |artefact| stay.contains(&artefact.data.as_str()));
    let out = String::from_utf8(edited(body.as_bytes(), edits)).unwrap();
    serde_json::from_str::<serde_json::Value>(&out).unwrap_or_else(|no| panic!("{no}: {out}"));
    assert_eq!(out, expected);
}

const CLAUDE: Dialect = Dialect::AnthropicMessages;
const RESPONSES: Dialect = Dialect::OpenaiResponses;

#[test]
fn cuts_out_what_a_target_cannot_read_and_leaves_every_other_byte() {
    let body = r#"{"messages":[ {"role":"user","content":"q"},
 {"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"s1"} , {"type":"text","text":"x\u00e9"}]},
 {"role":"user","content":[{"type":"text","text":"r"}]},
 {"content":[{"type":"text","text":"y"},{"type":"redacted_thinking","data":"s2"}],"role":"assistant"} ], "model":"m"}"#;
    check(CLAUDE, body, &["s1", "s2"], body);
    let one = body.replace(r#","signature":"s1"} , {"#, "").replacen(
        r#"{"type":"thinking","thinking":"a""type":"text""#,
        r#"{"type":"text""#,
        1,
    );
    check(CLAUDE, body, &["s2"], &one);
    let other = body.replace(r#",{"type":"redacted_thinking","data":"s2"}"#, "");
    check(CLAUDE, body, &["s1"], &other);
}

#[test]
fn a_turn_of_nothing_but_lost_thoughts_goes_as_a_whole() {
    let body = r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"a"},{"type":"thinking","thinking":"","signature":""}]},{"role":"user","content":"r"}]}"#;
    let left = r#"{"messages":[{"role":"user","content":"q"},{"role":"user","content":"r"}]}"#;
    check(CLAUDE, body, &[], left);
}

#[test]
fn thinking_is_switched_off_where_the_call_under_way_has_lost_its_thought() {
    let body = |thought: &str, thinking: &str, edits: &str| {
        format!(
            r#"{{"thinking":{thinking},"context_management":{{"edits":[{edits}]}},"messages":[{{"role":"user","content":"q"}},{{"role":"assistant","content":[{thought}{{"type":"tool_use","id":"t","name":"n","input":{{}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t"}}]}}]}}"#
        )
    };
    let thought = r#"{"type":"thinking","thinking":"a","signature":"s1"},"#;
    let (on, off) = (r#"{"type":"enabled","budget_tokens":1024}"#, r#"{"type":"disabled"}"#);
    let clearing = r#"{"type":"clear_thinking_20251015","keep":"all"}"#;
    check(CLAUDE, &body(thought, on, clearing), &["s1"], &body(thought, on, clearing));
    check(CLAUDE, &body(thought, on, clearing), &[], &body("", off, ""));
    check(CLAUDE, &body("", on, ""), &[], &body("", off, ""));
    let adaptive = r#"{"type":"adaptive"}"#;
    check(CLAUDE, &body(thought, adaptive, clearing), &[], &body("", adaptive, clearing));
}

#[test]
fn a_thought_among_items_goes_with_what_came_of_it() {
    let thought = |data: &str| {
        format!(
            r#"{{"type":"reasoning","id":"rs_{data}","summary":[],"encrypted_content":"{data}"}}"#
        )
    };
    let call = r#"{"type":"function_call","call_id":"c","name":"n","arguments":"{}"}"#;
    let result = r#"{"type":"function_call_output","call_id":"c","output":"1"}"#;
    let body = |items: &[&str]| format!(r#"{{"input":[{}],"reasoning":{{}}}}"#, items.join(","));
    let (a, b) = (thought("a"), thought("b"));
    check(RESPONSES, &body(&[&a, call, result, &b]), &["a", "b"], &body(&[&a, call, result]));
    check(
        RESPONSES,
        &body(&[&a, call, result, &b, call]),
        &["b"],
        &body(&[call, result, &b, call]),
    );
    check(RESPONSES, &body(&[&a, &b, call]), &["a", "b"], &body(&[&a, &b, call]));
    check(RESPONSES, &body(&[&a, result]), &["a"], &body(&[result]));
    // Kept by its provider under its id.
    let kept = r#"{"type":"reasoning","id":"rs_k","summary":[]}"#;
    check(RESPONSES, &body(&[kept, call]), &["rs_k"], &body(&[kept, call]));
    check(RESPONSES, &body(&[kept, call]), &[], &body(&[call]));
}

#[test]
fn what_was_carried_for_another_is_its_issuers() {
    let body = r#"{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"backstop:openai_responses:encrypted:gA"},{"type":"thinking","thinking":"","signature":"backstop:unsigned"}]}]}"#;
    let found = thoughts(CLAUDE, body.as_bytes()).unwrap();
    let issuers: Vec<_> = found.artefacts().map(|it| it.map(|it| it.dialect)).collect();
    assert_eq!(issuers, [Some(RESPONSES), None]);
}

#[test]
fn most_requests_have_none() {
    for (dialect, body) in [
        (CLAUDE, r#"{"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"q"}]}"#),
        (
            RESPONSES,
            r#"{"reasoning":{"effort":"low"},"include":["reasoning.encrypted_content"],"input":"q"}"#,
        ),
        (Dialect::OpenaiChat, r#"{"messages":[]}"#),
    ] {
        assert!(thoughts(dialect, body.as_bytes()).is_none(), "{body}");
    }
}
