//! TLS: both versions of HTTP, and a certificate replaced while running.

use std::path::PathBuf;
use std::sync::Arc;

use backstop_listener::{ListenerLimits, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stage::{FAREWELL, Running, Stage, read_until, start};

/// A certificate for `localhost` in files of this name.
fn certificate(name: &str) -> (PathBuf, PathBuf, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap();
    let base = std::env::temp_dir().join(format!("backstop-tls-{}-{name}", std::process::id()));
    let (certificate, key) = (base.with_extension("pem"), base.with_extension("key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key, made.cert.der().clone())
}

async fn connect(
    server: &Running,
    root: &CertificateDer<'static>,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let socket = TcpStream::connect(server.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

#[tokio::test]
async fn serves_both_versions_of_http_and_takes_a_new_certificate() {
    let (certificate_file, key_file, old) = certificate("old");
    let tls = Tls::from_files(&certificate_file, &key_file).unwrap();
    let server = start(Stage::new().0, ListenerLimits::default(), Some(tls.clone()));

    let mut client = connect(&server, &old, b"http/1.1").await.unwrap();
    client.write_all(b"GET /secure HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut client, "true").await;
    client.write_all(b"GET /broken HTTP/1.1\r\n\r\n").await.unwrap();
    let answer = read_until(&mut client, FAREWELL).await;
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");

    let client = connect(&server, &old, b"h2").await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let (certificate_file, key_file, new) = certificate("new");
    tls.reload(&certificate_file, &key_file).unwrap();
    connect(&server, &new, b"http/1.1").await.unwrap();
    connect(&server, &old, b"http/1.1").await.unwrap_err();
}

#[test]
fn says_which_file_it_cannot_use_and_keeps_the_old() {
    let (certificate_file, key_file, _der) = certificate("kept");
    let tls = Tls::from_files(&certificate_file, &key_file).unwrap();
    let missing = key_file.with_extension("missing");
    let failure = tls.reload(&certificate_file, &missing).unwrap_err();
    assert!(failure.message.contains("missing"), "{failure}");
    let (_other, other_key, _der) = certificate("other");
    let failure = tls.reload(&certificate_file, &other_key).unwrap_err();
    assert!(failure.message.contains("cannot be used"), "{failure}");
}
