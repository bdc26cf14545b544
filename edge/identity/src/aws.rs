//! AWS: keys from wherever its own tools find them, and the signature they make.

mod sign;

use backstop_settings::Aws;

use crate::pass::{AwsProof, Grant, Proof};
use crate::source::Asker;
use crate::trouble::Trouble;

pub use sign::{Signed, Signing, sign};

pub(crate) fn renew(asker: &Asker<'_>, aws: &Aws) -> Result<Grant, Trouble> {
    if let Some(keys) = &aws.keys {
        let proof = AwsProof {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.clone(),
            session_token: keys.session_token.clone(),
        };
        return Ok(Grant { proof: Proof::Aws(proof), given: asker.now(), expires: None });
    }
    Err(Trouble::setting("no keys of AWS were found"))
}
