//! A client's body → a request. Model and stream are in the path: who knows it adds them.

mod contents;
mod options;
mod parts;
mod tools;

use backstop_exchange::Request;
use backstop_vocabulary::{Dialect, Failure};

use super::keys;
use crate::json::object;

/// Fields that refer to what only one provider holds: the customer's own guardrail among it, which is
/// there to be obeyed.
const HELD: [&str; 3] = ["cachedContent", "continuationToken", "modelArmorConfig"];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_provider_holds_binds_a_request_to_it_in_either_spelling() {
        for (field, named) in [
            (r#""cachedContent":"cachedContents/1""#, Some("cachedContent")),
            (r#""model_armor_config":{"prompt_template_name":"t"}"#, Some("modelArmorConfig")),
            (r#""modelArmorConfig":null"#, None),
        ] {
            let body = format!(r#"{{"contents":[],{field}}}"#);
            let request = read_request(body.as_bytes()).unwrap();
            assert_eq!(request.bound.as_deref(), named, "{field}");
        }
    }
}
