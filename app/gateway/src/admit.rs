//! Phase 1: who asks, may they, is there room.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::header::{self, HeaderMap, HeaderName};
use http::request::Parts;
use http::uri::Authority;

use backstop_settings::{Key, Settings};
use backstop_vocabulary::{Class, Failure, Moment};

use crate::asked::Caller;
use crate::gateway::Shared;
use crate::headers;
use crate::live::Live;

/// The most gateways a request may have been through.
const HOPS_MAX: usize = 8;
/// The longest name of a model, in bytes: the longest in use are below 100.
const MODEL_BYTES_MAX: usize = 256;

/// Refuses a model's name that no provider can have meant: each name is remembered, and shown to
/// people.
pub(crate) fn refuse_model(name: &str) -> Result<(), Failure> {
    let what = if name.trim().is_empty() {
        "`model` is empty".to_owned()
    } else if name.len() > MODEL_BYTES_MAX {
        format!("`model` is longer than {MODEL_BYTES_MAX} bytes")
    } else if name.chars().any(char::is_control) {
        "`model` has control characters in it".to_owned()
    } else {
        return Ok(());
    };
    let cure = "send the name of a model that GET /v1/models lists";
    Err(Failure::new(Class::InvalidRequest, format!("{what}: {cure}")))
}

/// Says who the caller is, or why it may not ask.
pub(crate) fn caller<'a>(
    settings: &'a Settings,
    client: &HeaderMap,
) -> Result<(Caller, Option<&'a Key>), Failure> {
    let key = if settings.keys.is_empty() { None } else { Some(known(&settings.keys, client)?) };
    let named = |name: &HeaderName| headers::text(client, name).filter(|text| text.len() <= 200);
    let app = key.and_then(|key| key.app.as_deref()).or_else(|| named(&headers::APP));
    let caller = Caller {
        is_local: key.is_none(),
        name: key.map_or_else(|| "local".into(), |key| Arc::clone(&key.name)),
        app: app.map(Box::from),
        workflow: named(&headers::WORKFLOW).map(Box::from),
        session: headers::SESSIONS.iter().find_map(named).map(Box::from),
    };
    Ok((caller, key))
}

/// The key the client shows, if it is one of ours. Hashes are compared, never keys.
fn known<'a>(keys: &'a [Key], client: &HeaderMap) -> Result<&'a Key, Failure> {
    let shown = headers::shown_key(client).ok_or_else(|| {
        if headers::is_signed(client) {
            let cure = "show a key of the gateway instead, in AWS_BEARER_TOKEN_BEDROCK";
            let what = format!("a signature of aws is no key of this gateway: {cure}");
            return Failure::new(Class::KeyRefused, what);
        }
        let how = "send it as `x-api-key`, as a bearer token or as `backstop-key`";
        Failure::new(Class::KeyRefused, format!("this gateway needs a key: {how}"))
    })?;
    let hash = blake3::hash(shown.as_bytes());
    // `blake3::Hash` compares in constant time.
    let matching = |key: &&Key| blake3::Hash::from_bytes(key.hash) == hash;
    keys.iter().find(matching).ok_or_else(|| {
        let cure = "check it, or make a new one with `backstop keys`";
        Failure::new(Class::KeyRefused, format!("this gateway does not know that key: {cure}"))
    })
}

/// Refuses a body that is compressed: what cannot be read cannot be given to anybody else.
fn refuse_encoding(client: &HeaderMap) -> Result<(), Failure> {
    let encoding = headers::text(client, header::CONTENT_ENCODING).unwrap_or("identity");
    if encoding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    let what = format!("the body has `content-encoding: {encoding}`: send it uncompressed");
    Err(Failure::new(Class::InvalidRequest, what).with_status(415))
}

