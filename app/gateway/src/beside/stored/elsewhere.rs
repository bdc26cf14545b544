//! Answers that only a provider may know: asked of the one provider whose operator opens them.
//!
//! They are asked for with the operator's credential, which knows no clients: so only where
//! `passthrough` is open (`decisions/0012-passthrough-is-closed.md`).

use std::sync::Arc;

use http::Uri;
use http::request::Parts;

use backstop_dialects::is_own_answer;
use backstop_settings::Key;
use backstop_vocabulary::Dialect;

use super::{Found, named};
use crate::admit;
use crate::beside::passthrough::PREFIX;
use crate::gateway::Shared;
use crate::live::Live;
use crate::serve::served;

/// Where a request goes that names an answer nobody here knows: to the provider that may know it, if
/// there is exactly one.
pub(crate) fn elsewhere(shared: &Shared, head: &Parts) -> Option<Uri> {
    let path = served(head.uri.path());
    let (id, _) = named(path)?;
    let live = shared.live.load();
    let (caller, key) = admit::caller(&live.settings, &head.headers).ok()?;
    if is_own_answer(id) || Found::of(shared, (&caller.name, id), shared.clock.now()).is_some() {
        return None;
    }
    let holders = holders(&live, key, path);
    let [only] = holders.as_slice() else { return None };
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{PREFIX}{only}/v1{path}{query}").parse().ok()
}

/// The providers of this dialect where this path is open for this key.
fn holders(live: &Live, key: Option<&Key>, path: &str) -> Vec<Arc<str>> {
    if key.is_some_and(|key| !key.passthrough) {
        return Vec::new();
    }
    let path = format!("/v1{path}");
    let rows = live.providers.values().filter(|row| {
        row.settings.speaks(Dialect::OpenaiResponses) && row.settings.passthrough.allows(&path)
    });
    rows.map(|row| Arc::clone(&row.settings.name)).collect()
}

/// Why nobody else is asked for an answer of this name.
pub(super) fn why_not(live: &Live, key: Option<&Key>, (id, path): (&str, &str)) -> &'static str {
    if is_own_answer(id) {
        return "this gateway does not keep it any more";
    }
    if holders(live, key, path).len() > 1 {
        return "it is not kept here, and several providers may know it: ask one of them under \
                /passthrough/{provider}/v1/responses/";
    }
    "it is not kept here, and no provider is open for it: open `/v1/responses` of one by `passthrough`"
}
