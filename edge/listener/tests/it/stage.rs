//! A server that does what the path says, and raw clients.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use backstop_listener::{
    Abort, AnswerBody, Connection, Dealer, ListenerLimits, Listening, Serve, Tls, read_body,
};
use backstop_vocabulary::Failure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, watch};

pub(crate) const FRAME: &str = "data: one\n\n";
pub(crate) const FAREWELL: &str = "event: error\ndata: {}\n\n";

/// Frames to give, then an abort if there is one, then the end.
pub(crate) struct Script {
    frames: VecDeque<Bytes>,
    abort: Option<Abort>,
}

impl Body for Script {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        Poll::Ready(self.abort.take().map(Err))
    }
}

/// A body that gives one frame and hangs until its client leaves, which it reports.
struct Hanging {
    frame: Option<Bytes>,
    left: mpsc::UnboundedSender<()>,
}

impl Body for Hanging {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        self.frame.take().map_or(Poll::Pending, |frame| Poll::Ready(Some(Ok(Frame::data(frame)))))
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let _heard = self.left.send(());
    }
}

/// What the tests serve.
pub(crate) struct Stage {
    pub(crate) gate: Semaphore,
    pub(crate) left: mpsc::UnboundedSender<()>,
    pub(crate) name: &'static str,
}

impl Stage {
    pub(crate) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<()>) {
        let (left, has_left) = mpsc::unbounded_channel();
        (Arc::new(Self { gate: Semaphore::new(0), left, name: "stage" }), has_left)
    }
}

fn script(frames: impl IntoIterator<Item = Bytes>, abort: Option<Abort>) -> AnswerBody {
    AnswerBody::stream(Script { frames: frames.into_iter().collect(), abort })
}

impl Serve for Stage {
    async fn serve(
        &self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Response<AnswerBody> {
        let frame = || Bytes::from_static(FRAME.as_bytes());
        let farewell = || Some(Abort::after(FAREWELL));
        match request.uri().path() {
            "/whole" => Response::new(AnswerBody::whole(self.name)),
            "/empty" => Response::new(AnswerBody::empty()),
            "/secure" => Response::new(AnswerBody::whole(connection.is_secure().to_string())),
            "/stream" => Response::new(script([frame(), frame()], None)),
            "/broken" => Response::new(script([frame()], farewell())),
            "/mute" => Response::new(script([frame()], Some(Abort::default()))),
            "/long" => {
                let megabyte = Bytes::from(vec![b'x'; 1 << 20]);
                Response::new(script(vec![megabyte; 16], farewell()))
            }
            "/measured" => {
                let response = Response::builder().header("content-length", 1000);
                response.body(script([frame()], farewell())).unwrap()
            }
            "/hang" => {
                let left = self.left.clone();
                Response::new(AnswerBody::stream(Hanging { frame: Some(frame()), left }))
            }
            "/wait" => {
                self.gate.acquire().await.unwrap().forget();
                Response::new(AnswerBody::whole("waited"))
            }
            _ => echo(request).await,
        }
    }
}

async fn echo(request: Request<Incoming>) -> Response<AnswerBody> {
    match read_body(request.into_body(), 1 << 20, Duration::from_secs(10)).await {
        Ok(body) => Response::new(AnswerBody::whole(body)),
        Err(error) => {
            let failure = Failure::from(error);
            let mut response = Response::new(AnswerBody::whole(failure.class.code()));
            *response.status_mut() = http::StatusCode::from_u16(failure.status.unwrap()).unwrap();
            response
        }
    }
}

/// A running server; dropping it stops it.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) drain: watch::Sender<bool>,
    pub(crate) done: tokio::task::JoinHandle<()>,
}

pub(crate) fn start(stage: Arc<Stage>, limits: ListenerLimits, tls: Option<Tls>) -> Running {
    let listening = Listening::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let addr = listening.local_addr().unwrap();
    let (drain, drained) = watch::channel(false);
    let (dealer, hands) = Dealer::new(1, limits);
    let dealer = tokio::spawn(dealer.run(listening, drained.clone()));
    let done = tokio::spawn(async move {
        for hand in hands {
            hand.serve(Arc::clone(&stage), tls.clone(), drained.clone()).await;
        }
        dealer.await.unwrap().unwrap();
    });
    Running { addr, drain, done }
}

pub(crate) fn start_plain(limits: ListenerLimits) -> Running {
    start(Stage::new().0, limits, None)
}

/// Sends a request and gives the socket.
pub(crate) async fn send(addr: SocketAddr, request: &str) -> TcpStream {
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// Everything until the end, and how it ended.
pub(crate) async fn read_all(client: &mut TcpStream) -> (String, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let end = loop {
        match client.read_buf(&mut bytes).await {
            Ok(0) => break Ok(()),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    (String::from_utf8(bytes).unwrap(), end)
}

/// Reads until this text has come, and gives all that came.
pub(crate) async fn read_until(client: &mut (impl AsyncReadExt + Unpin), text: &str) -> String {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(text) {
        assert_ne!(client.read_buf(&mut bytes).await.unwrap(), 0, "ended before `{text}`");
    }
    String::from_utf8(bytes).unwrap()
}
