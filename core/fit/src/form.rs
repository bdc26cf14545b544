use backstop_exchange::{Format, Loss, Request, Role, Text, Tool, ToolChoice};
use backstop_vocabulary::Dialect;

use crate::Terms;

/// The tool that takes the answer.
const ANSWER: &str = "give_answer";

/// Asks for an answer of a schema where the model cannot be held to one: through the arguments of a
/// tool that it must call, whose name is returned; or by an instruction where the tools are the
/// client's. The answer is checked against the schema either way ([`crate::Judge`]).
pub(crate) fn emulate(
    request: &mut Request,
    terms: &Terms<'_>,
    losses: &mut Vec<Loss>,
) -> Option<String> {
    let Format::Schema(form) = std::mem::take(&mut request.format) else { return None };
    let field = field(terms.client);
    let is_object = form.schema.get("type").is_some_and(|kind| kind == "object");
    let continues = request.turns.last().is_some_and(|turn| turn.role == Role::Assistant);
    if request.tools.is_empty() && terms.abilities.tools && is_object && !continues {
        losses.push(Loss::new(field, "asked for through a tool and checked"));
        request.tools = vec![Tool {
            name: ANSWER.to_owned(),
            description: Some(form.description.unwrap_or_else(|| "Gives the answer.".to_owned())),
            schema: Some(form.schema),
            run_by_client: true,
            ..Tool::default()
        }];
        request.tool_choice = ToolChoice::Named(ANSWER.to_owned());
        return Some(ANSWER.to_owned());
    }
    losses.push(Loss::new(field, "emulated by an instruction and checked"));
    request.system.push(Text::plain(format!(
        "Reply with one JSON value that obeys this JSON Schema, and nothing else:\n{}",
        form.schema
    )));
    None
}

/// What the client calls the form of an answer.
const fn field(client: Dialect) -> &'static str {
    match client {
        Dialect::AnthropicMessages => "output_config.format",
        Dialect::OpenaiChat => "response_format",
        Dialect::OpenaiResponses => "text.format",
        Dialect::Gemini => "responseSchema",
        Dialect::BedrockConverse => "outputConfig.textFormat",
    }
}
