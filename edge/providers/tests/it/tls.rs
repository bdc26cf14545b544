//! Whom the client trusts.

use std::sync::Arc;

use backstop_providers::{Client, Endpoint, TlsTrust};
use backstop_vocabulary::Class;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::stage::{Act, Stage, answers, ask, client, collect, endpoint, fails};

/// A certificate nobody knows, for loopback, and the server's side of it.
pub(crate) struct Identity {
    pub(crate) pem: String,
    config: ServerConfig,
}

impl Identity {
    pub(crate) fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        Self { pem: cert.pem(), config }
    }

    pub(crate) fn acceptor(mut self, protocol: &str) -> TlsAcceptor {
        self.config.alpn_protocols = vec![protocol.into()];
        TlsAcceptor::from(Arc::new(self.config))
    }
}

/// An endpoint that trusts the certificate.
pub(crate) fn trusting(pem: &str, base_url: &str, proxy: Option<&str>) -> Arc<Endpoint> {
    let trust = TlsTrust::with_extra_ca(pem.as_bytes()).unwrap();
    Arc::new(Endpoint::new(base_url, proxy, &trust).unwrap())
}

/// Answers each connection's first request over TLS and HTTP/1, and tells its address.
pub(crate) async fn secure_peer(identity: Identity) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = identity.acceptor("http/1.1");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\nx") {
                heard.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn refuses_a_certificate_that_nobody_vouches_for() {
    let address = secure_peer(Identity::new(&["127.0.0.1"])).await;
    let failure = fails(&client(), &endpoint(&format!("https://{address}")), ask("x")).await;
    assert_eq!(failure.class, Class::TlsFailed);
    assert!(failure.message.contains("certificate"), "{failure}");
}

#[tokio::test]
async fn accepts_a_certificate_that_the_extra_ca_vouches_for() {
    let identity = Identity::new(&["127.0.0.1"]);
    let pem = identity.pem.clone();
    let address = secure_peer(identity).await;
    let endpoint = trusting(&pem, &format!("https://{address}"), None);
    let reply = answers(&client(), &endpoint, ask("x")).await;
    assert_eq!((reply.status, collect(reply).await.unwrap().as_ref()), (200, &b"hi"[..]));
}

#[tokio::test]
async fn refuses_a_certificate_for_another_host() {
    let identity = Identity::new(&["elsewhere.example"]);
    let pem = identity.pem.clone();
    let address = secure_peer(identity).await;
    let endpoint = trusting(&pem, &format!("https://{address}"), None);
    assert_eq!(fails(&client(), &endpoint, ask("x")).await.class, Class::TlsFailed);
}

#[tokio::test]
async fn calls_a_plain_server_where_tls_was_expected_a_tls_failure() {
    let acts = [Act::greet("HTTP/1.1 400 Bad Request\r\n\r\n"), Act::greet("")];
    let stage = Stage::open(acts).await;
    let endpoint = endpoint(&format!("https://{}", stage.address()));
    let client: Client = client();
    for _ in 0..2 {
        assert_eq!(fails(&client, &endpoint, ask("x")).await.class, Class::TlsFailed);
    }
}

#[test]
fn says_what_is_wrong_with_an_extra_ca_file() {
    let damaged = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
    for (pem, words) in [("", "holds no certificate"), (damaged, "cannot read the extra CA file")] {
        let error = TlsTrust::with_extra_ca(pem.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
