use backstop_exchange::Event;
use backstop_vocabulary::Dialect;
use proptest::prelude::*;

use super::*;
use crate::{
    Frames, Framing, StreamReader, chunk_message, event_message, exception_message, read_rest,
};

/// Frames as name, data and raw bytes; what was left; and the error at the end, if any.
type Seen = (Vec<(String, Vec<u8>, Vec<u8>)>, Vec<u8>, Option<Class>);

fn cut(bytes: &[u8], sizes: &mut dyn Iterator<Item = usize>) -> Seen {
    let mut frames = Frames::new(Framing::EventStream, 1 << 16);
    let mut seen: Seen = Seen::default();
    let mut left = bytes;
    while !left.is_empty() {
        let (chunk, after) = left.split_at(sizes.next().unwrap_or(1).clamp(1, left.len()));
        frames.feed(Bytes::copy_from_slice(chunk));
        for frame in frames.by_ref() {
            match frame {
                Ok(frame) => seen.0.push((
                    frame.event().to_owned(),
                    frame.data().to_vec(),
                    frame.raw().to_vec(),
                )),
                Err(failure) => seen.2 = Some(failure.class),
            }
        }
        left = after;
    }
    if seen.2.is_none() {
        seen.1 = frames.rest().to_vec();
    }
    seen
}

fn events(dialect: Dialect, bytes: &[u8]) -> Vec<Event> {
    let mut frames = Frames::new(Framing::EventStream, 1 << 16);
    let (mut reader, mut events) = (StreamReader::new(dialect), Vec::new());
    frames.feed(Bytes::copy_from_slice(bytes));
    for frame in frames.by_ref() {
        reader.read(&frame.unwrap(), &mut events);
    }
    events
}

fn two_messages() -> Vec<u8> {
    let mut out = Vec::new();
    event_message("messageStart", b"{\"role\":\"assistant\"}", &mut out);
    event_message("messageStop", b"{}", &mut out);
    out
}

#[test]
fn a_message_is_laid_out_as_aws_says() {
    // As botocore's own tests have it: an event without headers or payload.
    let empty = [
        0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8,
        0xff,
    ];
    assert_eq!(message::length(&empty), Ok(16));
    assert_eq!(message::parts(&empty).map(|parts| parts.payload), Ok(12..12));
    // And one whose payload is JSON, with one header of the type of its content.
    let json = b"{'foo':'bar'}";
    let head = [0x00, 0x00, 0x00, 0x3d, 0x00, 0x00, 0x00, 0x20, 0x07, 0xfd, 0x83, 0x96];
    let header = b"\x0ccontent-type\x07\x00\x10application/json";
    let whole = [&head[..], header, json, &[0x8d, 0x9c, 0x08, 0xb1]].concat();
    assert_eq!(message::length(&whole), Ok(whole.len()));
    assert_eq!(&whole[message::parts(&whole).unwrap().payload], json);
}

#[test]
fn messages_stand_as_they_came_wherever_they_are_cut() {
    let bytes = two_messages();
    for size in 1..=bytes.len() {
        let (frames, rest, error) = cut(&bytes, &mut std::iter::repeat(size));
        let said: Vec<_> =
            frames.iter().map(|(name, data, _)| (name.as_str(), data.as_slice())).collect();
        assert_eq!(
            said,
            [("messageStart", &b"{\"role\":\"assistant\"}"[..]), ("messageStop", &b"{}"[..])]
        );
        let raws: Vec<u8> = frames.into_iter().flat_map(|(_, _, raw)| raw).collect();
        assert_eq!((raws, rest, error), (bytes.clone(), Vec::new(), None));
    }
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let mut headers = Vec::new();
    let values: [(u8, &[u8]); 10] = [
        (0, b""),
        (1, b""),
        (2, b"1"),
        (3, b"12"),
        (4, b"1234"),
        (5, b"12345678"),
        (6, b"\x00\x02ab"),
        (7, b"\x00\x03abc"),
        (8, b"12345678"),
        (9, b"1234567812345678"),
    ];
    for (kind, value) in values {
        headers.extend_from_slice(&[1, b'x', kind]);
        headers.extend_from_slice(value);
    }
    headers.extend_from_slice(b"\x0b:event-type\x07\x00\x04last");
    let message = assembled(&headers, b"{}");
    let (frames, _, error) = cut(&message, &mut std::iter::repeat(usize::MAX));
    assert_eq!((frames[0].0.as_str(), error), ("last", None));
    for wrong in [&b"\x01x\x0a"[..], b"\x01x\x07\x00\x09abc", b"\x09x", b"\x01x"] {
        let (_, _, error) = cut(&assembled(wrong, b"{}"), &mut std::iter::repeat(usize::MAX));
        assert_eq!(error, Some(Class::BadAnswer), "{wrong:?}");
    }
}

/// A message with these headers and sound checksums.
fn assembled(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let lengths = [total, u32::try_from(headers.len()).unwrap()].map(u32::to_be_bytes).concat();
    let prelude = [&lengths[..], &message::crc32(&lengths).to_be_bytes()].concat();
    let body = [&prelude[..], headers, payload].concat();
    [&body[..], &message::crc32(&body).to_be_bytes()].concat()
}

