//! A provider of Responses that answers a stream in two halves, the second when it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::peer::{Script, push_chunk, take};
use crate::stage::ANYWHERE;

/// What becomes of the answers that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Wait,
    GoOn,
    Die,
}

pub(crate) struct Drip {
    pub(crate) address: SocketAddr,
    word: watch::Sender<Word>,
    asked: Arc<Mutex<Vec<Value>>>,
    _served: JoinSet<()>,
}

impl Drip {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind(ANYWHERE).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (word, told) = watch::channel(Word::Wait);
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (heard, mut served) = (Arc::clone(&asked), JoinSet::new());
        served.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, told.clone(), Arc::clone(&heard)));
            }
        });
        Self { address, word, asked, _served: served }
    }

    /// All answers are completed, those to come too.
    pub(crate) fn go_on(&self) {
        self.word.send_replace(Word::GoOn);
    }

    /// All answers break off, those to come too.
    pub(crate) fn die(&self) {
        self.word.send_replace(Word::Die);
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    mut told: watch::Receiver<Word>,
    heard: Arc<Mutex<Vec<Value>>>,
) {
    while let Some((_, body)) = take(&mut stream).await {
        let asked: Value = serde_json::from_slice(&body).expect("a json body");
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let (first, second) = halves();
        if stream.write_all(Script::begun(first.as_bytes()).bytes()).await.is_err() {
            return;
        }
        let word = told.wait_for(|word| *word != Word::Wait).await;
        if !word.is_ok_and(|word| *word == Word::GoOn) {
            return;
        }
        let mut rest = Vec::new();
        push_chunk(&mut rest, second.as_bytes());
        rest.extend_from_slice(b"0\r\n\r\n");
        if stream.write_all(&rest).await.is_err() {
            return;
        }
    }
}

/// The events of an answer under the provider's own name.
fn halves() -> (String, String) {
    let answer = |status: &str, output: Value| {
        json!({ "id": "resp_theirs", "object": "response", "created_at": 1, "status": status,
                "model": "gpt-4o", "output": output, "error": null, "background": false,
                "previous_response_id": null, "store": true,
                "usage": { "input_tokens": 1, "output_tokens": 2, "total_tokens": 3 } })
    };
    let item = |status: &str, content: Value| {
        json!({ "id": "msg_1", "type": "message", "status": status, "role": "assistant",
                "content": content })
    };
    let part = |text: &str| json!({ "type": "output_text", "annotations": [], "text": text });
    let at = |more: Value| {
        let mut at = json!({ "item_id": "msg_1", "output_index": 0, "content_index": 0 });
        at.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        at
    };
    let whole = item("completed", json!([part("Hello world")]));
    let events = [
        ("response.created", json!({ "response": answer("in_progress", json!([])) })),
        ("response.in_progress", json!({ "response": answer("in_progress", json!([])) })),
        (
            "response.output_item.added",
            json!({ "output_index": 0, "item": item("in_progress", json!([])) }),
        ),
        ("response.content_part.added", at(json!({ "part": part("") }))),
        ("response.output_text.delta", at(json!({ "delta": "Hello " }))),
        ("response.output_text.delta", at(json!({ "delta": "world" }))),
        ("response.output_text.done", at(json!({ "text": "Hello world" }))),
        ("response.content_part.done", at(json!({ "part": part("Hello world") }))),
        ("response.output_item.done", json!({ "output_index": 0, "item": whole })),
        ("response.completed", json!({ "response": answer("completed", json!([whole])) })),
    ];
    let frames: Vec<String> = (0..)
        .zip(events)
        .map(|(number, (kind, mut event))| {
            event["type"] = kind.into();
            event["sequence_number"] = number.into();
            format!("event: {kind}\ndata: {event}\n\n")
        })
        .collect();
    (frames[..5].concat(), frames[5..].concat())
}
