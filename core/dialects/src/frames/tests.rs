use proptest::prelude::*;

use backstop_vocabulary::Class;

use super::*;

/// What a frame says, apart from its bytes.
type Said = (String, String);

fn feed_in(
    bytes: &[u8],
    sizes: &mut dyn Iterator<Item = usize>,
) -> (Vec<Said>, Vec<Vec<u8>>, Vec<u8>) {
    let mut frames = Frames::new(Framing::Sse, 1 << 20);
    let (mut said, mut raws) = (Vec::new(), Vec::new());
    let mut left = bytes;
    while !left.is_empty() {
        let size = sizes.next().unwrap_or(1).clamp(1, left.len());
        let (chunk, after) = left.split_at(size);
        frames.feed(Bytes::copy_from_slice(chunk));
        for frame in frames.by_ref() {
            let frame = frame.unwrap();
            raws.push(frame.raw().to_vec());
            if !frame.is_comment() {
                let data = String::from_utf8_lossy(frame.data()).into_owned();
                said.push((frame.event().to_owned(), data));
            }
        }
        left = after;
    }
    let rest = frames.rest().to_vec();
    (said, raws, rest)
}

/// Splits text into lines the way the standard's grammar reads, all at once.
fn reference(text: &str) -> Vec<Said> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut said = Vec::new();
    let (mut event, mut data): (String, Option<String>) = (String::new(), None);
    let ended = text.ends_with('\n');
    let mut lines: Vec<&str> = text.split('\n').collect();
    if ended || !text.is_empty() {
        lines.pop();
    }
    for line in lines {
        if line.is_empty() {
            if data.is_some() || !event.is_empty() {
                said.push((std::mem::take(&mut event), data.take().unwrap_or_default()));
            }
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut event),
            "data" => {
                data = Some(data.map_or_else(|| value.to_owned(), |d| format!("{d}\n{value}")));
            }
            _ => {}
        }
    }
    said
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let expected: Vec<Said> =
        expected.iter().map(|(event, data)| ((*event).to_owned(), (*data).to_owned())).collect();
    for size in [1, 2, 3, text.len().max(1)] {
        let (said, raws, rest) = feed_in(text.as_bytes(), &mut std::iter::repeat(size));
        assert_eq!(said, expected, "{text:?} in chunks of {size}");
        assert_eq!([raws.concat(), rest].concat(), text.as_bytes());
    }
}

#[test]
fn reads_every_line_ending() {
    check("event: a\ndata: 1\n\ndata: 2\n\n", &[("a", "1"), ("", "2")]);
    check("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", &[("a", "1"), ("", "2")]);
    check("event: a\rdata: 1\r\rdata: 2\r\r", &[("a", "1"), ("", "2")]);
    check("data: 1\r\n\ndata: 2\n\r\n", &[("", "1"), ("", "2")]);
}

#[test]
fn reads_marks_comments_empty_values_and_many_lines() {
    check("\u{feff}data:x\n\n", &[("", "x")]);
    check(": keep-alive\n\n:\n\ndata: y\n\n", &[("", "y")]);
    check("data: a\ndata:\ndata:  b\n\n", &[("", "a\n\n b")]);
    check("data\nid: 7\nretry: 3\nevent: e\n\n", &[("e", "")]);
    check("\n\n\ndata: a\n\n", &[("", "a")]);
}

#[test]
fn an_unfinished_frame_is_not_a_frame() {
    check("data: a\n\ndata: b\n", &[("", "a")]);
    check("{\"error\":{}}", &[]);
}

#[test]
fn a_crlf_blank_line_belongs_whole_to_its_frame_wherever_it_is_cut() {
    let text = b"data: 1\r\n\r\ndata: 2\r\n\r\n";
    for size in 1..text.len() {
        let (_, raws, rest) = feed_in(text, &mut std::iter::repeat(size));
        assert_eq!(raws, [b"data: 1\r\n\r\n".to_vec(), b"data: 2\r\n\r\n".to_vec()]);
        assert!(rest.is_empty());
    }
}

#[test]
fn a_whole_frame_in_a_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"data: 1\n\ndata: 2\n\n");
    let mut frames = Frames::new(Framing::Sse, 100);
    frames.feed(chunk.clone());
    assert_eq!(frames.next().unwrap().unwrap().raw().as_ptr(), chunk.as_ptr());
}

#[test]
fn a_frame_over_the_limit_ends_the_stream_once() {
    for text in ["data: 0123456789\n\ndata: 1\n\n", "data: 0123456789"] {
        let mut frames = Frames::new(Framing::Sse, 12);
        frames.feed(Bytes::from_static(text.as_bytes()));
        assert_eq!(frames.next().unwrap().unwrap_err().class, Class::BadAnswer);
        assert!(frames.next().is_none());
    }
}

proptest! {
    #[test]
    fn agrees_with_a_reader_that_has_everything_at_once(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "data: ", "data", "event: ", "x", "é", ":", " ", "\n", "\r\n", "\n\n", "\r\n\r\n", "{}",
            ]),
            0..40,
        ),
        sizes in prop::collection::vec(1_usize..9, 1..20),
    ) {
        let text = parts.concat();
        let (said, raws, rest) = feed_in(text.as_bytes(), &mut sizes.iter().copied().cycle());
        prop_assert_eq!(said, reference(&text));
        prop_assert_eq!([raws.concat(), rest].concat(), text.as_bytes());
    }

    #[test]
    fn any_bytes_come_out_as_they_went_in(
        bytes in prop::collection::vec(prop::sample::select(b"d:\r\n \xff\xefe".to_vec()), 0..60),
        sizes in prop::collection::vec(1_usize..5, 1..9),
    ) {
        let (said, raws, rest) = feed_in(&bytes, &mut sizes.iter().copied().cycle());
        let (said_whole, raws_whole, _) = feed_in(&bytes, &mut std::iter::repeat(bytes.len()));
        prop_assert_eq!(&[raws.concat(), rest].concat(), &bytes);
        prop_assert_eq!((said, raws), (said_whole, raws_whole));
    }
}
