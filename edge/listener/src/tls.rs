use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use backstop_vocabulary::Failure;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::ListenerError;

/// TLS for clients, with a certificate that can be replaced while connections are open.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

impl Tls {
    /// Reads the certificate chain and its key from PEM files; offers HTTP/2 and HTTP/1.1 by ALPN.
    ///
    /// Fails with a `gateway_fault` that names the file or what is wrong in it.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, Failure> {
        Ok(Self::from_pem(&read(certificate)?, &read(key)?)?)
    }

    fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, ListenerError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let current = Arc::new(Current(RwLock::new(certified(certificate, key)?)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ListenerError::Tls)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Current>::clone(&current));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), current })
    }

    /// Replaces the certificate for connections to come. If the files are not usable the old one
    /// stays, and the failure says why.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), Failure> {
        let fresh = certified(&read(certificate)?, &read(key)?)?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ListenerError> {
    let path = PathBuf::from(path);
    std::fs::read(&path).map_err(|source| ListenerError::TlsFile { path, source })
}

fn certified(certificate: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, ListenerError> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(ListenerError::Pem)?;
    if chain.is_empty() {
        return Err(ListenerError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(ListenerError::Pem)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // Also checks that the key belongs to the certificate.
    let certified = CertifiedKey::from_der(chain, key, &provider).map_err(ListenerError::Tls)?;
    Ok(Arc::new(certified))
}
