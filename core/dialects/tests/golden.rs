//! A folder is a test: `golden/<dialect>/<case>/`.
//!
//! | Input | Expected |
//! |---|---|
//! | `request.json` | `request.txt`: the neutral form |
//! | the same, and `target.txt` (abilities by name) | `request.<dialect>.json`, `losses.<dialect>.txt` |
//! | `answer.json` | `answer.txt`: its events, or the failure |
//! | the same | `answer.<dialect>.json`: written for a client of that dialect |
//! | `stream.sse` | `events.txt`: its events and how it ended, however it is cut into chunks |
//! | the same | `stream.<dialect>.sse`: written for a client of that dialect |
//! | `stream.events` (a line for each message of an event-stream: its type, `!` before that of an exception, and its JSON) | the same |
//! | `error.txt` (first line: status and headers; then the body) | `failure.txt` |
//!
//! A `.txt` without a dialect must exist for its input; the others are checked where they exist.
//! `UPDATE_GOLDEN=1` writes what is there now: read the difference before you commit it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it does not expect")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use backstop_dialects::{
    ErrorHead, Frames, Framing, Head, StreamReader, StreamWriter, TargetForm, chunk_message,
    event_message, exception_message, framing, read_answer, read_error, read_request, read_rest,
    write_answer, write_request,
};
use backstop_exchange::{Abilities, Answer, Event, ReasoningForm};
use backstop_vocabulary::{Dialect, Failure};
use bytes::Bytes;

#[test]
fn every_golden_case_is_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for dialect in Dialect::ALL {
        for folder in folders(&root.join(dialect.name())) {
            cases += 1;
            Case { dialect, folder, wrong: &mut wrong }.check();
        }
    }
    assert!(cases > 0, "no cases under {}", root.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Case<'a> {
    dialect: Dialect,
    folder: PathBuf,
    wrong: &'a mut Vec<String>,
}

