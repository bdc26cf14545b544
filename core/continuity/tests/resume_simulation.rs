//! Streams that break anywhere, continued by models of different manners: the client must end up
//! with the whole answer, or with a break it is told of.

#![expect(clippy::panic, reason = "all of this is a test")]

use backstop_continuity::{
    AfterCommit, Break, Gate, Hold, Method, NoSeam, Pass, Seam, resume_request,
};
use backstop_exchange::{Block, Event, Finish, Request, Role, Turn};
use backstop_vocabulary::Chance;

const SEEDS: u64 = 500;

/// How the second model goes on.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Continues,
    RepeatsTheLastWord,
    RepeatsSome,
    StartsOver,
    StartsOverInOtherWords,
}

fn prose(chance: &mut Chance) -> String {
    let mut text = String::new();
    for word in 0..chance.below(120) + 10 {
        let gap = [" ", " ", " ", ", ", ".\n\n", "\n"];
        let gap = gap[usize::try_from(chance.below(6)).unwrap_or(0)];
        text.push('w');
        text.push_str(&(word + 100).to_string());
        text.push_str("ord");
        text.push_str(gap);
    }
    text
}

fn pieces(text: &str, chance: &mut Chance) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let size = usize::try_from(chance.below(12) + 1).unwrap_or(1);
    chars.chunks(size).map(|piece| piece.iter().collect()).collect()
}

/// What the second model says to the resumed request.
fn continuation(whole: &str, delivered: &str, method: Method, manner: Manner) -> String {
    // A prefill shows the model the text without its trailing space.
    let known = match method {
        Method::Prefill => delivered.trim_end(),
        Method::Instruction => delivered,
    };
    let word = known.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
    match manner {
        Manner::Continues => whole[known.len()..].to_owned(),
        Manner::RepeatsTheLastWord => whole[word..].to_owned(),
        Manner::RepeatsSome => whole[word.saturating_sub(60).min(word)..].to_owned(),
        Manner::StartsOver => whole.to_owned(),
        Manner::StartsOverInOtherWords => whole.replace("w10", "v10"),
    }
}

/// Checks the request and says which text the second model was shown.
fn check_request(delivered: &str, method: Method) {
    let asked = Request {
        turns: vec![Turn::text(Role::User, "tell me")],
        output_tokens_max: Some(1000),
        ..Request::default()
    };
    let resumed = resume_request(&asked, delivered, method);
    let shown = match &resumed.turns[1].blocks[..] {
        [Block::Text(text)] => text.text.as_str(),
        other => panic!("not one text: {other:?}"),
    };
    assert_eq!(shown.trim_end(), delivered.trim_end());
    assert!(resumed.output_tokens_max < asked.output_tokens_max);
}

/// Streams, breaks, resumes; `None` when there was nothing to resume, or too little to tell a
/// rewording from a continuation.
fn run(seed: u64, method: Method, manner: Manner) -> Option<Result<(), NoSeam>> {
    let mut chance = Chance::from_seed(seed);
    let whole = prose(&mut chance);
    let pieces_sent = pieces(&whole, &mut chance);
    let cut = usize::try_from(chance.below(pieces_sent.len() as u64)).unwrap_or(0);
    let mut gate = Gate::new(Hold::UntilContent, AfterCommit::Resume);
    for piece in &pieces_sent[..cut] {
        assert_eq!(gate.take(&Event::Text(piece.clone())), Pass::Release);
    }
    let delivered = gate.delivered().to_owned();
    let allowed = gate.on_break();
    assert_eq!(allowed, if cut == 0 { Break::Failover } else { Break::Resume });
    if cut == 0 {
        return None;
    }
    if matches!(manner, Manner::StartsOverInOtherWords) && delivered.len() < 300 {
        return None;
    }
    check_request(&delivered, method);
    let said = continuation(&whole, &delivered, method, manner);
    let mut seam = Seam::new(&delivered, method);
    let mut joined = Vec::new();
    for piece in pieces(&said, &mut chance) {
        joined.push(seam.feed(&piece));
    }
    joined.push(seam.finish());
    for text in joined {
        match text {
            Ok(text) if text.is_empty() => {}
            Ok(text) => assert_eq!(gate.take(&Event::Text(text)), Pass::Release),
            Err(seamless) => return Some(Err(seamless)),
        }
    }
    gate.take(&Event::Finish(Finish::End));
    assert_eq!(gate.delivered(), whole, "seed {seed}, {method:?}, {manner:?}");
    Some(Ok(()))
}

#[test]
fn the_client_gets_the_whole_answer_once() {
    for manner in
        [Manner::Continues, Manner::RepeatsTheLastWord, Manner::RepeatsSome, Manner::StartsOver]
    {
        let joined = (0..SEEDS).filter_map(|seed| run(seed, Method::Instruction, manner));
        let joined: Vec<_> = joined.collect();
        assert!(joined.len() > 400 && joined.iter().all(Result::is_ok), "{manner:?}");
    }
    let prefilled = (0..SEEDS).filter_map(|seed| run(seed, Method::Prefill, Manner::Continues));
    assert!(prefilled.collect::<Vec<_>>().iter().all(Result::is_ok));
}

#[test]
fn an_answer_that_starts_over_in_other_words_is_never_joined_on() {
    let manner = Manner::StartsOverInOtherWords;
    let ran = (0..SEEDS).filter_map(|seed| run(seed, Method::Instruction, manner));
    let refused: Vec<_> = ran.map(|joined| joined.is_err()).collect();
    assert!(refused.len() > 100 && refused.iter().all(|refused| *refused));
}
