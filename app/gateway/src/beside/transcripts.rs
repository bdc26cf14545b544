//! Answers that were kept for their clients, so that a conversation goes on from the name of one at
//! whatever provider: providers keep them too, but each its own only.
//!
//! They are in the memory of the process and nowhere else, because they hold what was said.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use backstop_dialects::{Scan, kept};
use backstop_settings::Limits;
use backstop_vocabulary::{Class, Dialect, Failure, Moment};

/// Parts of the memory, each with its own lock.
const SHARDS: usize = 16;

/// A key of whom it is kept for, and its name.
type Key = (Arc<str>, Box<str>);

/// What is kept.
#[derive(Debug, Default)]
pub(crate) struct Transcripts {
    shards: [Mutex<Shard>; SHARDS],
    bytes: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Shard {
    /// Each with its number.
    kept: HashMap<Key, (u64, Arc<Kept>)>,
    /// By their numbers: the oldest first.
    order: BTreeMap<u64, (Key, Moment)>,
    next: u64,
}

/// One answer, with the request before it and whatever that went on from.
#[derive(Debug)]
pub(crate) struct Kept {
    before: Option<Arc<Self>>,
    input: Bytes,
    answer: Bytes,
    frame: Frame,
    at: Moment,
    bytes: Arc<AtomicU64>,
}

/// A request whose answer is to be kept.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    before: Option<Arc<Kept>>,
    input: Bytes,
    frame: Frame,
}

/// What the turns of a thread of Messages take from its first; `None` for conversations of Responses.
type Frame = Option<Arc<[u8]>>;

impl Turn {
    /// A request that goes on from nothing.
    pub(crate) const fn first(input: Bytes) -> Self {
        Self { before: None, input, frame: None }
    }

    /// Its own bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.input.len() as u64
    }

    /// The items of the conversation up to the answer, which is not there yet.
    pub(crate) fn asked(&self) -> Vec<u8> {
        let before = self.before.as_ref().map(|before| before.items());
        let parts = [before.unwrap_or_default(), self.input.to_vec()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b","[..])
    }
}

impl Kept {
    fn size(&self) -> u64 {
        // The frame of a thread is the same in all of its turns.
        let frame = self.frame.as_ref().filter(|_| self.before.is_none());
        (self.input.len() + self.answer.len() + frame.map_or(0, |frame| frame.len())) as u64
    }

    /// The answer as its client got it.
    pub(crate) const fn answer(&self) -> &Bytes {
        &self.answer
    }

    /// The items of the conversation up to the answer, which is included.
    fn items(&self) -> Vec<u8> {
        let answer = kept::output_items(&self.answer);
        [self.asked(), answer]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(&b","[..])
    }

    /// The items that the answer was given to.
    pub(crate) fn asked(&self) -> Vec<u8> {
        // From the first request on: a conversation may be long.
        let mut line = vec![self];
        while let Some(before) = line.last().and_then(|last| last.before.as_deref()) {
            line.push(before);
        }
        let mut parts = Vec::with_capacity(2 * line.len());
        for kept in line.iter().skip(1).rev() {
            parts.push(kept.input.to_vec());
            parts.push(kept::output_items(&kept.answer));
        }
        parts.push(self.input.to_vec());
        parts.retain(|part| !part.is_empty());
        parts.join(&b","[..])
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.bytes.fetch_sub(self.size(), Ordering::Relaxed);
        // One after the other: a long conversation must not end in a deep recursion.
        let mut next = self.before.take();
        while let Some(mut last) = next.and_then(Arc::into_inner) {
            next = last.before.take();
        }
    }
}

