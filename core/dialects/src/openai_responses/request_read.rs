//! A client's body → a request.

mod items;
mod options;
mod parts;
mod tools;

use serde_json::Value;

use backstop_exchange::Request;
use backstop_vocabulary::{Dialect, Failure};

pub(super) use self::items::FIELD;
use crate::json::{Fields, object};

/// Fields that refer to what only one provider holds, or ask it to hold something.
const HELD: [&str; 4] = ["previous_response_id", "conversation", "prompt", "background"];

/// Reads a request; what the neutral form has no place for stays in `extras`.
pub(crate) fn read_request(body: &[u8]) -> Result<Request, Failure> {
    let mut fields = Fields::top(object(body)?);
    let mut request = Request {
        dialect: Some(Dialect::OpenaiResponses),
        model: fields.needed_string("model")?,
        // This dialect always reports usage.
        stream_usage: true,
        ..Request::default()
    };
    let held = |name: &&&str| fields.rest.get(**name).is_some_and(|value| !says_nothing(value));
    request.bound = HELD.iter().find(held).map(|name| (*name).to_owned());
    items::read(&mut fields, &mut request)?;
    tools::read(&mut fields, &mut request)?;
    options::read(&mut fields, &mut request)?;
    request.extras = fields.rest;
    request.extras.retain(|_, value| !value.is_null());
    Ok(request)
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value == &Value::Bool(false)
}
