use crate::{Block, Format, MediaKind, Request, Role, Source, Tool, ToolKind, Turn};

/// What a request needs of the target that answers it.
///
/// A target is eligible only if the catalogue says it has all of these; `check` uses the same list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent needs, not a state")]
pub struct Features {
    /// Function or custom tools.
    pub tools: bool,
    /// Images in turns or tool results.
    pub images: bool,
    /// PDF or other documents.
    pub documents: bool,
    /// Sound.
    pub audio: bool,
    /// JSON of a schema.
    pub schema: bool,
    /// A last turn of the assistant that the answer must continue.
    pub prefill: bool,
    /// Tools, files or earlier turns that only one provider holds.
    pub provider_bound: bool,
    /// Several answers to one request.
    pub several_answers: bool,
    /// Probabilities of tokens.
    pub logprobs: bool,
    /// A rough count of input tokens: four bytes each, an overestimate for most prose.
    pub input_tokens_estimate: u64,
}

impl Features {
    /// What this request needs.
    pub fn of(request: &Request) -> Self {
        let mut needs = Self {
            tools: request.tools.iter().any(|tool| !is_hosted(tool)),
            schema: matches!(request.format, Format::Schema(_)),
            provider_bound: request.bound.is_some() || request.tools.iter().any(is_hosted),
            several_answers: request.sampling.answers.is_some_and(|n| n > 1),
            logprobs: request.sampling.logprobs.is_some(),
            prefill: request.turns.last().is_some_and(|turn| turn.role == Role::Assistant),
            ..Self::default()
        };
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
                Block::Media(media) => {
                    match media.kind {
                        MediaKind::Image => self.images = true,
                        MediaKind::Document => self.documents = true,
                        MediaKind::Audio => self.audio = true,
                    }
                    match &media.source {
                        Source::Text(text) => text.len(),
                        // A picture is billed by its size, not by its bytes: some 1,500 tokens.
                        Source::Base64(_) | Source::Url(_) => 6_000,
                        Source::File { .. } => {
                            self.provider_bound = true;
                            0
                        }
                    }
                }
                Block::ToolCall(call) => call.name.len() + call.arguments.len(),
                Block::ToolResult(result) => self.add(&result.blocks),
                Block::Reasoning { text, .. } | Block::Refusal(text) => text.len(),
                Block::Foreign { json, .. } => json.to_string().len(),
            };
        }
        bytes
    }
}

/// Whether a tool runs at one provider only.
const fn is_hosted(tool: &Tool) -> bool {
    match tool.kind {
        ToolKind::Hosted { .. } => !tool.run_by_client,
        ToolKind::Function | ToolKind::Custom => false,
    }
}
