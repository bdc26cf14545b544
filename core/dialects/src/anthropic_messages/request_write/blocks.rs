use backstop_exchange::{
    Artefact, Block, Media, MediaKind, ReasoningForm, Source, ToolCall, ToolKind, ToolResult,
};
use backstop_vocabulary::{Dialect, Failure};
use serde_json::{Map, Value, json};

use super::super::wire::{REDACTED, SIGNATURE};
use super::Media as Kinds;
use super::{Writer, unsupported};
use crate::dispatch::text_elsewhere;
use crate::json::arguments_object;

impl Writer<'_> {
    /// The blocks of a turn or of a tool's result; those that cannot go are listed as lost.
    pub(super) fn blocks(&mut self, blocks: &[Block]) -> Result<Vec<Value>, Failure> {
        let mut written = Vec::with_capacity(blocks.len());
        for block in blocks {
            written.extend(self.block(block)?);
        }
        Ok(written)
    }

    fn block(&mut self, block: &Block) -> Result<Option<Value>, Failure> {
        Ok(match block {
            Block::Text(text) => self.text("messages", text),
            Block::Refusal(text) if text.trim().is_empty() => None,
            Block::Refusal(text) => Some(json!({ "type": "text", "text": text })),
            Block::Media(media) => Some(self.media(media)?),
            Block::ToolCall(call) => Some(self.call(call)),
            Block::ToolResult(result) => Some(self.result(result)?),
            Block::Reasoning { text, artefact } => self.reasoning(text, artefact.as_ref()),
            Block::Foreign { dialect, json, .. } if *dialect == self.tongue.dialect => {
                Some(json.clone())
            }
            Block::Foreign { dialect, kind, json } => self.foreign(*dialect, kind, json),
        })
    }

    /// What stands for a block of another dialect.
    fn foreign(&mut self, dialect: Dialect, kind: &str, json: &Value) -> Option<Value> {
        let text = text_elsewhere(dialect, kind, json);
        let reason = if text.is_some() { "became text" } else { self.tongue.not_here };
        self.lose(&format!("messages.{kind}"), reason);
        text.map(|text| json!({ "type": "text", "text": text }))
    }

    fn call(&mut self, call: &ToolCall) -> Value {
        let input = match call.kind {
            ToolKind::Custom => json!({ "input": call.arguments }),
            ToolKind::Function | ToolKind::Hosted { .. } => arguments_object(&call.arguments),
        };
        let block = json!({
            "type": "tool_use",
            "id": (self.tongue.call_id)(&call.id),
            "name": self.renames.fit(&call.name, self.tongue.tool_name_bytes_max),
            "input": input,
        });
        self.with_hint(block, call.cache_hint.as_ref())
    }

    fn result(&mut self, result: &ToolResult) -> Result<Value, Failure> {
        let mut block = json!({
            "type": "tool_result",
            "tool_use_id": (self.tongue.call_id)(&result.call_id),
        });
        let content = self.blocks(&result.blocks)?;
        match content.as_slice() {
            [] => {}
            [only] if only["type"] == "text" && only.get("cache_control").is_none() => {
                block["content"] = only["text"].clone();
            }
            _ => block["content"] = Value::Array(content),
        }
        if result.is_error {
            block["is_error"] = json!(true);
        }
        Ok(self.with_hint(block, result.cache_hint.as_ref()))
    }

    /// Thoughts go only to those who had them: without a signature of this dialect they are left
    /// out. They are never shown as visible text, because models then imitate it.
    fn reasoning(&mut self, text: &str, artefact: Option<&Artefact>) -> Option<Value> {
        let field = match self.request.dialect {
            Some(Dialect::OpenaiChat) => "reasoning_content",
            Some(
                Dialect::AnthropicMessages
                | Dialect::OpenaiResponses
                | Dialect::Gemini
                | Dialect::BedrockConverse,
            )
            | None => self.word("thinking"),
        };
        if self.target.abilities.reasoning == ReasoningForm::None {
            self.lose(field, "the model does not reason");
            return None;
        }
        let own = artefact.filter(|artefact| artefact.dialect == self.tongue.dialect);
        match own.map(|artefact| (artefact.kind.as_str(), &artefact.data)) {
            Some((SIGNATURE, data)) => {
                Some(json!({ "type": "thinking", "thinking": text, "signature": data }))
            }
            Some((REDACTED, data)) => Some(json!({ "type": "redacted_thinking", "data": data })),
            Some(_) | None => {
                self.lose(field, "made by another model and not replayed");
                None
            }
        }
    }

    fn media(&mut self, media: &Media) -> Result<Value, Failure> {
        let abilities = self.target.abilities;
        let by_bytes = self.tongue.media == Kinds::Bytes;
        let kind = match media.kind {
            MediaKind::Image if abilities.images => "image",
            MediaKind::Document if abilities.documents => "document",
            MediaKind::Image => return Err(unsupported("images")),
            MediaKind::Document => return Err(unsupported("documents")),
            MediaKind::Audio if abilities.audio && by_bytes => "audio",
            MediaKind::Audio => return Err(unsupported("sound")),
        };
        let mut block = Map::new();
        block.insert("type".to_owned(), json!(kind));
        block.insert("source".to_owned(), self.source(media)?);
        match (&media.title, media.kind) {
            (Some(title), MediaKind::Document) => {
                block.insert("title".to_owned(), json!(title));
            }
            (Some(_), MediaKind::Image | MediaKind::Audio) => {
                self.lose("messages.filename", self.tongue.not_here);
            }
            (None, _) => {}
        }
        if media.detail.as_ref().is_some_and(|detail| detail != "auto") {
            self.lose("messages.detail", self.tongue.not_here);
        }
        if self.native {
            block.extend(media.extras.clone());
        } else if !media.extras.is_empty() {
            self.lose("messages.content", "fields of its own dialect dropped");
        }
        Ok(self.with_hint(Value::Object(block), media.cache_hint.as_ref()))
    }

    fn source(&self, media: &Media) -> Result<Value, Failure> {
        let by_bytes = self.tongue.media == Kinds::Bytes;
        Ok(match &media.source {
            Source::Url(_) if by_bytes => return Err(unsupported("media at an address")),
            Source::Url(url) => json!({ "type": "url", "url": url }),
            Source::Text(text) => {
                let kept = by_bytes && !media.media_type.is_empty();
                let media_type = if kept { media.media_type.as_str() } else { "text/plain" };
                json!({ "type": "text", "media_type": media_type, "data": text })
            }
            Source::File { dialect: Dialect::AnthropicMessages, id } if !by_bytes => {
                json!({ "type": "file", "file_id": id })
            }
            Source::File { .. } => {
                return Err(unsupported("files that are kept at another provider"));
            }
            Source::Base64(data) => {
                let media_type = match sniff(data) {
                    Some(seen) if !self.native || media.media_type.is_empty() => seen,
                    Some(_) | None => media.media_type.as_str(),
                };
                let is_document = media.kind == MediaKind::Document;
                if is_document && !by_bytes && media_type != "application/pdf" {
                    return Err(unsupported("documents other than pdf and text"));
                }
                json!({ "type": "base64", "media_type": media_type, "data": data })
            }
        })
    }
}

/// The media type that the first bytes show; a wrong one is refused by the API.
pub(crate) fn sniff(base64: &str) -> Option<&'static str> {
    let marks = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi0", "application/pdf"),
    ];
    marks.into_iter().find(|(mark, _)| base64.starts_with(mark)).map(|(_, kind)| kind)
}