#[test]
fn a_changed_byte_anywhere_ends_the_stream_once() {
    let bytes = two_messages();
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        let (frames, _, error) = cut(&bytes, &mut std::iter::repeat(usize::MAX));
        assert_eq!(error, Some(Class::BadAnswer), "byte {at}");
        assert!(frames.len() < 2);
    }
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_kept() {
    for (total, headers) in [(15_u32, 0_u32), (20, 5), (u32::MAX, 0), (1 << 20, 0), (16, u32::MAX)]
    {
        let lengths = [total, headers].map(u32::to_be_bytes).concat();
        let prelude = [&lengths[..], &message::crc32(&lengths).to_be_bytes()].concat();
        let (frames, _, error) = cut(&prelude, &mut std::iter::repeat(1));
        assert_eq!((frames.len(), error), (0, Some(Class::BadAnswer)), "{total} {headers}");
    }
}

#[test]
fn a_message_that_is_cut_off_is_the_rest() {
    let bytes = two_messages();
    let first = message::length(&bytes).unwrap();
    for end in first + 1..bytes.len() {
        let (frames, rest, error) = cut(&bytes[..end], &mut std::iter::repeat(7));
        assert_eq!((frames.len(), error), (1, None));
        assert_eq!(rest, &bytes[first..end]);
        assert_eq!(read_rest(Dialect::AnthropicMessages, &rest), None);
    }
}

#[test]
fn what_invoke_model_wraps_comes_out_as_the_events_of_messages() {
    let mut bytes = Vec::new();
    let start = r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":3,"output_tokens":1}}}"#;
    chunk_message(start.as_bytes(), &mut bytes);
    let stop =
        r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}"#;
    chunk_message(stop.as_bytes(), &mut bytes);
    let (frames, _, _) = cut(&bytes, &mut std::iter::repeat(5));
    let raw = |at: usize| String::from_utf8(frames[at].2.clone()).unwrap();
    assert_eq!(raw(0), format!("event: message_start\ndata: {start}\n\n"));
    assert_eq!(raw(1), "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    let events = events(Dialect::AnthropicMessages, &bytes);
    let started = Event::Start { id: "msg_1".to_owned(), model: "claude".to_owned() };
    assert_eq!(events.first(), Some(&started));
    assert_eq!(events.last(), Some(&Event::Done));
}

#[test]
fn an_event_inside_cannot_break_out_of_its_frame() {
    let mut bytes = Vec::new();
    chunk_message(b"{\"type\":\"x\\n\\ndata: 1\",\n\r\n\"a\":1}", &mut bytes);
    let (frames, _, _) = cut(&bytes, &mut std::iter::repeat(usize::MAX));
    let raw = String::from_utf8(frames[0].2.clone()).unwrap();
    assert_eq!(raw, "event: xdata: 1\ndata: {\"type\":\"x\\n\\ndata: 1\",   \"a\":1}\n\n");
    let mut not_base64 = Vec::new();
    event_message("chunk", b"{\"bytes\":\"?\"}", &mut not_base64);
    let (_, _, error) = cut(&not_base64, &mut std::iter::repeat(usize::MAX));
    assert_eq!(error, Some(Class::BadAnswer));
}

#[test]
fn an_exception_ends_the_stream_with_what_it_means() {
    let mut bytes = two_messages();
    exception_message("throttlingException", b"{\"message\":\"secret\"}", &mut bytes);
    event_message("messageStop", b"{}", &mut bytes);
    let (frames, _, error) = cut(&bytes, &mut std::iter::repeat(3));
    assert_eq!((frames.len(), error), (3, None));
    let mut bytes = Vec::new();
    exception_message("throttlingException", b"{\"message\":\"secret\"}", &mut bytes);
    let events = events(Dialect::AnthropicMessages, &bytes);
    let [Event::Failed(failure)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(failure.class, Class::RateLimited);
    assert_eq!(failure.provider_code.as_deref(), Some("throttlingException"));
    assert!(!failure.message.contains("secret"));
}

#[test]
fn an_error_without_a_payload_is_an_exception_too() {
    let headers = b"\x0d:message-type\x07\x00\x05error\x0b:error-code\x07\x00\x0dInternalError\x0e:error-message\x07\x00\x02no";
    let events = events(Dialect::AnthropicMessages, &assembled(headers, b""));
    let [Event::Failed(failure)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(failure.class, Class::ServerError);
    assert_eq!(failure.provider_code.as_deref(), Some("InternalError"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        sound in prop::collection::vec((any::<bool>(), ".{0,9}"), 0..4),
        sizes in prop::collection::vec(1_usize..9, 1..9),
    ) {
        let mut stream = Vec::new();
        for (wrapped, text) in sound {
            let json = serde_json::json!({ "type": text }).to_string();
            if wrapped {
                chunk_message(json.as_bytes(), &mut stream);
            } else {
                event_message(&text, json.as_bytes(), &mut stream);
            }
        }
        stream.extend_from_slice(&bytes);
        let whole = cut(&stream, &mut std::iter::repeat(usize::MAX));
        prop_assert_eq!(cut(&stream, &mut sizes.iter().copied().cycle()), whole);
    }
}
