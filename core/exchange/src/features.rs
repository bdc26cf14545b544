use std::collections::BTreeSet;

use crate::{
    Block, Forfeit, Format, Media, MediaKind, Request, Role, Source, Tool, ToolKind, Turn,
};

/// What a picture costs, in bytes of text: it is billed by its size, some 1,500 tokens.
const PICTURE_BYTES: usize = 6_000;
/// How many bytes of a document cost as much as one byte of text.
const DOCUMENT_BYTES: usize = 10;

/// What a request needs of the target that answers it.
///
/// A target is eligible only if the catalogue says it has all of these; `check` uses the same list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent needs, not a state")]
pub struct Features {
    /// Function or custom tools.
    pub tools: bool,
    /// Images in turns or tool results.
    pub images: bool,
    /// PDF or other documents.
    pub documents: bool,
    /// Documents that are plain text, which a target without documents takes as such.
    pub text_documents: bool,
    /// Sound.
    pub audio: bool,
    /// JSON of a schema.
    pub schema: bool,
    /// A last turn of the assistant that the answer must continue.
    pub prefill: bool,
    /// References to the documents given.
    pub citations: bool,
    /// Several answers to one request.
    pub several_answers: bool,
    /// Probabilities of tokens.
    pub logprobs: bool,
    /// No answer at all, only a warm prompt cache.
    pub warms_cache: bool,
    /// Files that only the client's provider holds.
    pub files: bool,
    /// Tools that only the client's provider runs ([`Forfeit::HostedTool`]).
    pub hosted_tools: BTreeSet<Forfeit>,
    /// What the request lays down for its data ([`Forfeit::of_rule`]).
    pub rules: BTreeSet<Forfeit>,
    /// The field that only a provider of the client's dialect can honour, whatever the route allows:
    /// the request means something else without it.
    pub bound: Option<String>,
    /// A rough count of input tokens: four bytes each, an overestimate for most prose.
    pub input_tokens_estimate: u64,
}

impl Features {
    /// What this request needs.
    pub fn of(request: &Request) -> Self {
        let mut needs = Self {
            tools: request.tools.iter().any(|tool| hosted(tool).is_none()),
            schema: matches!(request.format, Format::Schema(_)),
            bound: request.bound.clone().filter(|field| Forfeit::of_field(field).is_none()),
            rules: request
                .extras
                .iter()
                .filter_map(|(key, is)| Forfeit::of_rule(key, is))
                .collect(),
            hosted_tools: request.tools.iter().filter_map(hosted).collect(),
            several_answers: request.sampling.answers.is_some_and(|n| n > 1),
            logprobs: request.sampling.logprobs.is_some(),
            prefill: request.turns.last().is_some_and(|turn| turn.role == Role::Assistant),
            warms_cache: request.output_tokens_max == Some(0),
            ..Self::default()
        };
        let asked_for = request.extras.keys().filter_map(|field| Forfeit::of_field(field));
        needs.hosted_tools.extend(asked_for);
        let mut bytes: usize = request.system.iter().map(|part| part.text.len()).sum();
        for tool in &request.tools {
            bytes += tool.name.len() + tool.description.as_ref().map_or(0, String::len);
            bytes += tool.schema.as_ref().map_or(0, |schema| schema.to_string().len());
        }
        for Turn { blocks, .. } in &request.turns {
            bytes += needs.add(blocks);
        }
        needs.input_tokens_estimate = (bytes as u64).div_ceil(4);
        needs
    }

    /// Adds what these blocks need, and says how many bytes of text they hold.
    fn add(&mut self, blocks: &[Block]) -> usize {
        let mut bytes = 0;
        for block in blocks {
            bytes += match block {
                Block::Text(part) => part.text.len(),
                Block::Media(media) => self.add_media(media),
                Block::ToolCall(call) => call.name.len() + call.arguments.len(),
                Block::ToolResult(result) => self.add(&result.blocks),
                Block::Reasoning { text, .. } | Block::Refusal(text) => text.len(),
                Block::Foreign { json, .. } => json.to_string().len(),
            };
        }
        bytes
    }

    fn add_media(&mut self, media: &Media) -> usize {
        match (media.kind, &media.source) {
            (MediaKind::Image, _) => self.images = true,
            (MediaKind::Document, Source::Text(_)) => self.text_documents = true,
            (MediaKind::Document, _) => self.documents = true,
            (MediaKind::Audio, _) => self.audio = true,
        }
        self.citations |= wants_citations(media);
        match &media.source {
            Source::Text(text) => text.len(),
            Source::Base64(data) if media.kind != MediaKind::Image => {
                PICTURE_BYTES.max(data.len() / DOCUMENT_BYTES)
            }
            Source::Base64(_) | Source::Url(_) => PICTURE_BYTES,
            Source::File { .. } => {
                self.files = true;
                0
            }
        }
    }
}

/// Whether the answer shall refer to places in this document.
fn wants_citations(media: &Media) -> bool {
    media.extras.get("citations").is_some_and(|wish| wish["enabled"] == true)
}

/// Which tool runs at one provider only, if this one does.
fn hosted(tool: &Tool) -> Option<Forfeit> {
    match &tool.kind {
        ToolKind::Hosted { json, .. } if !tool.run_by_client => {
            let kind = json.get("type").and_then(serde_json::Value::as_str);
            Some(Forfeit::hosted(kind.unwrap_or(&tool.name)))
        }
        ToolKind::Hosted { .. } | ToolKind::Function | ToolKind::Custom => None,
    }
}
