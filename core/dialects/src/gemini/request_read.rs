//! A client's body → a request. Model and stream are in the path: who knows it adds them.

mod contents;
mod options;
mod parts;
mod tools;

use backstop_exchange::Request;
use backstop_vocabulary::{Dialect, Failure};

use super::keys;
use crate::json::object;

/// Fields that refer to what only one provider holds.
const HELD: [&str; 2] = ["cachedContent", "continuationToken"];

/// Reads a request; what the neutral form has no place for stays in `extras`.
pub(crate) fn read_request(body: &[u8]) -> Result<Request, Failure> {
    let mut fields = keys::top(object(body)?);
    let mut request = Request {
        dialect: Some(Dialect::Gemini),
        // This dialect always reports usage.
        stream_usage: true,
        bound: fields.first_of(&HELD),
        ..Request::default()
    };
    // Some clients say again what the path says.
    fields.value("model");
    contents::read(&mut fields, &mut request)?;
    tools::read(&mut fields, &mut request)?;
    options::read(&mut fields, &mut request)?;
    request.extras = fields.rest;
    request.extras.retain(|_, value| !value.is_null());
    Ok(request)
}
