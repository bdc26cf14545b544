//! A whole answer: collected, checked to its last byte, and only then given out.

use bytes::Bytes;
use http::Response;

use backstop_dialects::{Head, Restorer};
use backstop_exchange::Answer;
use backstop_listener::AnswerBody;
use backstop_vocabulary::{Class, Failure, Stage};

use crate::answer;
use crate::beside::embed;
use crate::fitness::thoughts::Notes;
use crate::gather::{add, gather};
use crate::perform::{Begun, Journey, Question};
use crate::relay::check_json;
use crate::wait::Wait;

/// Answers in one piece, or with the error that stands for all attempts.
pub(crate) async fn answer(
    mut journey: Box<Journey>,
) -> Result<Response<AnswerBody>, (Box<Journey>, Failure)> {
    loop {
        let mut begun = match journey.begin(Question::Original).await {
            Ok(begun) => begun,
            Err(failure) => return Err((journey, failure)),
        };
        match fetch(&mut journey, &mut begun).await {
            Ok((answer, body)) => {
                let issuer = journey.place(begun.place).issuer;
                let (shared, asked) = (&journey.core.shared, &journey.asked);
                Notes { shared, asked, issuer }.answer(&answer);
                return Ok(deliver(journey, begun, &answer, body));
            }
            Err(failure) => {
                let failure = failure.at(Stage::BeforeContent).with_status(begun.reply.status);
                journey.failed(begun, &failure);
            }
        }
    }
}

/// The answer, and the provider's own bytes where those can go to the client.
async fn fetch(
    journey: &mut Journey,
    begun: &mut Begun,
) -> Result<(Answer, Option<Bytes>), Failure> {
    if journey.roster.streams(&journey.asked) {
        let answer = gather(journey, begun).await?;
        return checked(journey, answer).map(|answer| (answer, None));
    }
    let body = collect(journey, begun).await?;
    if embed::wants_vectors(&journey.asked) {
        let (answer, body) = embed::read(journey, begun, &body)?;
        return Ok((answer, Some(body)));
    }
    let answer = checked(journey, read(journey, begun, &body)?)?;
    let same = journey.place(begun.place).dialect == journey.asked.dialect;
    let same = same && begun.renames.is_empty();
    Ok((answer, same.then_some(body)))
}

/// Structured output is JSON and keeps the client's schema, or another target is asked.
fn checked(journey: &Journey, answer: Answer) -> Result<Answer, Failure> {
    if let Some(judge) = journey.judge() {
        judge.check(&answer)?;
    }
    if journey.asked.scan.format && journey.has_choice() {
        check_json(&answer)?;
    }
    Ok(answer)
}

/// Reads the body to its end within the attempt's time. What is held counts against the budget of
/// all, so that others do without what they need not hold; the answer itself is not given up for it.
async fn collect(journey: &mut Journey, begun: &mut Begun) -> Result<Bytes, Failure> {
    let max = journey.live.settings.limits.answer_bytes_max;
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let wait = Wait { clock: journey.core.shared.clock, by: begun.attempt.first_token_by };
    let Begun { reply, permit, .. } = begun;
    let Journey { asked, held, .. } = journey;
    let collecting = async {
        let Some(first) = reply.body.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = reply.body.chunk().await? else { return Ok(first) };
        let mut whole = Vec::from(first);
        whole.extend_from_slice(&second);
        while let Some(chunk) = reply.body.chunk().await? {
            if whole.len() + chunk.len() > max {
                let what = format!("the answer is larger than answer_bytes_max ({max} bytes)");
                return Err(Failure::new(Class::BadAnswer, what));
            }
            whole.extend_from_slice(&chunk);
            let _counted = held.set(asked.body.len() + whole.len());
        }
        Ok(Bytes::from(whole))
    };
    wait.first(permit, collecting).await?
}

/// Checks the answer; the neutral form of it is kept where it must be written anew.
fn read(journey: &Journey, begun: &mut Begun, body: &Bytes) -> Result<Answer, Failure> {
    let dialect = journey.place(begun.place).dialect;
    let mut events = Vec::with_capacity(8);
    backstop_dialects::read_answer(dialect, body, &mut events)?;
    let mut answer = Answer::default();
    let mut restorer = Restorer::new(begun.renames.clone());
    for event in events {
        add(&mut restorer, event, &mut answer)?;
    }
    begun.permit.note_first_token(journey.core.shared.clock.now());
    Ok(answer)
}

fn deliver(
    mut journey: Box<Journey>,
    begun: Box<Begun>,
    answer: &Answer,
    body: Option<Bytes>,
) -> Response<AnswerBody> {
    let now = journey.core.shared.clock.now();
    let asked = &journey.asked;
    let body = body.unwrap_or_else(|| {
        let head = Head {
            id: asked.id.as_str().to_owned(),
            model: String::new(),
            created_unix: journey.core.shared.clock.unix_secs(asked.started),
            usage: true,
            kept: asked.turn.is_some(),
        };
        Bytes::from(backstop_dialects::write_answer(asked.dialect, answer, &head))
    });
    let body = journey.asked.whole(body);
    journey.keep(&body);
    journey.record.first_token(now);
    journey.record.answered_by(&journey.roster.places[begun.place]);
    if let Some(usage) = answer.usage {
        journey.record.used(usage, journey.roster.places.get(begun.place));
    }
    let head = answer::whole_head(&mut journey, &begun);
    drop(journey.succeeded(begun));
    journey.record.answered(answer.finish.as_ref(), now);
    head.map(|()| AnswerBody::whole(body))
}
