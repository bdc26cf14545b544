//! Phase 1: who asks, may they, is there room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::{HeaderMap, HeaderName};

use backstop_settings::{Key, Settings};
use backstop_vocabulary::{Class, Failure, Moment};

use crate::asked::Caller;
use crate::headers;

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

/// Refuses a request that has already been through this gateway.
pub(crate) fn refuse_loop(client: &HeaderMap, instance: &[u8]) -> Result<(), Failure> {
    let returned = client
        .get_all(backstop_providers::HOP_HEADER)
        .iter()
        .any(|value| value.as_bytes() == instance);
    if !returned {
        return Ok(());
    }
    let cure = "point the provider's base_url at the provider, not at this gateway";
    Err(Failure::new(Class::LoopDetected, format!("the request came back to this gateway: {cure}")))
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
    fn refills_an_allowance_evenly() {
        let mut allowance = Allowance::full(60, Moment::ZERO);
        assert!((0..60).all(|_| allowance.take(60, Moment::ZERO).is_ok()));
        let refused = allowance.take(60, Moment::ZERO).unwrap_err();
        assert_eq!(refused.stay_away, Some(std::time::Duration::from_secs(1)));
        assert!(allowance.take(60, Moment::from_secs(1)).is_ok());
        assert!(allowance.take(60, Moment::from_secs(1)).is_err());
    }
}