impl Transcripts {
    /// The request as it goes to providers: the conversation in the place of the answer's name, if that
    /// is kept; and what to keep of it with its answer.
    pub(crate) fn resolve(
        &self,
        (caller, now): (&Arc<str>, Moment),
        (body, scan): (Bytes, Scan),
        limits: &Limits,
    ) -> Result<(Bytes, Scan, Option<Turn>), Failure> {
        let input = || Bytes::from(kept::input_items(&body, &scan));
        let keeps = !scan.unkept && limits.transcripts_bytes_max > 0;
        if scan.previous.is_empty() {
            let turn = keeps.then(|| Turn::first(input()));
            return Ok((body, scan, turn));
        }
        let before = self.get((caller, &scan.previous), now, limits);
        let before = before.filter(|before| before.frame.is_none());
        // Its provider may know it. What comes of it cannot be told to another.
        let Some(before) = before else { return Ok((body, scan, None)) };
        let before_it = Some(Arc::clone(&before));
        let turn = keeps.then(|| Turn { before: before_it, input: input(), frame: None });
        let body = Bytes::from(kept::continued(&body, &scan, &before.items()));
        refuse_large(&body, limits)?;
        let scan = backstop_dialects::scan(Dialect::OpenaiResponses, &body)?;
        Ok((body, scan, turn))
    }

    /// A turn of a thread as it goes to providers, with the turns before it; and what to keep of it
    /// with its answer. One that is not known here is not found: its client then sends all of it.
    pub(crate) fn rethread(
        &self,
        (caller, now): (&Arc<str>, Moment),
        (body, scan): (&[u8], &Scan),
        limits: &Limits,
    ) -> Result<(Bytes, Turn), Failure> {
        let input = Bytes::from(kept::message_items(body, scan));
        if scan.previous.is_empty() {
            let frame = Some(kept::thread_frame(body)?.into());
            return Ok((kept::unthreaded(body)?.into(), Turn { before: None, input, frame }));
        }
        let before = self.get((caller, &scan.previous), now, limits);
        let before = before.and_then(|before| Some((before.frame.clone()?, before)));
        let (frame, before) = before.ok_or_else(|| {
            let what = "this gateway does not keep the message that `previous_message_id` names: \
                        send the whole conversation";
            Failure::new(Class::UnknownPath, what).with_provider_code(Some("thread_not_found"))
        })?;
        let body = kept::rethreaded(body, scan, (&before.items(), &frame))?;
        refuse_large(&body, limits)?;
        Ok((body.into(), Turn { before: Some(before), input, frame: Some(frame) }))
    }

    /// Bytes kept of all.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Keeps an answer.
    pub(crate) fn keep(
        &self,
        (caller, now): (&Arc<str>, Moment),
        turn: &Turn,
        answer: Bytes,
        limits: &Limits,
    ) {
        let Some(id) = kept::answer_id(&answer) else { return };
        let Turn { before, input, frame } = turn.clone();
        let bytes = Arc::clone(&self.bytes);
        let kept = Kept { before, input, answer, frame, at: now, bytes };
        self.bytes.fetch_add(kept.size(), Ordering::Relaxed);
        let key: Key = (Arc::clone(caller), id.into());
        let mut shard = self.shard(&key.1);
        let Shard { kept: all, order, next } = &mut *shard;
        *next += 1;
        order.insert(*next, (key.clone(), now));
        if let Some((earlier, _)) = all.insert(key, (*next, Arc::new(kept))) {
            order.remove(&earlier);
        }
        let is_over = |at: Moment| {
            now.since(at) > limits.transcripts_age_max
                || self.bytes.load(Ordering::Relaxed) > limits.transcripts_bytes_max
        };
        while let Some(oldest) = order.first_entry().filter(|oldest| is_over(oldest.get().1)) {
            all.remove(&oldest.remove().0);
        }
    }

    pub(crate) fn get(
        &self,
        (caller, id): (&Arc<str>, &str),
        now: Moment,
        limits: &Limits,
    ) -> Option<Arc<Kept>> {
        let shard = self.shard(id);
        let (_, kept) = shard.kept.get(&(Arc::clone(caller), id.into()))?;
        (now.since(kept.at) <= limits.transcripts_age_max).then(|| Arc::clone(kept))
    }

    pub(crate) fn forget(&self, caller: &Arc<str>, id: &str) -> bool {
        let mut shard = self.shard(id);
        let forgotten = shard.kept.remove(&(Arc::clone(caller), id.into()));
        if let Some((number, _)) = &forgotten {
            shard.order.remove(number);
        }
        drop(shard);
        forgotten.is_some()
    }

