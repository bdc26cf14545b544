//! Claims of a service account, signed with its key (RFC 7519; RS256 of RFC 7518).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use backstop_settings::Secret;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;

use super::TOKEN_URL;
use crate::encode::base64_url;
use crate::trouble::Trouble;

/// How long the claims are good for: an hour is what Google allows.
const LIFE_SECS: u64 = 3600;

/// The key file of a service account.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    pub(super) client_email: String,
    pub(super) private_key: String,
    pub(super) private_key_id: Option<String>,
    pub(super) token_uri: Option<String>,
}

/// What the account says of itself, at this time on the wall.
pub(super) fn signed(
    account: &ServiceAccount,
    scope: &str,
    unix_secs: u64,
) -> Result<Secret, Trouble> {
    let odd = || Trouble::setting("the key file's `private_key` is no RSA key in PKCS #8");
    let key = PrivatePkcs8KeyDer::from_pem_slice(account.private_key.as_bytes());
    let key = key.map_err(|_| odd())?;
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| odd())?;
    let mut head = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = &account.private_key_id {
        head["kid"] = id.as_str().into();
    }
    let claims = json!({
        "iss": account.client_email,
        "scope": scope,
        "aud": account.token_uri.as_deref().unwrap_or(TOKEN_URL),
        "iat": unix_secs,
        "exp": unix_secs + LIFE_SECS,
    });
    let parts = [head, claims].map(|part| base64_url(part.to_string().as_bytes()));
    let text = parts.join(".");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| Trouble::setting("the key of the key file cannot sign"))?;
    Ok(Secret::new(&format!("{text}.{}", base64_url(&signature))))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::encode::base64;

    #[test]
    fn signs_what_google_can_verify() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap();
        let pem = base64(der.as_ref());
        let account = ServiceAccount {
            client_email: "gateway@project.test".to_owned(),
            private_key: format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"),
            private_key_id: Some("key-1".to_owned()),
            token_uri: None,
        };
        let claims = signed(&account, "a-scope", 1_700_000_000).unwrap();
        let (text, signature) = claims.reveal().rsplit_once('.').unwrap();
        let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = pair.public_key().as_ref().to_vec();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        public.verify(text.as_bytes(), &raw).unwrap();
        assert!(
            text.starts_with(&base64_url(b"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":")[..40])
        );
    }
}
