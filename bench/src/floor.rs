//! The floor: the least a proxy in hyper can do. It reads the body, looks for `model` and `stream`,
//! and forwards. No health, no journal, no second attempt.

use std::borrow::Cow;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use tokio::runtime::Builder;

/// How the bare proxy uses its cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// One single-threaded runtime per core, each with its own connections to the provider.
    PerCore,
    /// One work-stealing runtime over all cores.
    Shared,
}

/// The bare proxy's arguments.
#[derive(Args, Debug)]
pub(crate) struct Floor {
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[arg(long)]
    upstream: SocketAddr,
    #[arg(long, value_enum)]
    style: Style,
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(default)]
    stream: bool,
}

type Upstream = Client<HttpConnector, Full<Bytes>>;
type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// A non-blocking listener; several may share one address.
pub(crate) fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    // Registering needs a runtime; this one ends at once.
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    let listener = crate::upstream::socket(listen)?.listen(4096)?;
    Ok(listener.into_std()?)
}

impl Floor {
    /// Serves for ever; says on standard output where.
    pub(crate) fn serve(&self) -> anyhow::Result<()> {
        let first = bind(self.listen)?;
        let listen = first.local_addr()?;
        println!("{listen}");
        let target: Arc<str> = format!("http://{}", self.upstream).into();
        if self.style == Style::Shared {
            let runtime =
                Builder::new_multi_thread().worker_threads(self.threads).enable_all().build()?;
            return runtime.block_on(accept(first, target));
        }
        let mut listeners = vec![first];
        for _ in 1..self.threads.max(1) {
            listeners.push(bind(listen)?);
        }
        let threads: Vec<_> = listeners
            .into_iter()
            .map(|listener| {
                let target = Arc::clone(&target);
                thread::spawn(move || {
                    let runtime = Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(accept(listener, target))
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(ended) => ended?,
                Err(_panicked) => anyhow::bail!("a serving thread panicked"),
            }
        }
        Ok(())
    }
}

async fn accept(listener: TcpListener, target: Arc<str>) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Upstream =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(256).build(connector);
    loop {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, target) = (client.clone(), Arc::clone(&target));
        tokio::spawn(async move {
            let service =
                service_fn(move |request| forward(client.clone(), Arc::clone(&target), request));
            let http = hyper::server::conn::http1::Builder::new();
            // A client that leaves is no news.
            let _left = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn forward(
    client: Upstream,
    target: Arc<str>,
    request: Request<Incoming>,
) -> Result<Response<Incoming>, Trouble> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let seen: Head<'_> = serde_json::from_slice(&body)?;
    std::hint::black_box((seen.model, seen.stream));
    head.uri = [&*target, head.uri.path()].concat().parse::<Uri>()?;
    head.headers.remove("host");
    Ok(client.request(Request::from_parts(head, Full::new(body))).await?)
}
