use super::*;
use proptest::prelude::*;

/// Feeds `new` in pieces of `step` characters and gives all that was emitted.
fn join(delivered: &str, new: &str, step: usize, method: Method) -> Result<String, NoSeam> {
    let mut seam = Seam::new(delivered, method);
    let mut emitted = String::new();
    let chars: Vec<char> = new.chars().collect();
    for piece in chars.chunks(step.max(1)) {
        let piece: String = piece.iter().collect();
        emitted += &seam.feed(&piece)?;
    }
    emitted += &seam.finish()?;
    Ok(emitted)
}

fn check(delivered: &str, new: &str, emitted: Result<&str, NoSeam>) {
    for step in [1, 3, 1000] {
        let seen = join(delivered, new, step, Method::Instruction);
        assert_eq!(seen.as_deref(), emitted.as_ref().copied(), "in pieces of {step}");
    }
}

const TALE: &str = "Once upon a time a miller had three sons, and to the youngest he left a cat. \
The cat asked for boots and a sack, went out into the meadow and caught a rabbit for the king. \
For some months it brought him game, and said each time that its master, the marquis, sent it. \
Then one day it heard that the king would drive along the river with his daughter, and told the \
youngest son to bathe there and leave everything else to his cat, which he did without knowing why.";

#[test]
fn passes_what_goes_on_exactly() {
    check("The quick bro", "wn fox", Ok("wn fox"));
    check("The quick", " brown fox", Ok(" brown fox"));
    check("One.\n\n", "Two.", Ok("Two."));
}

#[test]
fn cuts_a_repeated_word_or_passage() {
    check("The quick bro", "brown fox", Ok("wn fox"));
    check("The quick", "quick brown fox", Ok(" brown fox"));
    check("The quick brown fox jumps", "brown fox jumps over", Ok(" over"));
    check("It ends. ", "ends. Then more.", Ok("Then more."));
    check("A list:\n- one\n- two\n", "- two\n- three", Ok("- three"));
}

#[test]
fn does_not_take_a_chance_letter_for_a_repetition() {
    check("I like the", "end of it", Ok("end of it"));
}

#[test]
fn refuses_to_guess_whether_a_digit_or_mark_is_said_twice() {
    check("It costs 1", "10 euros", Err(NoSeam));
    check("The sum is #6", "66b and so on", Err(NoSeam));
    check("A word in *", "*bold* letters", Err(NoSeam));
    check("他说，看", "看书", Err(NoSeam));
}

#[test]
fn refuses_to_guess_where_the_text_itself_repeats() {
    let line = "All work and no play makes Jack dull.\n";
    let (three, all) = (line.repeat(3), line.repeat(6) + "The end.");
    check(&three, &all[three.len()..], Err(NoSeam));
    let (row, rows) = ("| 12 | left | right |\n", "| 12 | left | right |\n".repeat(8));
    check(&rows[..40], &rows[40..], Err(NoSeam));
    check(&rows[..row.len() * 2], &rows[row.len()..], Err(NoSeam));
    check("so they sang la la la la", "la la la end", Err(NoSeam));
    check("first a then b b", "b b c", Err(NoSeam));
    check("That is unbeliev", "believable news", Err(NoSeam));
    let seam = join(&three, &all[three.len()..], 3, Method::Prefill);
    assert_eq!(seam, Err(NoSeam));
}

#[test]
fn joins_scripts_that_have_no_spaces() {
    check("我今天早上吃苹果", "吃苹果和香蕉", Ok("和香蕉"));
    check("我今天早上吃苹果", "，还有香蕉", Ok("，还有香蕉"));
    check("我今天早上吃苹果", "苹果和香蕉", Err(NoSeam));
}

#[test]
fn takes_a_number_or_mark_for_itself_where_there_is_no_doubt() {
    check("It costs 1", "0 euros", Ok("0 euros"));
    check("It costs 1", "costs 10 euros", Ok("0 euros"));
    check("It cost 200", "200 euros", Ok(" euros"));
    check("Point 1 ", "1 is this", Ok("is this"));
    check("See 1)", "1) and 2)", Ok(" and 2)"));
}

#[test]
fn compares_white_space_runs_as_equal() {
    check("a first line\nand a  second", "first line and\na second one", Ok(" one"));
}

#[test]
fn skips_an_answer_that_starts_over() {
    let (delivered, rest) = TALE.split_at(300);
    check(delivered, TALE, Ok(rest));
    let (delivered, rest) = TALE.split_at(20);
    check(delivered, TALE, Ok(rest));
}

#[test]
fn refuses_an_answer_that_starts_over_and_then_differs() {
    let other = TALE.replace("a sack", "a hat");
    check(&TALE[..300], &other, Err(NoSeam));
    check(&TALE[..300], &TALE[..100], Err(NoSeam));
    check(&TALE[..300], "Once upon a time a miller had no luck at all, so it goes.", Err(NoSeam));
}