    fn shard(&self, id: &str) -> MutexGuard<'_, Shard> {
        let sum = id.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        self.shards[sum % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse_large(body: &[u8], limits: &Limits) -> Result<(), Failure> {
    if body.len() as u64 <= limits.body_bytes_max {
        return Ok(());
    }
    let what = "the conversation has become larger than body_max: begin a new one";
    Err(Failure::new(Class::RequestTooLarge, what))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn said(id: &str, text: &str) -> Bytes {
        let said = json!({ "id": id, "status": "completed", "output": [{ "type": "message", "role": "assistant", "content": text }] });
        Bytes::from(said.to_string())
    }

    fn turn(
        transcripts: &Transcripts,
        (caller, secs): (&Arc<str>, u64),
        body: &str,
        limits: &Limits,
    ) -> (String, Option<Turn>) {
        let (body, at) = (Bytes::from(body.to_owned()), Moment::from_secs(secs));
        let scan = backstop_dialects::scan(Dialect::OpenaiResponses, &body).unwrap();
        let (body, _, turn) = transcripts.resolve((caller, at), (body, scan), limits).unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), turn)
    }

    #[test]
    fn a_conversation_grows_turn_by_turn_for_its_own_client_and_ends_with_its_time() {
        let (all, limits) = (Transcripts::default(), Limits::default());
        let (me, other): (Arc<str>, Arc<str>) = ("me".into(), "other".into());
        let (_, first) = turn(&all, (&me, 0), r#"{"model":"m","input":"q1"}"#, &limits);
        all.keep((&me, Moment::ZERO), &first.unwrap(), said("resp_1", "a1"), &limits);
        let next = r#"{"model":"m","input":"q2","previous_response_id":"resp_1"}"#;
        let (body, second) = turn(&all, (&me, 1), next, &limits);
        assert!(body.contains("q1") && body.contains("a1") && body.contains("q2"), "{body}");
        all.keep((&me, Moment::from_secs(1)), &second.unwrap(), said("resp_2", "a2"), &limits);
        assert!(all.forget(&me, "resp_1"));
        let last = r#"{"model":"m","input":"q3","previous_response_id":"resp_2","store":false}"#;
        let (body, third) = turn(&all, (&me, 2), last, &limits);
        assert!(["q1", "a1", "q2", "a2", "q3"].iter().all(|word| body.contains(word)), "{body}");
        assert!(third.is_none());
        // Not for others, and not for ever.
        assert_eq!(turn(&all, (&other, 2), last, &limits).0, last);
        let age = limits.transcripts_age_max.as_secs();
        assert_eq!(turn(&all, (&me, age + 2), last, &limits).0, last);
    }

    #[test]
    fn nothing_is_left_of_what_was_forgotten_or_kept_anew() {
        let (all, limits, me) = (Transcripts::default(), Limits::default(), Arc::from("me"));
        let turn = Turn::first(Bytes::from_static(b"{}"));
        for secs in 0..3 {
            all.keep((&me, Moment::from_secs(secs)), &turn, said("resp_1", "a"), &limits);
        }
        assert_eq!(all.shard("resp_1").order.len(), 1);
        assert!(all.forget(&me, "resp_1") && !all.forget(&me, "resp_1"));
        assert_eq!((all.shard("resp_1").order.len(), all.bytes()), (0, 0));
    }

    #[test]
    fn what_is_kept_has_a_limit_and_a_long_conversation_ends_quietly() {
        let me: Arc<str> = "me".into();
        let limits = Limits {
            transcripts_bytes_max: 200_000,
            transcripts_age_max: Duration::from_secs(9),
            ..Limits::default()
        };
        let all = Transcripts::default();
        let mut before = None;
        for nth in 0..50_000_u32 {
            let turn = Turn { before, input: Bytes::from_static(b"{}"), frame: None };
            let id = format!("resp_{nth}");
            all.keep((&me, Moment::ZERO), &turn, said(&id, "a"), &limits);
            before = all.get((&me, &id), Moment::ZERO, &limits);
        }
        drop(before);
        let kept = all.bytes.load(Ordering::Relaxed);
        drop(all);
        assert!(kept <= 50_000 * 120, "{kept}");
    }
}
