use std::collections::BTreeMap;
use std::fmt;

use backstop_exchange::{Answer, AnswerBlock, Finish, Format, Request};
use backstop_vocabulary::{Class, Dialect, Failure, Stage};
use jsonschema::Validator;
use serde_json::Value;

/// The client's own schemas, where it is strict about them: whatever a target was told, the answer
/// must keep these.
pub struct Judge {
    format: Option<Validator>,
    tools: BTreeMap<String, Validator>,
}

impl Judge {
    /// The schemas of a request that must be kept; `None` where there is none. A schema that refers
    /// elsewhere or that nobody can make sense of judges nothing.
    pub fn of(request: &Request) -> Option<Self> {
        let always = matches!(request.dialect, Some(Dialect::AnthropicMessages | Dialect::Gemini));
        let format = match &request.format {
            Format::Schema(form) if form.strict.unwrap_or(always) => validator(&form.schema),
            Format::Schema(_) | Format::Json | Format::Text => None,
        };
        let strict = request.tools.iter().filter(|tool| tool.strict == Some(true));
        let tools: BTreeMap<String, Validator> = strict
            .filter_map(|tool| Some((tool.name.clone(), validator(tool.schema.as_ref()?)?)))
            .collect();
        (format.is_some() || !tools.is_empty()).then_some(Self { format, tools })
    }

    /// Whether an answer in the client's form keeps them, unless it was cut short or refused. The
    /// failure names the place, never what stands there.
    pub fn check(&self, answer: &Answer) -> Result<(), Failure> {
        if !matches!(answer.finish, Some(Finish::End | Finish::ToolUse)) {
            return Ok(());
        }
        for block in &answer.blocks {
            let AnswerBlock::ToolCall(call) = block else { continue };
            if let Some(schema) = self.tools.get(&call.name) {
                let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                check(schema, arguments, "the arguments of a call")?;
            }
        }
        let text = answer.text();
        let whole = answer.finish == Some(Finish::End) && !text.is_empty();
        match &self.format {
            Some(schema) if whole => check(schema, &text, "the answer"),
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<_> = self.tools.keys().collect();
        f.debug_struct("Judge")
            .field("format", &self.format.is_some())
            .field("tools", &tools)
            .finish()
    }
}

fn validator(schema: &Value) -> Option<Validator> {
    jsonschema::options().should_validate_formats(false).build(schema).ok()
}

fn check(schema: &Validator, text: &str, what: &str) -> Result<(), Failure> {
    let bad = |why: &str| {
        let message = format!("{what} does not keep the client's schema: {why}");
        Err(Failure::new(Class::BadAnswer, message).at(Stage::AfterContent))
    };
    let Ok(value) = serde_json::from_str::<Value>(text) else { return bad("it is no json") };
    match schema.iter_errors(&value).next() {
        None => Ok(()),
        Some(error) => bad(&format!("see {} of the schema", error.schema_path())),
    }
}

#[cfg(test)]
mod tests {
    use backstop_exchange::{Event, JsonSchema, Tool, ToolKind};
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": { "n": { "type": "integer", "minimum": 3 }, "big": { "type": "integer" } },
            "required": ["n"],
        })
    }

    fn request(strict: Option<bool>, dialect: Dialect) -> Request {
        let form = JsonSchema { name: None, description: None, schema: schema(), strict };
        let tool = Tool {
            name: "f".to_owned(),
            schema: Some(schema()),
            strict: Some(true),
            ..Tool::default()
        };
        Request {
            dialect: Some(dialect),
            format: Format::Schema(form),
            tools: vec![tool],
            ..Request::default()
        }
    }

    fn answer(events: impl IntoIterator<Item = Event>) -> Answer {
        let mut answer = Answer::default();
        events.into_iter().for_each(|event| answer.take(event).unwrap());
        answer
    }

    fn said(judge: &Judge, text: &str, finish: Finish) -> bool {
        judge.check(&answer([Event::Text(text.to_owned()), Event::Finish(finish)])).is_ok()
    }

    #[test]
    fn an_answer_must_keep_the_schema_that_the_client_is_strict_about() {
        for (strict, dialect, judges) in [
            (Some(true), Dialect::OpenaiChat, true),
            (None, Dialect::AnthropicMessages, true),
            (None, Dialect::OpenaiChat, false),
            (Some(false), Dialect::OpenaiResponses, false),
        ] {
            let judge = Judge::of(&request(strict, dialect)).unwrap();
            assert!(said(&judge, "{\"n\":3,\"big\":123456789012345678901234567890}", Finish::End));
            assert_eq!(said(&judge, "{\"n\":2}", Finish::End), !judges, "{dialect} {strict:?}");
            assert_eq!(said(&judge, "sorry", Finish::End), !judges, "{dialect} {strict:?}");
            // What was cut short is not judged.
            assert!(said(&judge, "{\"n\":", Finish::Length));
        }
    }

    #[test]
    fn the_arguments_of_a_strict_tool_are_judged_and_never_repeated() {
        let judge = Judge::of(&request(Some(false), Dialect::OpenaiChat)).unwrap();
        let call = |name: &str, fragment: &str| {
            let (ordinal, id, kind) = (0, "i".to_owned(), ToolKind::Function);
            let fragment = fragment.to_owned();
            answer([
                Event::ToolStart { ordinal, id, name: name.to_owned(), kind },
                Event::ToolArguments { ordinal, fragment },
                Event::ToolEnd { ordinal },
                Event::Finish(Finish::ToolUse),
            ])
        };
        assert!(judge.check(&call("f", "{\"n\":3}")).is_ok());
        assert!(judge.check(&call("g", "{}")).is_ok());
        let failure = judge.check(&call("f", "{\"n\":\"secret\"}")).unwrap_err();
        assert_eq!(failure.class, Class::BadAnswer);
        assert!(failure.message.contains("/properties/n/type"), "{failure}");
        assert!(!failure.message.contains("secret"), "{failure}");
    }

    #[test]
    fn a_schema_that_nobody_can_follow_judges_nothing() {
        for schema in [json!({ "$ref": "https://example.com/s" }), json!({ "type": 7 })] {
            let mut request = request(Some(true), Dialect::OpenaiChat);
            request.tools.clear();
            let Format::Schema(form) = &mut request.format else { panic!("no schema") };
            form.schema = schema;
            assert!(Judge::of(&request).is_none());
        }
    }
}
