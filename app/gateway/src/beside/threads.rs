//! Conversations of Messages that the gateway holds for a client (`thread`), so that they go on at
//! whatever provider: each turn goes out whole, and no provider hears of a thread.

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderValue;
use http::request::Parts;

use backstop_dialects::{Scan, kept};
use backstop_settings::Limits;
use backstop_vocabulary::{Dialect, Failure};

use crate::admit;
use crate::asked::{Asked, Caller};
use crate::gateway::Shared;
use crate::serve::Knock;

/// The header by which clients name what they use of the API that is not settled.
const BETA: &str = "anthropic-beta";
/// How its name for threads begins.
const THREADS: &str = "message-threads-";

/// Whether the conversation is held here.
pub(crate) fn is_held(dialect: Dialect, scan: &Scan, limits: &Limits) -> bool {
    scan.thread && dialect == Dialect::AnthropicMessages && limits.transcripts_bytes_max > 0
}

/// A turn of a thread with all turns before it.
pub(crate) fn read(
    shared: &Shared,
    knock: Knock,
    (caller, mut head): (&Caller, Parts),
    (body, scan): (Bytes, Scan),
) -> Result<Asked, Failure> {
    kept::refuse_thread(&body)?;
    let limits = &shared.live.load().settings.limits;
    let whose = (&caller.name, knock.started);
    let (body, turn) = shared.transcripts.rethread(whose, (&body, &scan), limits)?;
    let scan = backstop_dialects::scan(knock.dialect, &body)?;
    admit::refuse_model(&scan.model_name)?;
    unname(&mut head.headers);
    let mut asked = Asked::new(knock, caller.clone(), head, body, scan);
    asked.turn = Some(turn);
    Ok(asked)
}

/// Takes threads out of what the client says it uses: a provider is not asked for them.
fn unname(headers: &mut HeaderMap) {
    let named = headers.get_all(BETA).iter().filter_map(|value| value.to_str().ok());
    let left = named.flat_map(|list| list.split(',')).map(str::trim);
    let left: Vec<&str> = left.filter(|beta| !beta.starts_with(THREADS)).collect();
    match HeaderValue::from_str(&left.join(",")) {
        Ok(left) if !left.is_empty() => headers.insert(BETA, left),
        Ok(_) | Err(_) => headers.remove(BETA),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_threads_are_taken_out_of_what_a_client_uses() {
        let left = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(BETA, HeaderValue::from_static(line));
            }
            unname(&mut headers);
            headers.get(BETA).map(|left| left.to_str().unwrap().to_owned())
        };
        assert_eq!(left(&["message-threads-2026-08-12"]), None);
        assert_eq!(left(&["a-1, message-threads-2026-08-12", "b-2"]).unwrap(), "a-1,b-2");
        assert_eq!(left(&["a-1"]).unwrap(), "a-1");
        assert_eq!(left(&[]), None);
    }
}