/// Lets a request in before a byte of its body is read: who asks, may they, is there room.
pub(crate) fn enter(
    shared: &Shared,
    client: &HeaderMap,
    now: Moment,
) -> Result<(Caller, Place), Failure> {
    let entered = enter_any(shared, client, now)?;
    refuse_encoding(client)?;
    Ok(entered)
}

/// The same for a body that nobody here will read.
pub(crate) fn enter_any(
    shared: &Shared,
    client: &HeaderMap,
    now: Moment,
) -> Result<(Caller, Place), Failure> {
    let live = shared.live.load();
    refuse_loop(client, shared.instance.as_bytes())?;
    let (caller, key) = caller(&live.settings, client)?;
    if let Some(key) = key {
        shared.check_allowance(key, now)?;
    }
    let place = shared.room.enter(live.settings.limits.requests_max)?;
    Ok((caller, place))
}

/// Refuses web pages where no key protects the operator's money: any page a person opens can reach
/// a loopback address, by its own name for it as well (DNS rebinding).
pub(crate) fn refuse_pages(live: &Live, head: &Parts) -> Result<(), Failure> {
    if !live.settings.keys.is_empty() {
        return Ok(());
    }
    let forbidden = |what: String| {
        Err(Failure::new(Class::KeyRefused, format!("without keys {what}")).with_status(403))
    };
    if let Some(origin) = head.headers.get(header::ORIGIN)
        && !live.cors.allows(origin)
    {
        let cure = "add its origin to `cors`, or set `keys`";
        return forbidden(format!("this gateway answers no web page that is not listed: {cure}"));
    }
    if is_called_otherwise(&live.settings.hosts, head) {
        let cure =
            "use `127.0.0.1` or `localhost` in its URL, add the name to `hosts`, or set `keys`";
        return forbidden(format!("this gateway answers to no name but this machine's: {cure}"));
    }
    Ok(())
}

/// Whether a request calls this machine by a name that is neither its own nor one of `hosts`. The
/// name of a web page that was made to mean this machine (DNS rebinding) is one.
pub(crate) fn is_called_otherwise(hosts: &[String], head: &Parts) -> bool {
    let host = match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers::text(&head.headers, &header::HOST),
    };
    host.is_some_and(|host| !is_this_machine(host, hosts))
}

/// Whether a `Host` is an address, a name that can mean nothing but this machine (RFC 6761), or one
/// of `hosts`. An address cannot be made to mean another.
fn is_this_machine(host: &str, hosts: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']).trim_end_matches('.');
    let is_local = name.rsplit('.').next().is_some_and(|it| it.eq_ignore_ascii_case("localhost"));
    is_local
        || name.parse::<IpAddr>().is_ok()
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Refuses a request that has already been through this gateway, or through too many.
pub(crate) fn refuse_loop(client: &HeaderMap, instance: &[u8]) -> Result<(), Failure> {
    let (mut hops, mut returned) = (0, false);
    for hop in headers::hops(client) {
        hops += 1;
        returned |= hop == instance;
    }
    let what = if returned {
        "the request came back to this gateway".to_owned()
    } else if hops > HOPS_MAX {
        format!("the request has been through more than {HOPS_MAX} gateways")
    } else {
        return Ok(());
    };
    let cure = "point the provider's base_url at the provider, not at a gateway";
    Err(Failure::new(Class::LoopDetected, format!("{what}: {cure}")))
}

/// Room for so many requests at once.
#[derive(Debug, Default)]
pub(crate) struct Room(Arc<AtomicU32>);

/// One place in the room; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicU32>);

impl Room {
    /// Takes a place, or says that all `max` are taken.
    pub(crate) fn enter(&self, max: u32) -> Result<Place, Failure> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.0));
        if before < max {
            return Ok(place);
        }
        let what = format!("the gateway is at its limit of {max} requests at once");
        Err(Failure::new(Class::GatewayBusy, format!("{what}: try again, or raise requests_max"))
            .with_stay_away(Some(std::time::Duration::from_secs(1))))
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A caller's own limit: a bucket of one minute's requests that refills evenly.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: f64,
    at: Moment,
}

