//! The request that asks another target to go on where a stream broke.

use backstop_exchange::{Block, Request, Role, Text, Turn};

/// How the next target is asked to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The delivered text is the last turn of the assistant: only for targets that continue it.
    Prefill,
    /// The delivered text is a turn of the assistant, and the user asks to go on from there.
    Instruction,
}

/// What the user's turn says. The last word is asked for again on purpose: models do not begin
/// with a space, so its repetition is what tells a cut word from a new one; the seam cuts it.
const INSTRUCTION: &str = "Your previous reply was interrupted right after the text above. \
Continue it from exactly that point, in the same language and format, with no preamble and no \
comment. Begin by repeating its last word, whole even where it was cut off, and then go on; \
repeat nothing else.";

/// The request with the delivered text and the wish to continue it.
///
/// The limit of output tokens is lowered by what was delivered (four bytes a token). Nothing
/// delivered gives the request itself. Structured output must not be resumed: a schema makes the
/// model begin a new document.
pub fn resume_request(request: &Request, delivered: &str, method: Method) -> Request {
    let mut resumed = request.clone();
    if delivered.trim().is_empty() {
        return resumed;
    }
    let spent = (delivered.len() as u64).div_ceil(4);
    resumed.output_tokens_max =
        request.output_tokens_max.map(|max| max.saturating_sub(spent).max(1));
    match method {
        Method::Prefill => {
            append(&mut resumed.turns, delivered.trim_end());
            // Prefill and thinking exclude each other.
            resumed.reasoning = backstop_exchange::Reasoning {
                enabled: request.reasoning.enabled.map(|_| false),
                ..backstop_exchange::Reasoning::default()
            };
        }
        Method::Instruction => {
            append(&mut resumed.turns, delivered);
            resumed.turns.push(Turn::text(Role::User, INSTRUCTION));
        }
    }
    resumed
}

/// Adds text to the assistant's last turn, or a turn of it.
fn append(turns: &mut Vec<Turn>, text: &str) {
    match turns.last_mut() {
        Some(turn) if turn.role == Role::Assistant => {
            if let Some(Block::Text(last)) = turn.blocks.last_mut() {
                last.text.push_str(text);
            } else {
                turn.blocks.push(Block::Text(Text::plain(text)));
            }
        }
        _ => turns.push(Turn::text(Role::Assistant, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            turns: vec![Turn::text(Role::User, "tell me")],
            output_tokens_max: Some(100),
            ..Request::default()
        }
    }

    #[test]
    fn a_prefill_ends_in_the_text_without_trailing_space() {
        let resumed = resume_request(&request(), "Once upon \n", Method::Prefill);
        assert_eq!(resumed.turns.len(), 2);
        assert_eq!(resumed.turns[1], Turn::text(Role::Assistant, "Once upon"));
        assert_eq!(resumed.output_tokens_max, Some(97));
    }

    #[test]
    fn an_instruction_ends_in_a_turn_of_the_user() {
        let resumed = resume_request(&request(), "Once upon ", Method::Instruction);
        assert_eq!(resumed.turns[1], Turn::text(Role::Assistant, "Once upon "));
        assert_eq!(resumed.turns[2].role, Role::User);
    }

    #[test]
    fn goes_on_in_the_turn_that_the_client_itself_began() {
        let mut own = request();
        own.turns.push(Turn::text(Role::Assistant, "{"));
        let resumed = resume_request(&own, "\"a\":", Method::Prefill);
        assert_eq!(resumed.turns.len(), 2);
        assert_eq!(resumed.turns[1], Turn::text(Role::Assistant, "{\"a\":"));
    }

    #[test]
    fn leaves_room_for_a_token_and_changes_nothing_without_text() {
        let long = "x".repeat(4000);
        let resumed = resume_request(&request(), &long, Method::Instruction);
        assert_eq!(resumed.output_tokens_max, Some(1));
        assert_eq!(resume_request(&request(), " ", Method::Prefill), request());
    }
}