#[test]
fn refuses_an_answer_that_starts_over_in_other_words() {
    let other = TALE.replace("Once upon a time", "Long ago");
    check(&TALE[..300], &other, Err(NoSeam));
}

#[test]
fn refuses_a_passage_from_the_middle_that_ends_there() {
    check(&TALE[..300], &TALE[100..130], Err(NoSeam));
}

#[test]
fn a_prefill_brings_its_white_space_again_and_passes_at_once() {
    let mut seam = Seam::new("One.\n\n", Method::Prefill);
    assert_eq!(seam.feed("\n\nTwo").as_deref(), Ok("Two"));
    let mut seam = Seam::new(&TALE[..300], Method::Prefill);
    assert_eq!(seam.feed("x").as_deref(), Ok("x"));
    let (delivered, rest) = TALE.split_at(300);
    assert_eq!(join(delivered, TALE, 3, Method::Prefill).as_deref(), Ok(rest));
}

#[test]
fn passes_everything_after_the_joint_at_once() {
    let mut seam = Seam::new("a", Method::Instruction);
    seam.feed(&TALE[..299]).unwrap();
    assert!(seam.is_joined());
    assert_eq!(seam.feed("z").as_deref(), Ok("z"));
}

#[test]
fn stays_broken_once_it_does_not_fit() {
    let mut seam = Seam::new(&TALE[..300], Method::Instruction);
    assert!(seam.feed(&TALE.replace("sack", "hat")).is_err());
    assert!(seam.feed("more").is_err() && seam.finish().is_err());
}

/// Prose whose words are all different and none repeats its own beginning, so that where a
/// continuation belongs is beyond doubt.
fn prose() -> impl Strategy<Value = String> {
    let gaps = prop_oneof![Just(" "), Just(", "), Just(".\n\n"), Just("\n"), Just(" – ")];
    (proptest::collection::vec(gaps, 2..150), 0_usize..500).prop_map(|(gaps, from)| {
        let mut text = String::new();
        for (nth, gap) in gaps.into_iter().enumerate() {
            let number = from + nth;
            let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
            // "xq" begins each word and stands nowhere else.
            let word =
                ['x', 'q', letter(number / 26 % 22), letter(number), 'é', letter(number / 7)];
            text.extend(word);
            text.push_str(gap);
        }
        text
    })
}

fn cut_points(text: &str) -> Vec<usize> {
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect()
}

proptest! {
    #[test]
    fn nothing_is_sent_twice_and_nothing_is_lost(
        text in prose(),
        at in any::<proptest::sample::Index>(),
        back in any::<proptest::sample::Index>(),
        step in 1_usize..50,
    ) {
        let points = cut_points(&text);
        let cut = at.index(points.len());
        let (delivered, rest) = text.split_at(points[cut]);
        for method in [Method::Instruction, Method::Prefill] {
            let trail = &delivered[delivered.trim_end().len()..];
            let goes_on = match method {
                Method::Instruction => rest.to_owned(),
                Method::Prefill => format!("{trail}{rest}"),
            };
            let emitted = join(delivered, &goes_on, step, method);
            prop_assert_eq!(emitted.as_deref(), Ok(rest), "continued after {:?}", delivered);
            if method == Method::Instruction || delivered.chars().count() > 40 {
                let emitted = join(delivered, &text, step, method);
                prop_assert_eq!(emitted.as_deref(), Ok(rest), "restarted after {:?}", delivered);
            }
        }
        // An overlap from any earlier place of 12 characters or more, or from a word's beginning.
        let from = points[back.index(cut + 1)];
        let overlap = &delivered[from..];
        let begins_word = from == 0 || !text[..from].ends_with(char::is_alphanumeric);
        let body = overlap.trim();
        if body.chars().count() >= 16 || (begins_word && body.starts_with('x')) {
            let emitted = join(delivered, &text[from..], step, Method::Instruction);
            prop_assert_eq!(emitted.as_deref(), Ok(rest), "after {:?} from {}", delivered, from);
        }
    }

    /// Whatever comes, what is emitted is a part of it, in order and to the end.
    #[test]
    fn emits_only_an_end_of_what_came(
        delivered in "[ab \n]{0,400}", new in "[ab \n]{0,700}", step in 1_usize..50,
    ) {
        for method in [Method::Instruction, Method::Prefill] {
            if let Ok(emitted) = join(&delivered, &new, step, method) {
                prop_assert!(new.ends_with(&emitted));
                prop_assert_eq!(join(&delivered, &new, 1000, method), Ok(emitted));
            }
        }
    }
}
