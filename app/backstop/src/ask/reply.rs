//! The answer, read as it comes.

use std::io;

use backstop_dialects::{Frames, StreamReader, framing};
use backstop_exchange::{Event, Finish};
use backstop_listener::{Abort, AnswerBody};
use backstop_vocabulary::{Class, Dialect, Failure, Usage};
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Collected};
use serde_json::Value;

use super::provenance::Provenance;

/// The longest frame of a stream.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// An answer and how it ended.
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) finish: Option<Finish>,
    pub(super) usage: Option<Usage>,
    pub(super) provenance: Provenance,
    pub(super) ended: Ended,
}

/// How an answer ended.
pub(super) enum Ended {
    Whole,
    Failed(Failure),
}

impl Reply {
    /// Reads an answer to its end; each piece of text is handed over as it comes. An error is one
    /// of handing over.
    pub(super) async fn read(
        dialect: Dialect,
        response: Response<AnswerBody>,
        hand_over: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (head, body) = response.into_parts();
        let reply = Self {
            text: String::new(),
            finish: None,
            usage: None,
            provenance: Provenance::read(&head.headers),
            ended: Ended::Whole,
        };
        if head.status.is_success() {
            return reply.stream(dialect, body, hand_over).await;
        }
        let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        Ok(Self { ended: Ended::Failed(refusal(&head.headers, &body)), ..reply })
    }

    async fn stream(
        mut self,
        dialect: Dialect,
        mut body: AnswerBody,
        mut hand_over: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (mut frames, mut reader) =
            (Frames::new(framing(dialect), FRAME_BYTES_MAX), StreamReader::new(dialect));
        let mut events = Vec::new();
        let mut failed = None;
        while let Some(frame) = body.frame().await {
            let (bytes, broken) = match frame {
                Ok(frame) => (frame.into_data().unwrap_or_default(), false),
                Err(Abort { farewell }) => (farewell, true),
            };
            frames.feed(bytes);
            while let Some(Ok(frame)) = frames.next() {
                reader.read(&frame, &mut events);
            }
            for event in events.drain(..) {
                failed = self.take(event, &mut hand_over)?.or(failed);
            }
            if broken || failed.is_some() {
                break;
            }
        }
        if let Some(failure) = failed.or_else(|| reader.finish().err()) {
            self.ended = Ended::Failed(failure);
        }
        Ok(self)
    }

    fn take(
        &mut self,
        event: Event,
        hand_over: &mut impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<Option<Failure>> {
        match event {
            Event::Text(text) | Event::Refusal(text) => {
                hand_over(&text)?;
                self.text.push_str(&text);
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(finish) => self.finish = Some(finish),
            Event::Failed(failure) => return Ok(Some(failure)),
            Event::Start { .. }
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::ToolEnd { .. }
            | Event::Foreign { .. }
            | Event::Ping
            | Event::Done => {}
        }
        Ok(None)
    }

    /// What a person should know about the end of a whole answer.
    pub(super) fn remark(&self) -> Option<String> {
        match self.finish.as_ref()? {
            Finish::Length => Some("the answer ends at the model's limit of length".to_owned()),
            Finish::WindowFull => Some("the answer ends where the context is full".to_owned()),
            Finish::Refused { .. } => Some("the model declined".to_owned()),
            Finish::End | Finish::Stop(_) | Finish::ToolUse | Finish::Paused | Finish::Other(_) => {
                None
            }
        }
    }
}

/// The failure that an error of the gateway speaks of.
fn refusal(headers: &HeaderMap, body: &Bytes) -> Failure {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let class = text("backstop-error").and_then(Class::from_code).unwrap_or(Class::GatewayFault);
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or("the gateway said no more");
    let after = text("retry-after").and_then(|seconds| seconds.parse().ok());
    Failure::new(class, message).with_stay_away(after.map(std::time::Duration::from_secs))
}
