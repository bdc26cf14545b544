use std::borrow::Cow;

use backstop_exchange::{
    Block, Features, Forfeit, Loss, Media, MediaKind, Request, Source, Text, Tool, ToolChoice,
    ToolKind,
};
use serde_json::Value;

use crate::form::emulate;
use crate::{Terms, forfeits};

/// A request as its target shall get it.
#[derive(Debug)]
pub struct Fitted<'a> {
    /// The request.
    pub request: Cow<'a, Request>,
    /// What it lost.
    pub losses: Vec<Loss>,
    /// The tool whose arguments are the answer, where the model can be held to a form in no other
    /// way.
    pub answer_tool: Option<String>,
}

/// The request as the target shall get it. The caller has asked [`crate::standing`] before: what the
/// route does not allow is not given up.
pub fn fit<'a>(request: &'a Request, needs: &Features, terms: &Terms<'_>) -> Fitted<'a> {
    let mut given_up = forfeits(needs, terms);
    given_up.retain(|forfeit| terms.allowed.allows(forfeit));
    let as_text = needs.text_documents && !terms.abilities.documents;
    let adjusted = !terms.adjustment.is_empty();
    let formless = needs.schema && !terms.abilities.schema;
    if given_up.is_empty() && !as_text && !adjusted && !formless {
        let request = Cow::Borrowed(request);
        return Fitted { request, losses: Vec::new(), answer_tool: None };
    }
    let mut request = request.clone();
    let mut losses = give_up(&mut request, &given_up);
    if as_text {
        each_block(&mut request, as_plain_text);
        losses.push(Loss::new("document", "became text"));
    }
    terms.adjustment.apply(&mut request);
    let answer_tool = if formless { emulate(&mut request, terms, &mut losses) } else { None };
    Fitted { request: Cow::Owned(request), losses, answer_tool }
}

/// Takes out of a request what the target answers without, and lists it. What a person would miss in
/// the conversation is replaced by a note, so that the model does not answer as if nothing were there.
fn give_up(request: &mut Request, forfeits: &[Forfeit]) -> Vec<Loss> {
    for forfeit in forfeits {
        match forfeit {
            Forfeit::Logprobs => request.sampling.logprobs = None,
            Forfeit::Answers => request.sampling.answers = None,
            Forfeit::HostedTool(_) => leave_out_tool(request, forfeit),
            Forfeit::Residency => {
                request.extras.shift_remove("inference_geo");
            }
            Forfeit::Retention => leave_out_retention(request),
            Forfeit::Images
            | Forfeit::Documents
            | Forfeit::Audio
            | Forfeit::Files
            | Forfeit::Citations => {}
        }
    }
    each_block(request, |block| note(block, forfeits));
    forfeits.iter().map(|forfeit| Loss::new(forfeit.name(), forfeit.reason())).collect()
}

/// Leaves out what the target would not keep; the other wishes of the field stay.
fn leave_out_retention(request: &mut Request) {
    let Some(Value::Object(wishes)) = request.extras.get_mut("provider") else { return };
    wishes.retain(|name, _| !matches!(name.as_str(), "data_collection" | "zdr"));
    if wishes.is_empty() {
        request.extras.shift_remove("provider");
    }
}

/// Leaves out the tools of this kind, the choice of them, and the fields that belong to them.
fn leave_out_tool(request: &mut Request, forfeit: &Forfeit) {
    let is_it = |tool: &Tool| hosted(tool).as_ref() == Some(forfeit);
    let names: Vec<String> =
        request.tools.iter().filter(|tool| is_it(tool)).map(|tool| tool.name.clone()).collect();
    request.tools.retain(|tool| !is_it(tool));
    let is_its = |field: &String| Forfeit::of_field(field).as_ref() == Some(forfeit);
    request.extras.retain(|field, _| !is_its(field));
    request.bound = request.bound.take().filter(|field| !is_its(field));
    let gone = |name: &String| names.contains(name);
    match &mut request.tool_choice {
        ToolChoice::Named(name) if gone(name) => request.tool_choice = ToolChoice::Unsaid,
        ToolChoice::Among { names, .. } => {
            names.retain(|name| !gone(name));
            if names.is_empty() {
                request.tool_choice = ToolChoice::None;
            }
        }
        ToolChoice::Named(_)
        | ToolChoice::Unsaid
        | ToolChoice::Auto
        | ToolChoice::Any
        | ToolChoice::None => {}
    }
    if request.tools.is_empty() {
        request.tool_choice = ToolChoice::Unsaid;
        request.parallel_tools = None;
    }
}

fn hosted(tool: &Tool) -> Option<Forfeit> {
    match &tool.kind {
        ToolKind::Hosted { json, .. } => {
            let kind = json.get("type").and_then(Value::as_str);
            Some(Forfeit::hosted(kind.unwrap_or(&tool.name)))
        }
        ToolKind::Function | ToolKind::Custom => None,
    }
}

/// Every block of the conversation, those in tool results too.
fn each_block(request: &mut Request, mut change: impl FnMut(&mut Block)) {
    for block in request.turns.iter_mut().flat_map(|turn| &mut turn.blocks) {
        match block {
            Block::ToolResult(result) => result.blocks.iter_mut().for_each(&mut change),
            Block::Text(_)
            | Block::Media(_)
            | Block::ToolCall(_)
            | Block::Reasoning { .. }
            | Block::Refusal(_)
            | Block::Foreign { .. } => change(block),
        }
    }
}

