//! Signatures of calls, kept for clients that have no place to carry them.
//!
//! Gemini signs the calls its models make, and refuses a call of the turn under way that comes back
//! without its signature. A client of Chat Completions cannot carry one, others may drop it. So it is
//! remembered here: for the caller it was made for, by who made it and by the id of the call. It is in
//! the memory of the process and nowhere else, with limits in bytes and in time.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backstop_exchange::{Artefact, Block, Request};
use backstop_vocabulary::Moment;

use super::issuers::Issuer;

/// Parts of the memory, each with its own lock.
const SHARDS: usize = 16;
/// What each part may hold, the keys included: 32 MiB in all.
const SHARD_BYTES_MAX: usize = 2 << 20;
/// A larger signature is not kept.
const SIGNATURE_BYTES_MAX: usize = 256 << 10;
/// Longer ids are not the ids of calls.
const ID_BYTES_MAX: usize = 256;
/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 200;
/// How long a conversation may rest between a call and its result.
const AGE_MAX: Duration = Duration::from_hours(24);

/// For whom, by whom, and for which call.
type Key = (Arc<str>, Issuer, Box<str>);

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct Signed {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    kept: HashMap<Key, Kept>,
    /// The oldest first, with what each takes; one that was replaced stands here until its time comes.
    order: VecDeque<(Key, Moment, usize)>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    signature: Artefact,
    at: Moment,
}

impl Signed {
    /// `issuer` signed this call for `caller`.
    pub(crate) fn keep(
        &self,
        (caller, issuer, id): (&Arc<str>, Issuer, &str),
        signature: Artefact,
        now: Moment,
    ) {
        if signature.data.len() > SIGNATURE_BYTES_MAX || id.len() > ID_BYTES_MAX {
            return;
        }
        let key: Key = (Arc::clone(caller), issuer, id.into());
        let mut shard = self.shard(&key);
        let bytes = ENTRY_BYTES + id.len() + signature.kind.len() + signature.data.len();
        shard.bytes += bytes;
        shard.order.push_back((key.clone(), now, bytes));
        shard.kept.insert(key, Kept { signature, at: now });
        shard.trim(now);
    }

    /// The signature of a call, if `issuer` gave it one for `caller`.
    pub(crate) fn of(
        &self,
        (caller, issuer, id): (&Arc<str>, Issuer, &str),
        now: Moment,
    ) -> Option<Artefact> {
        let key: Key = (Arc::clone(caller), issuer, id.into());
        let mut shard = self.shard(&key);
        shard.trim(now);
        shard.kept.get(&key).map(|kept| kept.signature.clone())
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let at = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0) % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Lets go of what is too old, and of the oldest while there is too much.
    fn trim(&mut self, now: Moment) {
        while let Some((_, at, _)) = self.order.front()
            && (now.since(*at) > AGE_MAX || self.bytes > SHARD_BYTES_MAX)
            && let Some((key, at, bytes)) = self.order.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(bytes);
            // One that came again since has a later place.
            if self.kept.get(&key).is_some_and(|kept| kept.at == at) {
                self.kept.remove(&key);
            }
        }
    }
}

/// The calls of the model that come without a signature of their own: their places, and their ids.
pub(crate) fn unsigned(request: &Request) -> Vec<(usize, usize, &str)> {
    let mut found = Vec::new();
    for (nth, turn) in request.turns.iter().enumerate() {
        let mut signed = false;
        for (at, block) in turn.blocks.iter().enumerate() {
            if let Block::Reasoning { artefact: Some(state), .. } = block {
                signed |= backstop_dialects::signs_call(state);
            } else if let Block::ToolCall(call) = block
                && !std::mem::take(&mut signed)
            {
                found.push((nth, at, call.id.as_str()));
            }
        }
    }
    found
}

/// The request with these signatures before the calls at these places, given in their order.
pub(crate) fn signed(request: &Request, found: Vec<(usize, usize, Artefact)>) -> Request {
    let mut request = request.clone();
    // From the last on, so that the places before it stay where they are.
    for (nth, at, signature) in found.into_iter().rev() {
        let thought = Block::Reasoning { text: String::new(), artefact: Some(signature) };
        request.turns[nth].blocks.insert(at, thought);
    }
    request
}

