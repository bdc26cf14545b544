//! Hosts on the internet that are only here: names, where they lead, and what they serve over TLS.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_providers::{BoxFuture, Fetcher, Io, Reach, Resolve, TlsTrust};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::time::interval;
use tokio_rustls::TlsAcceptor;

/// What a path is answered with.
#[derive(Clone, Copy)]
pub(crate) enum Page {
    /// A body of this type.
    Of(&'static str, &'static [u8]),
    /// A picture that comes byte by byte.
    Slow(&'static [u8]),
    /// Elsewhere.
    To(&'static str),
    /// A body that begins so and never ends.
    Begun(&'static [u8]),
}

/// What became of them.
#[derive(Default)]
pub(crate) struct Seen {
    /// The paths that were asked for, with their hosts.
    pub(crate) asked: Mutex<Vec<String>>,
    /// Somebody waits for the rest of a body, or has hung up.
    pub(crate) waiting: Notify,
    pub(crate) left: Notify,
}

struct Net {
    names: BTreeMap<&'static str, IpAddr>,
    pages: BTreeMap<&'static str, Page>,
    acceptor: TlsAcceptor,
    seen: Arc<Seen>,
}

/// The hosts `cdn.example.com` (public) and `inside.example.net` (not public) with these pages, each
/// under its host and path, and what is seen of them.
pub(crate) fn strangers(pages: &[(&'static str, Page)]) -> ((Fetcher, TlsTrust), Arc<Seen>) {
    let names = [("cdn.example.com", "93.184.215.14"), ("inside.example.net", "10.0.0.7")];
    let subjects: Vec<String> = names.iter().map(|(name, _)| (*name).to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(subjects).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let seen = Arc::new(Seen::default());
    let net = Arc::new(Net {
        names: names.into_iter().map(|(name, at)| (name, at.parse().unwrap())).collect(),
        pages: pages.iter().copied().collect(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
        seen: Arc::clone(&seen),
    });
    let fetcher = Fetcher::new(Arc::clone(&net) as Arc<dyn Resolve>, net);
    ((fetcher, TlsTrust::with_extra_ca(cert.pem().as_bytes()).unwrap()), seen)
}

impl Seen {
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Net {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let known = self.names.get(host.trim_end_matches('.')).copied();
        Box::pin(async move { Ok(vec![known.ok_or(io::ErrorKind::NotFound)?]) })
    }
}

impl Reach for Net {
    fn reach(&self, addresses: Vec<SocketAddr>) -> BoxFuture<'_, io::Result<Box<dyn Io>>> {
        assert_eq!(addresses, ["93.184.215.14:443".parse().unwrap()], "never anywhere else");
        let (ours, theirs) = duplex(1 << 16);
        let (acceptor, pages) = (self.acceptor.clone(), self.pages.clone());
        tokio::spawn(serve(theirs, acceptor, pages, Arc::clone(&self.seen)));
        Box::pin(async { Ok(Box::new(ours) as Box<dyn Io>) })
    }
}

async fn serve(
    stream: DuplexStream,
    acceptor: TlsAcceptor,
    pages: BTreeMap<&'static str, Page>,
    seen: Arc<Seen>,
) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1)?;
    let host = head.lines().find_map(|line| line.strip_prefix("host: "))?;
    let at = format!("{host}{target}");
    let page = pages.get(&*at).copied();
    seen.asked.lock().unwrap().push(at);
    let (start, kind, body): (_, _, &[u8]) = match page {
        Some(Page::Of(kind, body)) => ("200 OK".to_owned(), kind, body),
        Some(Page::Slow(body)) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await.ok()?;
            let mut beats = interval(Duration::from_millis(20));
            for byte in body {
                beats.tick().await;
                stream.write_all(&[*byte]).await.ok()?;
                stream.flush().await.ok()?;
            }
            return stream.shutdown().await.ok();
        }
        Some(Page::To(to)) => (format!("302 Found\r\nlocation: {to}"), "text/html", b""),
        Some(Page::Begun(body)) => {
            let said = [b"HTTP/1.1 200 OK\r\n\r\n", body].concat();
            stream.write_all(&said).await.ok()?;
            stream.flush().await.ok()?;
            seen.waiting.notify_one();
            let _until_it_leaves = stream.read_u8().await;
            seen.left.notify_one();
            return None;
        }
        None => ("404 Not Found".to_owned(), "text/html", b"secret"),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {start}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await.ok()?;
    stream.shutdown().await.ok()
}
