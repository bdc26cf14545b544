//! Who made the reasoning that clients carry about.
//!
//! Signatures and encrypted thoughts go to a client as their issuer wrote them, and come back so. Who
//! that was is remembered here, by a hash of the bytes: the provider, the account and the model.
//! What is not remembered goes where it fits by its form; if it is refused there, that is remembered
//! too. The memory has a limit, and what was not asked for longest goes first.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use backstop_vocabulary::TargetKey;

/// Parts of the memory, each with its own lock.
const SHARDS: usize = 16;
/// The most thoughts remembered in each part, twice: those asked for lately, and those before.
const THOUGHTS_MAX: usize = 4096;
/// How much of both ends of a long thought is looked at: they are encrypted, so that each differs.
const ENDS_BYTES: usize = 128;
/// How many of those that refused a thought are remembered with it.
const REFUSED_MAX: usize = 3;

/// Who makes reasoning that only the same can read: a model at an account of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Issuer(u64);

/// The memory.
#[derive(Debug)]
pub(crate) struct Issuers {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    young: HashMap<u64, Known>,
    old: HashMap<u64, Known>,
}

/// What is known of one thought.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    issuer: Option<Issuer>,
    refused: [Option<Issuer>; REFUSED_MAX],
}

impl Issuer {
    /// The issuer that answers as this target. Another account of the same provider is another: the
    /// newest models bind their thoughts to it. So is another model; of the same model under a dated
    /// name it is one.
    pub(crate) fn of(key: &TargetKey) -> Self {
        let account = [&*key.provider, &*key.credential, key.region.as_deref().unwrap_or("")];
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for word in account.into_iter().chain([family(&key.model)]) {
            for byte in word.bytes().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Self(hash)
    }
}

/// A model's name without its date or `-latest`.
fn family(model: &str) -> &str {
    if let Some(name) = model.strip_suffix("-latest") {
        return name;
    }
    let is_date = |tail: &str| {
        let digits = tail.bytes().filter(u8::is_ascii_digit).count();
        digits == 8 && tail.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    for length in [8, 10] {
        let Some((name, date)) =
            model.len().checked_sub(length).and_then(|at| model.split_at_checked(at))
        else {
            continue;
        };
        if let Some(name) = name.strip_suffix('-').filter(|_| is_date(date)) {
            return name;
        }
    }
    model
}

impl Default for Issuers {
    fn default() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new() }
    }
}

impl Issuers {
    /// `issuer` made this.
    pub(crate) fn note(&self, data: &str, issuer: Issuer) {
        self.with(data, |known| known.issuer = Some(issuer));
    }

    /// Whether `issuer` may be sent this: it made it, or nobody knows who did and it has not refused it.
    pub(crate) fn may_read(&self, data: &str, issuer: Issuer) -> bool {
        let hash = self.hash(data);
        let mut shard = self.shard(hash);
        let Some(known) = shard.renewed(hash) else { return true };
        known.issuer.is_none_or(|made_by| made_by == issuer)
            && !known.refused.contains(&Some(issuer))
    }

    /// `issuer` would not take this: it is never sent to it again.
    pub(crate) fn refuse(&self, data: &str, issuer: Issuer) {
        self.with(data, |known| {
            if !known.refused.contains(&Some(issuer)) {
                known.refused.rotate_right(1);
                known.refused[0] = Some(issuer);
            }
        });
    }

    fn with(&self, data: &str, change: impl FnOnce(&mut Known)) {
        let hash = self.hash(data);
        let mut shard = self.shard(hash);
        let mut known = shard.renewed(hash).unwrap_or_default();
        change(&mut known);
        shard.put(hash, known);
    }

    fn hash(&self, data: &str) -> u64 {
        let bytes = data.as_bytes();
        if bytes.len() <= 2 * ENDS_BYTES {
            return self.hasher.hash_one(bytes);
        }
        let ends = (&bytes[..ENDS_BYTES], &bytes[bytes.len() - ENDS_BYTES..], bytes.len());
        let mut hasher = self.hasher.build_hasher();
        ends.hash(&mut hasher);
        std::hash::Hasher::finish(&hasher)
    }

    fn shard(&self, hash: u64) -> std::sync::MutexGuard<'_, Shard> {
        let at = usize::try_from(hash >> 32).unwrap_or(0) % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// What is known, kept for another while.
    fn renewed(&mut self, hash: u64) -> Option<Known> {
        if let Some(known) = self.young.get(&hash) {
            return Some(*known);
        }
        let known = self.old.remove(&hash)?;
        self.put(hash, known);
        Some(known)
    }

    fn put(&mut self, hash: u64, known: Known) {
        if self.young.len() >= THOUGHTS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(provider: &str, model: &str) -> Issuer {
        Issuer::of(&TargetKey::new(provider, model))
    }

    #[test]
    fn an_issuer_is_an_account_and_a_model_whatever_its_date() {
        let opus = issuer("anthropic", "claude-opus-4-6");
        assert_eq!(opus, issuer("anthropic", "claude-opus-4-6-20260101"));
        assert_eq!(issuer("openai", "gpt-5-2025-08-07"), issuer("openai", "gpt-5"));
        assert_eq!(issuer("mistral", "m-latest"), issuer("mistral", "m"));
        assert_ne!(opus, issuer("anthropic", "claude-opus-4-5"));
        assert_ne!(opus, issuer("bedrock", "claude-opus-4-6"));
        let second = TargetKey {
            credential: "second".into(),
            ..TargetKey::new("anthropic", "claude-opus-4-6")
        };
        assert_ne!(opus, Issuer::of(&second));
        assert_eq!(family("ü-20260101é"), "ü-20260101é");
    }

    #[test]
    fn a_thought_is_for_its_issuer_and_an_unknown_one_for_all_who_did_not_refuse_it() {
        let (issuers, a, b) = (Issuers::default(), issuer("a", "m"), issuer("b", "m"));
        let long = "x".repeat(10_000);
        issuers.note(&long, a);
        assert!(issuers.may_read(&long, a) && !issuers.may_read(&long, b));
        assert!(issuers.may_read("unknown", a) && issuers.may_read("unknown", b));
        issuers.refuse("unknown", b);
        assert!(issuers.may_read("unknown", a) && !issuers.may_read("unknown", b));
        issuers.refuse(&long, a);
        assert!(!issuers.may_read(&long, a));
    }

    #[test]
    fn what_is_asked_for_is_remembered_and_the_rest_forgotten_in_time() {
        let (issuers, a, b) = (Issuers::default(), issuer("a", "m"), issuer("b", "m"));
        issuers.note("kept", a);
        issuers.note("left", a);
        for nth in 0..4 * SHARDS * THOUGHTS_MAX {
            issuers.note(&nth.to_string(), a);
            assert!(nth % 1000 > 0 || !issuers.may_read("kept", b));
        }
        assert!(issuers.may_read("left", b));
        let most: usize = issuers
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().unwrap();
                shard.young.len() + shard.old.len()
            })
            .sum();
        assert!(most <= 2 * SHARDS * THOUGHTS_MAX, "{most}");
    }
}
