//! Token endpoints: who asks is taken for who it says it is.

use crate::{Ask, ProviderSettings, Refusal};

use super::{Intake, RequestHead};

/// A question for a token, whatever its path and words.
pub(super) fn read(provider: &ProviderSettings, head: &RequestHead<'_>) -> Result<Intake, Refusal> {
    if head.method != "POST" {
        return Err(Refusal::new(405, "invalid_request", "ask for a token with POST"));
    }
    Ok(Intake::Ask(Box::new(Ask::text(&provider.name, provider.dialect, "", ""))))
}