#[cfg(test)]
mod tests {
    use backstop_exchange::{Role, Text, ToolCall, ToolKind, Turn};
    use backstop_vocabulary::{Dialect, TargetKey};

    use super::*;

    fn signature(data: &str) -> Artefact {
        Artefact {
            dialect: Dialect::Gemini,
            kind: "call_signature".to_owned(),
            data: data.to_owned(),
        }
    }

    fn issuer(provider: &str) -> Issuer {
        Issuer::of(&TargetKey::new(provider, "m"))
    }

    #[test]
    fn a_signature_is_for_its_caller_its_issuer_and_its_call_until_a_day_has_passed() {
        let (all, a, b) = (Signed::default(), issuer("a"), issuer("b"));
        let (me, you): (Arc<str>, Arc<str>) = ("me".into(), "you".into());
        let at = Moment::from_secs;
        all.keep((&me, a, "call_1"), signature("x"), at(0));
        assert_eq!(all.of((&me, a, "call_1"), at(9)), Some(signature("x")));
        assert_eq!(all.of((&you, a, "call_1"), at(9)), None);
        assert_eq!(all.of((&me, b, "call_1"), at(9)), None);
        assert_eq!(all.of((&me, a, "call_2"), at(9)), None);
        // The latest counts, and its own time.
        all.keep((&me, a, "call_1"), signature("y"), at(60));
        let day = AGE_MAX.as_secs();
        assert_eq!(all.of((&me, a, "call_1"), at(day + 30)), Some(signature("y")));
        assert_eq!(all.of((&me, a, "call_1"), at(day + 61)), None);
        let held: usize = all.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum();
        assert_eq!(held, 0);
    }

    #[test]
    fn what_is_kept_has_a_limit_and_the_oldest_goes_first() {
        let (all, who) = (Signed::default(), issuer("a"));
        let me: Arc<str> = "me".into();
        for nth in 0..200_u64 {
            let large = signature(&"x".repeat(SIGNATURE_BYTES_MAX));
            all.keep((&me, who, &nth.to_string()), large, Moment::from_secs(nth));
        }
        let too_large = signature(&"x".repeat(SIGNATURE_BYTES_MAX + 1));
        all.keep((&me, who, "large"), too_large, Moment::from_secs(200));
        let now = Moment::from_secs(200);
        let has = |id: &str| all.of((&me, who, id), now).is_some();
        assert!(has("199") && !has("0") && !has("large"));
        // The same call again and again leaves no trail.
        for nth in 0..100_000_u64 {
            all.keep((&me, who, "again"), signature("x"), Moment::from_secs(200 + nth / 100));
        }
        for shard in &all.shards {
            let shard = shard.lock().unwrap();
            assert!(shard.bytes <= SHARD_BYTES_MAX, "{}", shard.bytes);
            let sum: usize = shard.order.iter().map(|(_, _, bytes)| bytes).sum();
            assert_eq!(shard.bytes, sum);
            assert!(shard.kept.len() <= shard.order.len());
        }
    }

    #[test]
    fn only_calls_without_a_signature_of_their_own_get_one() {
        let call = |id: &str| {
            Block::ToolCall(ToolCall {
                id: id.to_owned(),
                name: "look".to_owned(),
                arguments: "{}".to_owned(),
                kind: ToolKind::Function,
                cache_hint: None,
            })
        };
        let thought = |artefact| Block::Reasoning { text: String::new(), artefact };
        let blocks = vec![
            Block::Text(Text::plain("well")),
            call("a"),
            thought(Some(signature("own"))),
            call("b"),
            call("c"),
        ];
        let turn = Turn { role: Role::Assistant, blocks, name: None };
        let request = Request { turns: vec![turn], ..Request::default() };
        let without: Vec<&str> = unsigned(&request).into_iter().map(|(_, _, id)| id).collect();
        assert_eq!(without, ["a", "c"]);
        let request = signed(&request, vec![(0, 1, signature("a")), (0, 4, signature("c"))]);
        let expected = [
            Block::Text(Text::plain("well")),
            thought(Some(signature("a"))),
            call("a"),
            thought(Some(signature("own"))),
            call("b"),
            thought(Some(signature("c"))),
            call("c"),
        ];
        assert_eq!(request.turns[0].blocks, expected);
        assert!(unsigned(&request).is_empty());
    }
}