impl Allowance {
    pub(crate) fn full(per_minute: u32, now: Moment) -> Self {
        Self { left: f64::from(per_minute), at: now }
    }

    /// Takes one request, or says how long until one is free.
    pub(crate) fn take(&mut self, per_minute: u32, now: Moment) -> Result<(), Failure> {
        let rate = f64::from(per_minute) / 60.0;
        self.left =
            (self.left + now.since(self.at).as_secs_f64() * rate).min(f64::from(per_minute));
        self.at = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        let wait = std::time::Duration::from_secs_f64(((1.0 - self.left) / rate).min(60.0));
        let what = format!("this key may ask {per_minute} times a minute");
        Err(Failure::new(Class::CallerLimited, what).with_stay_away(Some(wait)))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn gives_a_place_back_when_dropped() {
        let room = Room::default();
        let place = room.enter(1).unwrap();
        assert_eq!(room.enter(1).unwrap_err().class, Class::GatewayBusy);
        drop(place);
        assert!(room.enter(1).is_ok());
        assert_eq!(room.taken(), 0);
    }

    #[test]
    fn knows_the_names_of_this_machine() {
        let local =
            ["localhost", "LOCALHOST:8080", "app.localhost:1", "127.0.0.1:8080", "127.9.9.9"];
        let hosts = ["gateway.internal".to_owned()];
        let listed = ["gateway.internal", "Gateway.Internal:8080", "gateway.internal."];
        let addresses = ["[::1]:8080", "[::ffff:127.0.0.1]", "10.0.0.1", "[2001:db8::1]:80"];
        let is_ours = |host: &str| is_this_machine(host, &hosts);
        assert!(local.into_iter().chain(listed).chain(addresses).all(is_ours));
        let foreign = ["evil.example", "localhost.evil.example:8080", "evillocalhost", ""];
        let alike =
            ["127.0.0.1.evil.example", "a.gateway.internal", "gateway.internal.evil.example"];
        assert!(!foreign.into_iter().chain(alike).any(is_ours));
        assert!(!is_this_machine("gateway.internal", &[]));
    }

    #[test]
    fn refuses_a_request_that_returns_or_never_ends() {
        let through = |hops: &[&'static str]| {
            let mut client = HeaderMap::new();
            for hop in hops {
                client.append(backstop_providers::HOP_HEADER, HeaderValue::from_static(hop));
            }
            refuse_loop(&client, b"us").map_err(|failure| failure.class)
        };
        assert_eq!(through(&[]), Ok(()));
        assert_eq!(through(&["a", "b", "c, d", "e", "f", "g", "h"]), Ok(()));
        assert_eq!(through(&["a", "b", "c, d", "e", "f", "g", "h", "i"]), Err(Class::LoopDetected));
        assert_eq!(through(&["a", "b, us"]), Err(Class::LoopDetected));
    }

    #[test]
    fn refuses_names_that_no_model_has() {
        assert!(refuse_model(&"m".repeat(256)).is_ok());
        assert!(refuse_model(&"m".repeat(257)).is_err());
        assert!(refuse_model("m\u{7}").is_err());
        assert!(refuse_model("").is_err() && refuse_model(" ").is_err());
        assert!(refuse_model("größe/m:1@2").is_ok());
    }

    #[test]
    fn refills_an_allowance_evenly() {
        let mut allowance = Allowance::full(60, Moment::ZERO);
        assert!((0..60).all(|_| allowance.take(60, Moment::ZERO).is_ok()));
        let refused = allowance.take(60, Moment::ZERO).unwrap_err();
        assert_eq!(refused.stay_away, Some(std::time::Duration::from_secs(1)));
        assert!(allowance.take(60, Moment::from_secs(1)).is_ok());
        assert!(allowance.take(60, Moment::from_secs(1)).is_err());
    }
}
