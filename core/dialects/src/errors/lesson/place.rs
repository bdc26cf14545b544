//! Where a field stands in a body, by the path that an error gives it.

use std::fmt;
use std::ops::Range;

use backstop_vocabulary::Dialect;

use super::slight::{IDENTITY, OF_MESSAGES, OF_PARTS, OF_SETTINGS, OF_TOOLS};
use crate::scan::Cursor;

/// Deeper paths are no fields of ours.
const STEPS_MAX: usize = 16;

/// A path of names; a list on it stands for each of its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(Box<str>),
    /// Any element of a list: a field that is refused at one place is refused at all.
    Each,
}

/// A change: the place, and what comes instead.
type Change = (Range<usize>, String);

/// A member of an object.
struct Member {
    /// Key and value.
    at: Range<usize>,
    value: Range<usize>,
    is_named: bool,
}

impl Path {
    /// `messages.0.name`, `messages[0].name`, `generation_config.topK`.
    pub(super) fn of(text: &str) -> Self {
        let names = text.split(['.', '[', ']']).filter(|name| !name.is_empty());
        let step = |name: &str| {
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { Step::Each } else { Step::Name(name.into()) }
        };
        Self(names.map(step).take(STEPS_MAX).collect())
    }

    /// The same path inside of this member.
    pub(super) fn below(&self, container: &str) -> Self {
        let first = Step::Name(container.into());
        Self([first].into_iter().chain(self.0.iter().cloned()).take(STEPS_MAX).collect())
    }

    /// The last name, lower case and without `_`.
    pub(super) fn last(&self) -> String {
        self.names().last().map_or_else(String::new, plain)
    }

    /// Whether a request asks the same without it.
    pub(super) fn is_slight(&self) -> bool {
        let names: Vec<String> = self.names().map(plain).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Some((last, above)) = names.split_last() else { return false };
        match above {
            ["messages" | "input"] if OF_MESSAGES.contains(last) => true,
            ["messages" | "input" | "contents" | "system" | "systeminstruction", ..] => {
                OF_PARTS.contains(last)
            }
            ["tools" | "toolconfig", ..] => OF_TOOLS.contains(last) || OF_PARTS.contains(last),
            _ => OF_SETTINGS.contains(last),
        }
    }

    /// Whether its value says who somebody is.
    pub(super) fn is_identity(&self) -> bool {
        IDENTITY.contains(&&*self.last())
    }

    /// The field as a client of this dialect writes it.
    pub(super) fn word(&self, client: Dialect) -> String {
        let camel = matches!(client, Dialect::Gemini | Dialect::BedrockConverse);
        let Some(Step::Name(last)) = self.0.last().filter(|_| self.is_sampling()) else {
            return self.to_string();
        };
        let mut word = String::new();
        for letter in last.chars() {
            match letter {
                '_' if camel => word.push('_'),
                letter if camel && word.ends_with('_') => {
                    word.pop();
                    word.push(letter.to_ascii_uppercase());
                }
                letter if !camel && letter.is_ascii_uppercase() => {
                    word.push('_');
                    word.push(letter.to_ascii_lowercase());
                }
                letter => word.push(letter),
            }
        }
        word
    }

    /// Whether it is one of those that every dialect has, under nearly the same name.
    fn is_sampling(&self) -> bool {
        let all = ["temperature", "topp", "topk", "seed", "presencepenalty", "frequencypenalty"];
        all.contains(&&*self.last())
    }

    fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Name(name) => Some(&**name),
            Step::Each => None,
        })
    }

    /// Its values in the body.
    pub(super) fn values(&self, body: &[u8]) -> Vec<Range<usize>> {
        self.find(body).into_iter().map(|(members, nth)| members[nth].value.clone()).collect()
    }

    /// The changes that leave it out, wherever it has the value `only`, if that is given.
    pub(super) fn cuts(&self, body: &[u8], only: Option<&[u8]>) -> Vec<Change> {
        let goes = |value: &Range<usize>| only.is_none() || body.get(value.clone()) == only;
        let all = self.find(body).into_iter().filter(|(all, nth)| goes(&all[*nth].value));
        all.map(|(members, nth)| (cut(&members, nth), String::new())).collect()
    }

    /// The changes that give it another name; where the other is there as well it goes.
    pub(super) fn renamed(&self, body: &[u8], to: &str) -> Vec<Change> {
        if !Self::of(to).values(body).is_empty() {
            return self.cuts(body, None);
        }
        let key = |members: &[Member], nth: usize| {
            let member = &members[nth];
            (member.at.start..member.value.start, format!("\"{to}\":"))
        };
        self.find(body).into_iter().map(|(members, nth)| key(&members, nth)).collect()
    }

    /// The objects that have it, each with its place among their members.
    fn find(&self, body: &[u8]) -> Vec<(Vec<Member>, usize)> {
        let mut found = Vec::new();
        walk(body, 0..body.len(), &self.0, &mut found);
        found
    }
}

fn walk(body: &[u8], at: Range<usize>, path: &[Step], found: &mut Vec<(Vec<Member>, usize)>) {
    let Some(text) = body.get(at.clone()) else { return };
    let Some((step, rest)) = path.split_first() else { return };
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    match (step, first) {
        (_, Some(b'[')) => {
            // An error may leave the number out.
            let rest = if *step == Step::Each { rest } else { path };
            for element in elements(text) {
                walk(body, at.start + element.start..at.start + element.end, rest, found);
            }
        }
        (Step::Name(name), Some(b'{')) => {
            let members = members(text, at.start, name);
            match members.iter().position(|member| member.is_named) {
                Some(nth) if rest.is_empty() => found.push((members, nth)),
                Some(nth) => walk(body, members[nth].value.clone(), rest, found),
                // Some name the kind of a block on the way: `content.0.text.citations`.
                None => walk(body, at, rest, found),
            }
        }
        _ => {}
    }
}

fn elements(text: &[u8]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    // What cannot be read has no fields.
    let _read = Cursor::new(text).elements(|cursor| {
        let start = cursor.at();
        cursor.value()?;
        all.push(start..cursor.at());
        Ok(())
    });
    all
}

fn members(text: &[u8], offset: usize, name: &str) -> Vec<Member> {
    let (mut all, name) = (Vec::new(), plain(name));
    let _read = Cursor::new(text).members(|cursor, key| {
        let (member, start) = (cursor.member_at(), cursor.at());
        cursor.value()?;
        let end = offset + cursor.at();
        let (at, value) = (offset + member..end, offset + start..end);
        all.push(Member { at, value, is_named: plain(key) == name });
        Ok(())
    });
    all
}

/// A member with the comma that belongs to it.
fn cut(members: &[Member], nth: usize) -> Range<usize> {
    let member = &members[nth].at;
    match (nth.checked_sub(1), members.get(nth + 1)) {
        (Some(before), _) => members[before].at.end..member.end,
        (None, Some(next)) => member.start..next.at.start,
        (None, None) => member.clone(),
    }
}

/// A name as every dialect might write it: lower case, without `_`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, name) in self.names().enumerate() {
            let joint = if nth == 0 { "" } else { "." };
            write!(f, "{joint}{name}")?;
        }
        Ok(())
    }
}
