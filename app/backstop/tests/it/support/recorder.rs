//! A provider that only writes down what reaches it, and says what it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came over the wire.
pub(crate) struct Recorded {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Recorded {
    /// A header's value; `None` when it was not sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// A server on a port of its own. It ends with the process.
pub(crate) struct Recorder {
    pub(crate) address: String,
    requests: Receiver<Recorded>,
}

impl Recorder {
    /// Answers everything with this status and this JSON.
    pub(crate) fn start(status: u16, body: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = channel();
        let body = body.to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let Some(request) = read(&mut stream) else { continue };
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                // Known before it is answered: who waits for the answer may look at once.
                if sender.send(request).is_err() {
                    return;
                }
                stream.get_mut().write_all((head + &body).as_bytes()).unwrap();
            }
        });
        Self { address, requests }
    }

    /// Answers as a server of `OpenAI`'s that always says the same: one body that both of its dialects
    /// can be read from.
    pub(crate) fn chat(says: &str) -> Self {
        let message = json!({ "role": "assistant", "content": says });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        let part = json!({ "type": "output_text", "text": says, "annotations": [] });
        let item = json!({ "type": "message", "id": "msg_1", "content": [part] });
        Self::start(
            200,
            &json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5.6",
                "choices": [choice],
                "status": "completed", "output": [item],
                "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2,
                           "input_tokens": 1, "output_tokens": 1 },
            }),
        )
    }

    /// Answers 529, as Anthropic does.
    pub(crate) fn overloaded() -> Self {
        let error = json!({ "type": "overloaded_error", "message": "Overloaded" });
        Self::start(529, &json!({ "type": "error", "error": error, "request_id": "req_1" }))
    }

    /// The next request that came.
    pub(crate) fn request(&self) -> Recorded {
        self.requests.recv_timeout(PATIENCE).unwrap()
    }
}

/// `None` for a connection without a request: somebody only warmed it up.
fn read(from: &mut BufReader<TcpStream>) -> Option<Recorded> {
    let mut line = String::new();
    from.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut header = String::new();
        from.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Recorded { line: line.trim_end().to_owned(), headers, body })
}