impl Case<'_> {
    fn check(mut self) {
        let inputs = ["request.json", "answer.json", "stream.sse", "stream.events", "error.txt"];
        let found: Vec<&str> = inputs.into_iter().filter(|name| self.has(name)).collect();
        if found.is_empty() {
            self.wrong.push(format!("{}: holds no input", self.folder.display()));
        }
        for input in found {
            match input {
                "request.json" => self.request(),
                "answer.json" => self.answer(),
                "stream.sse" => self.stream(&self.read("stream.sse")),
                "stream.events" => self.stream(&messages(&self.text("stream.events"))),
                _ => self.error(),
            }
        }
    }

    fn request(&mut self) {
        let body = self.read("request.json");
        let request = match read_request(self.dialect, &body) {
            Ok(request) => request,
            Err(failure) => return self.expect("request.txt", &format!("{failure}\n")),
        };
        self.expect("request.txt", &format!("{request:#?}\n"));
        let abilities = self.abilities();
        for dialect in Dialect::ALL {
            let file = format!("request.{dialect}.json");
            if !self.has(&file) {
                continue;
            }
            let form =
                TargetForm { model: "target-model", abilities: &abilities, stream: request.stream };
            match write_request(dialect, &request, &form) {
                Ok(written) => {
                    self.expect(&file, &pretty(&written.body));
                    let losses = written.losses.iter().map(|loss| format!("{loss}\n"));
                    self.expect(&format!("losses.{dialect}.txt"), &losses.collect::<String>());
                }
                Err(failure) => self.expect(&file, &format!("{failure}\n")),
            }
        }
    }

    fn abilities(&self) -> Abilities {
        let mut abilities = Abilities::default();
        if !self.has("target.txt") {
            return abilities;
        }
        for word in self.text("target.txt").split_ascii_whitespace() {
            match word {
                "images" => abilities.images = true,
                "documents" => abilities.documents = true,
                "audio" => abilities.audio = true,
                "schema" => abilities.schema = true,
                "prefill" => abilities.prefill = true,
                "system_turns" => abilities.system_turns = true,
                "completion_tokens_field" => abilities.completion_tokens_field = true,
                "no_sampling" => abilities.sampling = false,
                "reasoning_optional" => abilities.reasoning_optional = true,
                "no_tools_with_reasoning" => abilities.tools_with_reasoning = false,
                "budget" => abilities.reasoning = ReasoningForm::Budget,
                "adaptive" => abilities.reasoning = ReasoningForm::Adaptive,
                "effort" => abilities.reasoning = ReasoningForm::Effort,
                other => panic!("{}: unknown ability {other}", self.folder.display()),
            }
        }
        abilities
    }

    fn answer(&mut self) {
        let mut events = Vec::new();
        let result = read_answer(self.dialect, &self.read("answer.json"), &mut events);
        let events = if result.is_err() { Vec::new() } else { events };
        self.expect("answer.txt", &show(&events, &result));
        for dialect in Dialect::ALL {
            let file = format!("answer.{dialect}.json");
            if self.has(&file) {
                let mut answer = Answer::default();
                for event in events.clone() {
                    answer.take(event).unwrap();
                }
                self.expect(&file, &pretty(&write_answer(dialect, &answer, &head())));
            }
        }
    }

    fn stream(&mut self, bytes: &[u8]) {
        let (events, result) = self.read_stream(framing(self.dialect), [bytes]);
        let shown = show(&events, &result);
        self.cut(framing(self.dialect), bytes, &shown);
        if let Some((framing, bytes)) = self.framed_otherwise(bytes) {
            self.cut(framing, &bytes, &shown);
        }
        self.expect("events.txt", &shown);
        for dialect in Dialect::ALL {
            let form = match framing(dialect) {
                Framing::Sse | Framing::List => "sse",
                Framing::EventStream => "events",
            };
            let file = format!("stream.{dialect}.{form}");
            if self.has(&file) {
                let mut writer = StreamWriter::new(dialect, head());
                let mut out = Vec::new();
                for event in &events {
                    writer.write(event, &mut out);
                }
                let text = match framing(dialect) {
                    Framing::Sse | Framing::List => String::from_utf8(out).unwrap(),
                    Framing::EventStream => lines(out),
                };
                self.expect(&file, &text);
            }
        }
    }

    /// Feeds a stream in two chunks, cut at every byte, and then each byte alone.
    fn cut(&mut self, framing: Framing, bytes: &[u8], expected: &str) {
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            let (events, result) = self.read_stream(framing, [left, right]);
            if show(&events, &result) != expected {
                let folder = self.folder.display();
                self.wrong.push(format!("{folder}: differs in {framing:?} cut at {cut}"));
                break;
            }
        }
        let (events, result) = self.read_stream(framing, bytes.chunks(1));
        assert_eq!(show(&events, &result), expected, "fed byte by byte as {framing:?}");
    }

    /// The same stream as another counter frames it: Gemini's as one list, Claude's inside the
    /// messages of `InvokeModel`. `None` where it is not made of whole events only.
    fn framed_otherwise(&self, bytes: &[u8]) -> Option<(Framing, Vec<u8>)> {
        let mut frames = Frames::new(Framing::Sse, 1 << 20);
        frames.feed(Bytes::copy_from_slice(bytes));
        let events: Vec<Vec<u8>> =
            frames.by_ref().map(|frame| frame.unwrap().data().to_vec()).collect();
        let is_json = |data: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(data).is_ok();
        if !frames.rest().is_empty() || !events.iter().all(is_json) {
            return None;
        }
        match self.dialect {
            Dialect::Gemini => {
                let list = [b"[".to_vec(), events.join(&b",\r\n"[..]), b"]".to_vec()].concat();
                Some((Framing::List, list))
            }
            Dialect::AnthropicMessages => {
                let mut out = Vec::new();
                for event in events {
                    chunk_message(&event, &mut out);
                }
                Some((Framing::EventStream, out))
            }
            Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::BedrockConverse => None,
        }
    }

    fn read_stream<'b>(
        &self,
        framing: Framing,
        chunks: impl IntoIterator<Item = &'b [u8]>,
    ) -> (Vec<Event>, Result<(), Failure>) {
        let mut frames = Frames::new(framing, 1 << 20);
        let mut reader = StreamReader::new(self.dialect);
        let mut events = Vec::new();
        for chunk in chunks {
            frames.feed(Bytes::copy_from_slice(chunk));
            for frame in frames.by_ref() {
                reader.read(&frame.unwrap(), &mut events);
            }
        }
        let result = match read_rest(self.dialect, frames.rest()) {
            Some(failure) => Err(failure),
            None => reader.finish(),
        };
        (events, result)
    }

    fn error(&mut self) {
        let text = self.text("error.txt");
        let (line, body) = text.split_once('\n').unwrap_or((&text, ""));
        let mut words = line.split_ascii_whitespace();
        let status = words.next().unwrap().parse().unwrap();
        let mut head = ErrorHead { status, ..ErrorHead::default() };
        for word in words {
            match word.split_once('=').unwrap() {
                ("content-type", value) => head.content_type = value,
                ("retry-after", value) => head.retry_after = Some(value),
                ("retry-after-ms", value) => head.retry_after_ms = Some(value),
                ("x-should-retry", value) => head.should_retry = Some(value),
                ("x-amzn-errortype", value) => head.aws_error = Some(value),
                (other, _) => panic!("unknown header {other}"),
            }
        }
        let failure = read_error(self.dialect, &head, body.as_bytes());
        self.expect("failure.txt", &format!("{failure:#?}\n"));
    }

    fn has(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    fn expect(&mut self, name: &str, actual: &str) {
        let path = self.folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, actual).unwrap();
        }
        let expected = if self.has(name) { self.text(name) } else { String::new() };
        if expected != actual {
            self.wrong
                .push(format!("{}\n--- expected\n{expected}--- is\n{actual}", path.display()));
        }
    }
}

/// An event-stream of the messages that the lines name.
fn messages(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.lines() {
        let (name, json) = line.split_once(' ').unwrap();
        match name.strip_prefix('!') {
            Some(exception) => exception_message(exception, json.as_bytes(), &mut out),
            None => event_message(name, json.as_bytes(), &mut out),
        }
    }
    out
}

/// A line for each message of an event-stream.
fn lines(stream: Vec<u8>) -> String {
    let mut frames = Frames::new(Framing::EventStream, 1 << 20);
    frames.feed(Bytes::from(stream));
    let mut text = String::new();
    for frame in frames {
        let frame = frame.unwrap();
        let data = String::from_utf8_lossy(frame.data());
        writeln!(text, "{} {data}", frame.event()).unwrap();
    }
    text
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(of) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn head() -> Head {
    Head {
        id: "0our0id".to_owned(),
        model: String::new(),
        created_unix: 1_800_000_000,
        usage: true,
        kept: false,
    }
}

fn show(events: &[Event], result: &Result<(), Failure>) -> String {
    let mut shown = String::new();
    for event in events {
        writeln!(shown, "{event:?}").unwrap();
    }
    match result {
        Ok(()) => shown.push_str("complete\n"),
        Err(failure) => writeln!(shown, "{failure:?}").unwrap(),
    }
    shown
}

fn pretty(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap();
    format!("{value:#}\n")
}
