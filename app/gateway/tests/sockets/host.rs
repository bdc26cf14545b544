//! A provider that answers each request as a function of it says, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use backstop_scenarios::Delivery;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::peer::{Script, take};
use crate::stage::ANYWHERE;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The first line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Heard {
    /// How its answer is wanted.
    pub(crate) fn delivery(&self) -> Delivery {
        let streams = self.body["stream"] == true || self.head.contains("streamgeneratecontent");
        if streams { Delivery::Stream } else { Delivery::Unary }
    }
}

pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    _served: JoinSet<()>,
}

impl Host {
    /// `answer` is given the request and its number, from 0.
    pub(crate) async fn open(
        answer: impl Fn(&Heard, usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(ANYWHERE).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (heard, answer) = (Arc::<Mutex<Vec<Heard>>>::default(), Arc::new(answer));
        let (mut served, told) = (JoinSet::new(), Arc::clone(&heard));
        served.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, Arc::clone(&answer), Arc::clone(&told)));
            }
        });
        Self { address, heard, _served: served }
    }

    /// Every request so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The body of the latest request.
    pub(crate) fn last(&self) -> Value {
        self.heard().last().expect("a request").body.clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&Heard, usize) -> Script>,
    told: Arc<Mutex<Vec<Heard>>>,
) {
    while let Some((head, body)) = take(&mut stream).await {
        let body = serde_json::from_slice(&body).expect("a json body");
        let heard = Heard { head, body };
        let nth = {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.push(heard.clone());
            told.len() - 1
        };
        if stream.write_all(answer(&heard, nth).bytes()).await.is_err() {
            return;
        }
    }
}

/// A refusal with these words.
pub(crate) fn refuses(error: &Value) -> Script {
    Script::whole("400 Bad Request", error.to_string().as_bytes())
}

/// An answer of Gemini with these parts.
pub(crate) fn gemini(delivery: Delivery, parts: &Value, reason: &str) -> Script {
    let answer = json!({
        "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": reason, "index": 0 }],
        "usageMetadata": { "promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12 },
        "modelVersion": "gemini-3.5-flash",
        "responseId": "r1",
    });
    if delivery.is_stream() {
        return Script::stream(format!("data: {answer}\r\n\r\n").as_bytes());
    }
    Script::whole("200 OK", answer.to_string().as_bytes())
}