/// Puts a note in the place of a medium that is given up.
fn note(block: &mut Block, forfeits: &[Forfeit]) {
    let Block::Media(media) = block else { return };
    if forfeits.contains(&Forfeit::Citations) {
        media.extras.shift_remove("citations");
    }
    if let Some(text) = words_for(media, forfeits) {
        *block = Block::Text(Text { text, cache_hint: media.cache_hint.take() });
    }
}

/// A document of plain text as the text it is.
fn as_plain_text(block: &mut Block) {
    let Block::Media(media) = block else { return };
    if let (MediaKind::Document, Source::Text(text)) = (media.kind, &media.source) {
        let title = media.title.as_ref().map(|title| format!(" title={}", Value::from(&**title)));
        let text = format!("<document{}>\n{text}\n</document>", title.unwrap_or_default());
        *block = Block::Text(Text { text, cache_hint: media.cache_hint.take() });
    }
}

/// The note for a medium; `None` for one that stays.
fn words_for(media: &Media, forfeits: &[Forfeit]) -> Option<String> {
    let (kind, forfeit) = match media.kind {
        MediaKind::Image => ("An image", Forfeit::Images),
        MediaKind::Document => ("A document", Forfeit::Documents),
        MediaKind::Audio => ("A recording", Forfeit::Audio),
    };
    let title = media.title.as_ref().map_or_else(String::new, |title| format!(", \"{title}\","));
    match &media.source {
        Source::File { .. } if forfeits.contains(&Forfeit::Files) => {}
        Source::Base64(_) | Source::Url(_) | Source::File { .. } if forfeits.contains(&forfeit) => {
        }
        Source::Base64(_) | Source::Url(_) | Source::File { .. } | Source::Text(_) => return None,
    }
    Some(format!("[{kind}{title} was given here that cannot be shown to you.]"))
}

#[cfg(test)]
mod tests {
    use backstop_exchange::{Role, Turn};
    use backstop_vocabulary::Dialect;
    use serde_json::json;

    use super::*;

    fn hosted_tool(kind: &str) -> Tool {
        let json = json!({ "type": kind });
        let kind_of = ToolKind::Hosted { dialect: Dialect::OpenaiResponses, json };
        Tool { name: kind.to_owned(), kind: kind_of, ..Tool::default() }
    }

    fn media(kind: MediaKind, source: Source) -> Block {
        Block::Media(Media {
            kind,
            media_type: String::new(),
            source,
            title: None,
            detail: None,
            cache_hint: None,
            extras: serde_json::Map::new(),
        })
    }

    #[test]
    fn a_tool_goes_with_its_choice_and_others_stay() {
        let function = Tool { name: "read".to_owned(), ..Tool::default() };
        let mut request = Request {
            tools: vec![hosted_tool("web_search"), function.clone(), hosted_tool("mcp")],
            tool_choice: ToolChoice::Named("web_search".to_owned()),
            ..Request::default()
        };
        let lost = give_up(&mut request, &[Forfeit::hosted("web_search")]);
        assert_eq!(request.tools, [function, hosted_tool("mcp")]);
        assert_eq!(request.tool_choice, ToolChoice::Unsaid);
        let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
        assert_eq!(lost, ["hosted_tools.web_search=runs at another provider: left out"]);
    }

    #[test]
    fn a_rule_that_is_not_kept_is_not_sent() {
        let said = json!({
            "inference_geo": "us",
            "provider": { "zdr": true, "data_collection": "deny", "order": ["a"] },
        });
        let mut request =
            Request { extras: said.as_object().unwrap().clone(), ..Request::default() };
        let lost = give_up(&mut request, &[Forfeit::Residency, Forfeit::Retention]);
        let lost: Vec<_> = lost.iter().map(|loss| loss.field.as_str()).collect();
        assert_eq!(lost, ["residency", "retention"]);
        assert_eq!(Value::Object(request.extras), json!({ "provider": { "order": ["a"] } }));
        let only = json!({ "provider": { "zdr": true } });
        let mut request =
            Request { extras: only.as_object().unwrap().clone(), ..Request::default() };
        give_up(&mut request, &[Forfeit::Retention]);
        assert!(request.extras.is_empty());
    }

    #[test]
    fn a_choice_among_tools_that_are_all_gone_is_no_choice() {
        let mut request = Request {
            tools: vec![hosted_tool("web_search")],
            tool_choice: ToolChoice::Among { names: vec!["web_search".to_owned()], required: true },
            parallel_tools: Some(false),
            ..Request::default()
        };
        give_up(&mut request, &[Forfeit::hosted("web_search")]);
        assert_eq!((request.tool_choice, request.parallel_tools), (ToolChoice::Unsaid, None));
    }

    #[test]
    fn what_is_not_shown_is_said_to_be_missing() {
        let file = Source::File { dialect: Dialect::OpenaiChat, id: "file_1".to_owned() };
        let shown = media(MediaKind::Document, Source::Base64("JVBERi0".to_owned()));
        let blocks = vec![
            media(MediaKind::Image, Source::Url("https://example.com/a.png".to_owned())),
            media(MediaKind::Document, file),
            shown.clone(),
        ];
        let mut request = Request {
            turns: vec![Turn { role: Role::User, blocks, name: None }],
            ..Request::default()
        };
        give_up(&mut request, &[Forfeit::Images, Forfeit::Files]);
        let blocks = &request.turns[0].blocks;
        for (block, kind) in blocks.iter().zip(["An image", "A document"]) {
            let words = format!("[{kind} was given here that cannot be shown to you.]");
            assert_eq!(*block, Block::Text(Text::plain(words)));
        }
        assert_eq!(blocks[2], shown);
    }
}
