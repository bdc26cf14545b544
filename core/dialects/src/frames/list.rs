use bytes::{Bytes, BytesMut};

use backstop_vocabulary::{Class, Failure};

use super::Frame;

/// Cuts one JSON list that is written piece by piece into its elements.
///
/// Each comes out as a server-sent event whose data is the element, byte for byte but for the line
/// breaks between its tokens. What is no list is left whole in [`List::rest`]: an error, mostly.
#[derive(Debug)]
pub(super) struct List {
    frame_bytes_max: usize,
    /// What was fed and is no whole element yet.
    begun: BytesMut,
    /// How much of it has been looked at.
    seen: usize,
    place: Place,
    broken: bool,
}

/// Where in the text the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the opening bracket.
    Before,
    /// Between elements.
    Between,
    /// In an element, under so many brackets, perhaps in a string.
    Inside { depth: u32, string: Quote },
    /// After the closing bracket, or in something that is no list.
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    None,
    Open,
    /// After a backslash.
    Escape,
}

impl List {
    /// A parser that gives up on the stream when an element is longer than `frame_bytes_max`.
    pub(super) fn new(frame_bytes_max: usize) -> Self {
        let begun = BytesMut::new();
        Self { frame_bytes_max, begun, seen: 0, place: Place::Before, broken: false }
    }

    /// The limit, if these first bytes cannot be JSON.
    pub(super) fn other(&self, chunk: &[u8]) -> Option<usize> {
        let first = chunk.trim_ascii_start().first().copied();
        let untouched = self.begun.is_empty() && self.place == Place::Before;
        let odd = first.is_some_and(|byte| !matches!(byte, b'[' | b'{' | b'"' | b'<'));
        (untouched && odd).then_some(self.frame_bytes_max)
    }

    /// Takes the next bytes; then call `next` until it gives `None`.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        self.begun.extend_from_slice(chunk);
    }

    /// What was cut off, or what is no list.
    pub(super) fn rest(&self) -> &[u8] {
        &self.begun
    }

    /// Where the element ends that has begun, if its end is here.
    fn end(&mut self) -> Option<usize> {
        while let Some(byte) = self.begun.get(self.seen).copied() {
            self.place = match (self.place, byte) {
                (Place::After, _) => return None,
                (Place::Before | Place::Between, b' ' | b'\t' | b'\r' | b'\n')
                | (Place::Between, b',') => {
                    self.skip();
                    continue;
                }
                (Place::Before, b'[') => {
                    self.skip();
                    self.place = Place::Between;
                    continue;
                }
                // No element begins so: what follows is no list.
                (Place::Before, _) | (Place::Between, b'}') => Place::After,
                (Place::Between, b']') => {
                    self.skip();
                    self.place = Place::After;
                    continue;
                }
                (Place::Between, _) => {
                    self.place = Place::Inside { depth: 0, string: Quote::None };
                    continue;
                }
                (Place::Inside { depth, string }, byte) => {
                    let Some(place) = inside(depth, string, byte) else {
                        self.place = Place::Between;
                        // What ends a number or a word is not part of it.
                        return Some(self.seen + usize::from(depth > 0));
                    };
                    place
                }
            };
            self.seen += 1;
        }
        None
    }

    fn skip(&mut self) {
        let _skipped = self.begun.split_to(1);
    }
}

/// The place after this byte; `None` where the element ends with or before it.
const fn inside(depth: u32, string: Quote, byte: u8) -> Option<Place> {
    let (depth, string) = match (string, byte) {
        (Quote::Open, b'\\') => (depth, Quote::Escape),
        (Quote::Open, b'"') => (depth, Quote::None),
        (Quote::Escape | Quote::Open, _) | (Quote::None, b'"') => (depth, Quote::Open),
        (Quote::None, b'{' | b'[') => (depth.saturating_add(1), Quote::None),
        (Quote::None, b'}' | b']') if depth <= 1 => return None,
        (Quote::None, b'}' | b']') => (depth - 1, Quote::None),
        (Quote::None, b',') if depth == 0 => return None,
        (Quote::None, _) => (depth, Quote::None),
    };
    Some(Place::Inside { depth, string })
}

impl Iterator for List {
    type Item = Result<Frame, Failure>;

    /// The next whole element; `None` until more is fed. An error is the last item.
    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let end = self.end();
        if end.unwrap_or(self.begun.len()) > self.frame_bytes_max {
            self.broken = true;
            let message = format!("a frame of the answer is over {} bytes", self.frame_bytes_max);
            return Some(Err(Failure::new(Class::BadAnswer, message)));
        }
        let element = self.begun.split_to(end?);
        self.seen = 0;
        let mut raw = Vec::with_capacity(element.len() + 10);
        raw.extend_from_slice(b"data: ");
        let plain = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
        raw.extend(element.iter().map(plain));
        raw.extend_from_slice(b"\r\n\r\n");
        Some(Ok(Frame::parse(Bytes::from(raw), 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of the elements, and what is left, however the text is cut.
    fn check(text: &str, elements: &[&str], rest: &str) {
        for cut in 0..=text.len() {
            let mut list = List::new(1 << 10);
            let mut seen = Vec::new();
            for piece in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
                list.feed(piece);
                let frames = list.by_ref().map(|frame| frame.unwrap().data().to_vec());
                seen.extend(frames.map(|data| String::from_utf8(data).unwrap()));
            }
            assert_eq!(seen, elements, "{text} cut at {cut}");
            assert_eq!(std::str::from_utf8(list.rest()).unwrap(), rest);
        }
    }

    #[test]
    fn cuts_elements_wherever_the_chunks_end() {
        check(
            "[{\"a\":\"]}\\\"\"}\n,\r\n{\n  \"b\": [1, {}]\n}\n]",
            &["{\"a\":\"]}\\\"\"}", "{   \"b\": [1, {}] }"],
            "",
        );
        check("[]", &[], "");
        check("[1,\"a,b\",[2]]\n", &["1", "\"a,b\"", "[2]"], "\n");
        check("[{\"a\":1},{\"b\"", &["{\"a\":1}"], "{\"b\"");
    }

    #[test]
    fn leaves_what_is_no_list_as_it_is() {
        check("\n{\"error\":{\"code\":503}}", &[], "{\"error\":{\"code\":503}}");
    }

    #[test]
    fn a_bracket_that_closes_nothing_ends_the_list() {
        check("[}", &[], "}");
        check("[1}, 2]", &["1"], "}, 2]");
    }

    #[test]
    fn gives_up_on_an_element_without_end() {
        let mut list = List::new(8);
        list.feed(b"[\"0123456789");
        assert_eq!(list.next().unwrap().unwrap_err().class, Class::BadAnswer);
        assert!(list.next().is_none());
    }
}
