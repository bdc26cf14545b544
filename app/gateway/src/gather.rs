//! A whole answer fetched as a stream (`delivery: whole`): its progress shows that it lives, and a
//! provider that falls silent is left after the gap clock instead of at the deadline.

use bytes::Bytes;

use backstop_dialects::{Frames, Restorer, StreamReader};
use backstop_exchange::{Answer, Event};
use backstop_vocabulary::{Class, Failure, Stage};

use crate::perform::{Begun, Journey};
use crate::relay::FRAME_BYTES_MAX;
use crate::stream::{as_stalled, gap_clock};
use crate::wait::Wait;

/// Reads the stream to its end and adds it up.
pub(crate) async fn gather(journey: &mut Journey, begun: &mut Begun) -> Result<Answer, Failure> {
    let dialect = journey.place(begun.place).dialect;
    let mut sum = Sum {
        frames: Frames::new(begun.framing(), FRAME_BYTES_MAX),
        reader: StreamReader::new(dialect),
        restorer: Restorer::new(begun.renames.clone()),
        answer: Answer::default(),
        bytes_left: journey.live.settings.limits.answer_bytes_max,
    };
    let bytes_max = sum.bytes_left;
    let clock = journey.core.shared.clock;
    let mut last = clock.now();
    loop {
        let started = begun.permit.has_first_token();
        let gap_at = last + gap_clock(journey, begun);
        let by = if started { gap_at } else { begun.attempt.first_token_by };
        let waited = Wait { clock, by }.first(&mut begun.permit, begun.reply.body.chunk()).await;
        let waited = if started { waited.map_err(as_stalled) } else { waited };
        let Some(chunk) = waited?? else {
            let rest = backstop_dialects::read_rest(dialect, sum.frames.rest());
            rest.map_or_else(|| sum.reader.finish(), Err)?;
            return full(sum.answer);
        };
        let came = sum.take(chunk)?;
        let bytes = usize::try_from(bytes_max - sum.bytes_left).unwrap_or(usize::MAX);
        let _counted = journey.held.set(journey.asked.body.len().saturating_add(bytes));
        match came {
            Came::Done => return full(sum.answer),
            Came::Content => {
                last = clock.now();
                begun.permit.note_first_token(last);
            }
            Came::Nothing => {}
        }
    }
}

struct Sum {
    frames: Frames,
    reader: StreamReader,
    restorer: Restorer,
    answer: Answer,
    bytes_left: u64,
}

enum Came {
    Content,
    Nothing,
    Done,
}

impl Sum {
    fn take(&mut self, chunk: Bytes) -> Result<Came, Failure> {
        self.bytes_left = self.bytes_left.checked_sub(chunk.len() as u64).ok_or_else(|| {
            Failure::new(Class::BadAnswer, "the answer is larger than answer_bytes_max")
        })?;
        self.frames.feed(chunk);
        let (mut came, mut events) = (Came::Nothing, Vec::new());
        for frame in self.frames.by_ref() {
            self.reader.read(&frame?, &mut events);
        }
        for event in events {
            if matches!(event, Event::Done) {
                return Ok(Came::Done);
            }
            if event.is_meaningful() {
                came = Came::Content;
            }
            add(&mut self.restorer, event, &mut self.answer)?;
            if self.restorer.is_over() {
                return Ok(Came::Done);
            }
        }
        Ok(came)
    }
}

/// Adds an event to an answer, in the form that the client knows.
pub(crate) fn add(
    restorer: &mut Restorer,
    event: Event,
    answer: &mut Answer,
) -> Result<(), Failure> {
    if restorer.is_over() && matches!(event, Event::Usage(_)) {
        return answer.take(event);
    }
    let mut added = Ok(());
    restorer.restore(event, |event| {
        if added.is_ok() {
            added = answer.take(event);
        }
    });
    added
}

fn full(answer: Answer) -> Result<Answer, Failure> {
    if answer.blocks.is_empty() {
        let what = "the answer was complete and empty";
        return Err(Failure::new(Class::EmptyAnswer, what).at(Stage::BeforeContent));
    }
    Ok(answer)
}
