//! Images and documents that a request gives by address, as a target gets them that takes bytes only.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use backstop_dialects::Edit;
use backstop_exchange::{Block, Media as Given, MediaKind, Request, Source};
use backstop_guard::{Medium, Refusal};

use crate::asked::Asked;
use crate::gateway::Shared;
use crate::held::Held;
use crate::plan::Place;

/// Whether a place takes addresses, as far as its provider and surface go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// It fetches what they lead to.
    Taken,
    /// It takes bytes only.
    Refused,
}

/// What was fetched for one request, and what could not be: each address once, whatever follows.
#[derive(Debug)]
pub(crate) struct Media {
    found: BTreeMap<Box<str>, Result<Inline, Refusal>>,
    /// Counts it among what requests hold.
    pub(crate) held: Held,
    /// How many bytes came, of what was refused as well.
    pub(crate) came: u64,
    /// What is told of the first that could not be had.
    pub(crate) failed: Option<Box<str>>,
}

/// A medium in the form in which requests carry it.
#[derive(Debug)]
pub(crate) struct Inline {
    medium: Medium,
    source: Source,
}

/// A medium that a target must be given, and its address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) kind: MediaKind,
    pub(crate) url: &'a str,
}

impl Inline {
    pub(crate) fn new(medium: Medium, source: Source) -> Self {
        Self { medium, source }
    }

    fn bytes(&self) -> usize {
        match &self.source {
            Source::Base64(text) | Source::Text(text) | Source::Url(text) => text.len(),
            Source::File { id, .. } => id.len(),
        }
    }
}

impl Wanted<'_> {
    /// What it is called in messages.
    pub(crate) const fn noun(self) -> &'static str {
        match self.kind {
            MediaKind::Image => "image",
            MediaKind::Document => "document",
            MediaKind::Audio => "recording",
        }
    }
}

impl Media {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let held = Held::new(Arc::clone(shared));
        Self { found: BTreeMap::new(), held, came: 0, failed: None }
    }

    /// How many addresses were looked at so far.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// The addresses among these that nobody has looked at, each once.
    pub(crate) fn missing<'a>(&self, wanted: &[Wanted<'a>]) -> Vec<&'a str> {
        let mut missing: Vec<&str> = wanted.iter().map(|wanted| wanted.url).collect();
        missing.retain(|url| !self.found.contains_key(*url));
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Keeps what became of an address.
    pub(crate) fn keep(&mut self, url: &str, found: Result<Inline, Refusal>) {
        self.found.insert(url.into(), found);
        let kept = self.found.values().flatten().map(Inline::bytes).sum();
        let _fits = self.held.set(kept);
    }

    /// Why this one cannot be given to a target; `None` where it can.
    pub(crate) fn lacks(&self, wanted: Wanted<'_>) -> Option<Refusal> {
        match self.found.get(wanted.url)? {
            Err(refusal) => Some(*refusal),
            Ok(inline) if inline.medium.is_image() == (wanted.kind == MediaKind::Image) => None,
            Ok(inline) if inline.medium.is_image() => {
                Some(Refusal::Kind("it is an image, and the request calls it a document"))
            }
            Ok(_) => Some(Refusal::Kind("it is a document, and the request calls it an image")),
        }
    }

    /// The medium at this address.
    fn at(&self, url: &str) -> Option<&Inline> {
        self.found.get(url)?.as_ref().ok()
    }

    /// The changes that put the media in the place of their addresses in the client's own bytes. `None`
    /// where the body must be written anew.
    pub(crate) fn edits(&self, place: &Place, asked: &Asked) -> Option<Vec<Edit>> {
        if wanted(place, asked).is_empty() {
            return Some(Vec::new());
        }
        let addressed = backstop_dialects::addressed(asked.dialect, &asked.body)?;
        let edits = addressed.iter().filter_map(|one| {
            let inline = self.at(one.url())?;
            Some(one.replaced(inline.medium.media_type(), &inline.source))
        });
        edits.collect()
    }

    /// The request with the media in it that this place must be given.
    pub(crate) fn put_into<'a>(
        &self,
        (place, asked): (&Place, &Asked),
        mut request: Cow<'a, Request>,
    ) -> Cow<'a, Request> {
        if wanted(place, asked).is_empty() {
            return request;
        }
        let mut put = |given: &mut Given| {
            let Source::Url(url) = &given.source else { return };
            let inline = self.at(url).filter(|_| needs_bytes(place, asked, given.kind));
            if let Some(inline) = inline {
                inline.medium.media_type().clone_into(&mut given.media_type);
                given.source = inline.source.clone();
            }
        };
        for turn in &mut request.to_mut().turns {
            each(&mut turn.blocks, &mut put);
        }
        request
    }
}

/// The media that this place must be given, in the order of the conversation.
pub(crate) fn wanted<'a>(place: &Place, asked: &'a Asked) -> Vec<Wanted<'a>> {
    let mut found = Vec::new();
    if !asked.scan.media {
        return found;
    }
    let Ok(full) = asked.full() else { return found };
    for turn in &full.request.turns {
        gather(&turn.blocks, &mut found);
    }
    found.retain(|wanted| needs_bytes(place, asked, wanted.kind));
    found
}

fn gather<'a>(blocks: &'a [Block], found: &mut Vec<Wanted<'a>>) {
    for block in blocks {
        match block {
            Block::Media(given) => {
                if let Source::Url(url) = &given.source {
                    found.push(Wanted { kind: given.kind, url });
                }
            }
            Block::ToolResult(result) => gather(&result.blocks, found),
            Block::Text(_)
            | Block::ToolCall(_)
            | Block::Reasoning { .. }
            | Block::Refusal(_)
            | Block::Foreign { .. } => {}
        }
    }
}

fn each(blocks: &mut [Block], put: &mut dyn FnMut(&mut Given)) {
    for block in blocks {
        match block {
            Block::Media(given) => put(given),
            Block::ToolResult(result) => each(&mut result.blocks, put),
            Block::Text(_)
            | Block::ToolCall(_)
            | Block::Reasoning { .. }
            | Block::Refusal(_)
            | Block::Foreign { .. } => {}
        }
    }
}

/// Whether a medium of this kind reaches the model here only as bytes. What the model cannot see at
/// all is none of it: that is given up, or makes the place unfit.
fn needs_bytes(place: &Place, asked: &Asked, kind: MediaKind) -> bool {
    let abilities = &*place.abilities;
    let seen = match kind {
        MediaKind::Image => abilities.images,
        MediaKind::Document => abilities.documents,
        MediaKind::Audio => return false,
    };
    let client = (asked.dialect, abilities);
    let taken = place.addresses == Addresses::Taken
        && backstop_dialects::takes_address(place.dialect, kind, client);
    (seen || place.is_own) && !taken
}
