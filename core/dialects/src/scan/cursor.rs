use std::borrow::Cow;

use backstop_vocabulary::Failure;
use memchr::memchr2;

use crate::json::invalid;

/// How deep values may nest; deeper ones are refused, as `serde_json` does.
const DEPTH_MAX: u32 = 128;

/// Walks JSON text and looks only at what it is asked for.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    member_at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first value of `text`.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let mut cursor = Self { text, at: 0, member_at: 0 };
        cursor.skip_space();
        cursor
    }

    /// The byte it stands at.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Where the member begins whose value is about to be taken: at the quote of its key.
    pub(crate) const fn member_at(&self) -> usize {
        self.member_at
    }

    /// Whether the next byte is this one.
    pub(crate) fn is_at(&self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    /// Walks an object: `take` is called at each value and must move past it.
    pub(crate) fn members(
        &mut self,
        mut take: impl FnMut(&mut Self, &str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.expect(b'{', "`{`")?;
        self.skip_space();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.member_at = self.at;
            let key = self.key()?;
            self.skip_space();
            self.expect(b':', "`:`")?;
            self.skip_space();
            take(self, &key)?;
            self.skip_space();
            if self.eat(b'}') {
                return Ok(());
            }
            self.expect(b',', "`,` or `}`")?;
            self.skip_space();
        }
    }

    /// Walks a list: `take` is called at each value and must move past it.
    pub(crate) fn elements(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.expect(b'[', "`[`")?;
        self.skip_space();
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            take(self)?;
            self.skip_space();
            if self.eat(b']') {
                return Ok(());
            }
            self.expect(b',', "`,` or `]`")?;
            self.skip_space();
        }
    }

    /// Moves past the value here, whatever it is, and returns its text.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], Failure> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.skip_string()?,
            Some(b'{' | b'[') => self.skip_nested(|_| ())?,
            _ => self.skip_word()?,
        }
        Ok(self.text.get(start..self.at).unwrap_or(&[]))
    }

    /// As `value`, and says whether a string inside begins with one of `marks`.
    pub(crate) fn value_marked(&mut self, marks: &[&[u8]]) -> Result<bool, Failure> {
        if !matches!(self.peek(), Some(b'{' | b'[')) {
            return self.value().map(|_| false);
        }
        let mut marked = false;
        self.skip_nested(|text| {
            marked = marked || marks.iter().any(|mark| text.starts_with(mark));
        })?;
        Ok(marked)
    }

    /// Checks that nothing but space follows.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.wrong("the end")) }
    }

    fn key(&mut self) -> Result<Cow<'a, str>, Failure> {
        let start = self.at;
        if !self.is_at(b'"') {
            return Err(self.wrong("a quoted key"));
        }
        self.skip_string()?;
        let token = self.text.get(start..self.at).unwrap_or(&[]);
        let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or(&[]);
        let plain = std::str::from_utf8(inner).ok().filter(|key| !key.contains('\\'));
        if let Some(key) = plain {
            return Ok(Cow::Borrowed(key));
        }
        let key: Result<String, _> = serde_json::from_slice(token);
        key.map(Cow::Owned)
            .map_err(|_| invalid(format!("the body has a malformed key at byte {start}")))
    }

    fn skip_string(&mut self) -> Result<(), Failure> {
        let start = self.at;
        self.at += 1;
        loop {
            let left = self.text.get(self.at..).unwrap_or(&[]);
            match memchr2(b'"', b'\\', left) {
                Some(length) if left.get(length) == Some(&b'"') => {
                    self.at += length + 1;
                    return Ok(());
                }
                Some(length) => self.at += length + 2,
                None => {
                    return Err(invalid(format!("the body ends in the string from byte {start}")));
                }
            }
        }
    }

    /// Skips an object or list by its brackets; a bit of `kinds` per level says which bracket closes.
    /// `string` sees what is left of the text at every string, its opening quote first.
    fn skip_nested(&mut self, mut string: impl FnMut(&[u8])) -> Result<(), Failure> {
        let (mut depth, mut kinds) = (0_u32, 0_u128);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    string(self.text.get(self.at..).unwrap_or(&[]));
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => {
                    if depth == DEPTH_MAX {
                        return Err(self.wrong("at most 128 levels of nesting"));
                    }
                    kinds = kinds << 1 | u128::from(byte == b'{');
                    depth += 1;
                }
                b'}' | b']' => {
                    if (kinds & 1 == 1) != (byte == b'}') {
                        return Err(self.wrong("the matching bracket"));
                    }
                    kinds >>= 1;
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Err(self.wrong("the closing bracket"))
    }

    /// Skips a number, `true`, `false` or `null`.
    fn skip_word(&mut self) -> Result<(), Failure> {
        let left = self.text.get(self.at..).unwrap_or(&[]);
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        let length = left.iter().position(is_end).unwrap_or(left.len());
        let word = left.get(..length).unwrap_or(&[]);
        if serde_json::from_slice::<serde::de::IgnoredAny>(word).is_err() {
            return Err(self.wrong("a value"));
        }
        self.at += length;
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.is_at(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, name: &str) -> Result<(), Failure> {
        if self.eat(byte) { Ok(()) } else { Err(self.wrong(name)) }
    }

    fn wrong(&self, expected: &str) -> Failure {
        invalid(format!("the body is not valid json: expected {expected} at byte {}", self.at))
    }
}
