use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::EndpointError;

/// Whom to believe: the certificate authorities of this machine and those the settings add. One for
/// all endpoints, so that they share the session cache.
#[derive(Default)]
pub struct TlsTrust {
    extra: Vec<CertificateDer<'static>>,
    config: OnceLock<Result<Arc<ClientConfig>, EndpointError>>,
}

impl TlsTrust {
    /// Trusts what this machine trusts.
    pub fn system() -> Self {
        Self::default()
    }

    /// Trusts what this machine trusts, and the certificates of a PEM file besides.
    ///
    /// # Errors
    ///
    /// When the text holds no certificate, or a damaged one.
    pub fn with_extra_ca(pem: &[u8]) -> Result<Self, EndpointError> {
        let extra: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| {
                EndpointError::new(format!("cannot read the extra CA file: {error}"))
            })?;
        if extra.is_empty() {
            return Err(EndpointError::new(
                "the extra CA file holds no certificate: it needs `-----BEGIN CERTIFICATE-----`",
            ));
        }
        Ok(Self { extra, config: OnceLock::new() })
    }

    /// The TLS settings of every secure endpoint, made when the first one is, because a gateway that
    /// talks to local models only needs no certificates at all.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, EndpointError> {
        self.config.get_or_init(|| client_config(&self.extra)).clone()
    }
}

impl fmt::Debug for TlsTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTrust").field("extra", &self.extra.len()).finish_non_exhaustive()
    }
}

fn client_config(extra: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, EndpointError> {
    let unusable = |error: rustls::Error| {
        EndpointError::new(format!(
            "cannot set TLS up: {error}; install the system's CA certificates or give an extra CA file"
        ))
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        Verifier::new_with_extra_roots(extra.to_vec(), Arc::clone(&provider)).map_err(unusable)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
