//! The events of one answer, numbered from 0, for anybody to read from any of them on.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// About how much is handed out at once: a reader that is far behind must not take a copy of all.
const BATCH_BYTES: usize = 64 << 10;

/// The newest events stay, so many and of so many bytes, but one at least: whoever reads along must
/// not lose what has just come.
const NEWEST_MIN: usize = 256;
const NEWEST_BYTES_MIN: usize = 256 << 10;

/// Events as they are sent.
#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<Bytes>,
    /// The number of the first that is still kept.
    first: u64,
    bytes: u64,
}

/// The events that were asked for are not kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Log {
    /// The number of the next event.
    pub(super) fn next(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// The number of the first that is kept.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn push(&mut self, event: Vec<u8>) {
        self.bytes += event.len() as u64;
        self.events.push_back(Bytes::from(event));
    }

    /// Some events from this number on, and the number after them; empty if none has come yet.
    pub(super) fn since(&self, number: u64) -> Result<(Bytes, u64), Gone> {
        let skip = number.checked_sub(self.first).ok_or(Gone)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut batch = BytesMut::new();
        let mut next = number;
        for event in self.events.iter().skip(skip) {
            if !batch.is_empty() && batch.len() + event.len() > BATCH_BYTES {
                break;
            }
            batch.extend_from_slice(event);
            next += 1;
        }
        Ok((batch.freeze(), next))
    }

    /// Forgets the older half, or as much of it as may go, and says how many bytes that was.
    pub(super) fn shorten(&mut self) -> u64 {
        let goes = self.events.len().div_ceil(2).min(self.events.len() - self.newest());
        let freed: usize = self.events.drain(..goes).map(|event| event.len()).sum();
        self.first += goes as u64;
        self.bytes -= freed as u64;
        freed as u64
    }

    /// How many of the newest stay.
    fn newest(&self) -> usize {
        let mut bytes = 0;
        let newest = self.events.iter().rev().take(NEWEST_MIN);
        let fits = |event: &&Bytes| {
            bytes += event.len();
            bytes <= NEWEST_BYTES_MIN
        };
        newest.take_while(fits).count().max(usize::from(!self.events.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(events: usize, bytes: usize) -> Log {
        let mut log = Log::default();
        (0..events).for_each(|_| log.push(vec![b'x'; bytes]));
        log
    }

    #[test]
    fn events_are_read_from_any_number_on_in_pieces() {
        let log = log(10, 30 << 10);
        let (batch, next) = log.since(3).unwrap();
        assert_eq!((batch.len(), next), (60 << 10, 5));
        assert_eq!(log.since(10).unwrap(), (Bytes::new(), 10));
        assert_eq!(log.since(12).unwrap(), (Bytes::new(), 12));
        // One that is larger than a piece is handed out all the same.
        assert_eq!(self::log(1, 1 << 20).since(0).unwrap().1, 1);
    }

    #[test]
    fn what_was_forgotten_is_not_skipped_in_silence() {
        let mut log = log(1_001, 100);
        assert_eq!((log.shorten(), log.bytes(), log.first()), (50_100, 50_000, 501));
        assert_eq!((log.since(500), log.next()), (Err(Gone), 1_001));
        assert_eq!(log.since(1_000).unwrap().1, 1_001);
    }

    #[test]
    fn the_newest_events_stay_for_whoever_reads_along() {
        let mut small = log(600, 100);
        while small.shorten() > 0 {}
        assert_eq!((small.first(), small.next()), (600 - 256, 600));
        let mut large = log(20, 100 << 10);
        while large.shorten() > 0 {}
        assert_eq!((large.first(), large.next()), (18, 20));
        let mut huge = log(3, 1 << 20);
        while huge.shorten() > 0 {}
        assert_eq!((huge.first(), huge.since(2).unwrap().1), (2, 3));
        assert_eq!(Log::default().shorten(), 0);
    }
}
