use std::collections::{BTreeMap, VecDeque};

use backstop_exchange::Event;

/// What must wait until the open call has ended, in the order it began. The pieces of a waiting
/// call are joined, so that each is moved once however many calls come at the same time.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: VecDeque<Item>,
    /// How many items have left the queue.
    taken: usize,
    /// The number of each waiting call's item, counted from the first that ever waited.
    calls: BTreeMap<u32, usize>,
}

/// One thing that waits.
#[derive(Debug)]
pub(super) enum Item {
    /// A call, as far as it has come.
    Call {
        /// Its `ToolStart`.
        start: Event,
        /// The arguments so far.
        arguments: String,
        /// Whether it has ended as well.
        ended: bool,
    },
    /// Anything else.
    Other(Event),
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes an event in. A piece of a call that does not wait belongs to none, and is dropped.
    pub(super) fn push(&mut self, event: &Event) {
        if let Event::ToolStart { ordinal, .. } = event {
            self.calls.insert(*ordinal, self.taken + self.queue.len());
            let (start, arguments) = (event.clone(), String::new());
            self.queue.push_back(Item::Call { start, arguments, ended: false });
        } else if let Event::ToolArguments { ordinal, fragment } = event {
            if let Some(Item::Call { arguments, .. }) = self.call(*ordinal) {
                arguments.push_str(fragment);
            }
        } else if let Event::ToolEnd { ordinal } = event {
            if let Some(Item::Call { ended, .. }) = self.call(*ordinal) {
                *ended = true;
            }
        } else {
            self.queue.push_back(Item::Other(event.clone()));
        }
    }

    /// The next in order.
    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.taken += 1;
        Some(item)
    }

    fn call(&mut self, ordinal: u32) -> Option<&mut Item> {
        let at = self.calls.get(&ordinal)?.checked_sub(self.taken)?;
        self.queue.get_mut(at)
    }
}
