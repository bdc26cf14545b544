//! What a client asks: its bytes, what a quick scan saw in them, and the full reading when needed.

pub(crate) mod in_path;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use backstop_dialects::kept::Echo;
use backstop_dialects::{Framing, Scan, Thoughts, VectorForm};
use backstop_exchange::{Features, Request};
use backstop_fit::Judge;
use backstop_vocabulary::{Api, Dialect, Failure, Moment, RequestId};

use crate::beside::background::Wish;
use crate::beside::transcripts::Turn;
use crate::fitness::lessons::Pupil;
use crate::headers;
use crate::serve::Knock;
use in_path::InPath;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The name of the gateway key, or `local` when none are set.
    pub(crate) name: Arc<str>,
    /// Whether no gateway keys are set, so that whatever key it shows is a provider's.
    pub(crate) is_local: bool,
    /// The application, from the key or the client's header.
    pub(crate) app: Option<Box<str>>,
    /// The business process, from the client's header.
    pub(crate) workflow: Option<Box<str>>,
    /// The conversation, from whichever header names it.
    pub(crate) session: Option<Box<str>>,
}

/// One request, read as far as it had to be.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: RequestId,
    pub(crate) started: Moment,
    pub(crate) api: Api,
    /// The dialect in which the client reads errors; of a conversation also its own.
    pub(crate) dialect: Dialect,
    pub(crate) caller: Caller,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<Box<str>>,
    pub(crate) body: Bytes,
    pub(crate) scan: Scan,
    /// How the client wants the pieces of a stream told apart.
    pub(crate) framing: Framing,
    /// The form in which it asks for vectors, if it does.
    pub(crate) vectors: Option<VectorForm>,
    full: OnceLock<Result<Box<Full>, Failure>>,
    thoughts: OnceLock<Option<Box<Thoughts>>>,
    /// What to keep of it with its answer.
    pub(crate) turn: Option<Turn>,
    /// What its answer is to say of it that no provider was told.
    pub(crate) echo: Option<Echo>,
    /// That its client need not wait for the answer.
    pub(crate) background: Option<Wish>,
    judge: OnceLock<Option<Arc<Judge>>>,
}

/// The full reading.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) request: Request,
    pub(crate) features: Features,
}

impl Asked {
    pub(crate) fn new(
        Knock { id, started, api, dialect }: Knock,
        caller: Caller,
        head: http::request::Parts,
        body: Bytes,
        scan: Scan,
    ) -> Self {
        let query = head.uri.query().map(Box::from);
        let said = head.extensions.get::<InPath>();
        let openai = || (api == Api::Embeddings).then_some(VectorForm::Openai);
        let vectors = said.and_then(InPath::vectors).or_else(openai);
        let framing = said.map_or(Framing::Sse, |said| said.framing);
        Self {
            id,
            started,
            api,
            dialect,
            caller,
            headers: head.headers,
            query,
            body,
            scan,
            framing,
            vectors,
            full: OnceLock::new(),
            thoughts: OnceLock::new(),
            turn: None,
            echo: None,
            background: None,
            judge: OnceLock::new(),
        }
    }

    /// The whole request in the neutral form: read on first need, because most requests are passed
    /// through without it.
    pub(crate) fn full(&self) -> Result<&Full, &Failure> {
        let read = || {
            let mut request = backstop_dialects::read_request(self.dialect, &self.body)?;
            if request.model.is_empty() {
                // Both stood in the path.
                request.model.clone_from(&self.scan.model_name);
                request.stream = self.scan.stream;
            }
            Ok(Box::new(Full { features: Features::of(&request), request }))
        };
        self.full.get_or_init(read).as_ref().map(|full| &**full)
    }

    /// The reasoning of earlier answers that the request carries: looked for on first need.
    pub(crate) fn thoughts(&self) -> Option<&Thoughts> {
        let find = || backstop_dialects::thoughts(self.dialect, &self.body).map(Box::new);
        self.thoughts.get_or_init(find).as_deref()
    }

    /// Whether the client shows a credential that may be its provider's, and not only ours.
    pub(crate) fn brings_its_own(&self) -> bool {
        // A gateway key must not be taken for the provider's.
        let apart = self.caller.is_local || self.headers.contains_key(headers::KEY);
        apart && headers::brings_credential(&self.headers)
    }

    /// Who it is to the targets that refuse something of it.
    pub(crate) fn pupil(&self) -> Pupil {
        let mut digest = blake3::Hasher::new();
        let brings = self.brings_its_own().then_some(&self.headers);
        let standing = headers::standing(&self.headers, brings);
        for part in [self.caller.name.as_bytes()].into_iter().chain(standing) {
            // Each on its own, so that no two run together into a third.
            digest.update(blake3::hash(part).as_bytes());
        }
        digest.finalize().into()
    }

    /// The schemas that an answer must keep. Those of tools only where the request was read in full
    /// anyway: whoever gets the client's bytes has them.
    pub(crate) fn judge(&self) -> Option<&Arc<Judge>> {
        let full =
            if self.scan.format { self.full().ok() } else { self.full.get()?.as_deref().ok() };
        let request = &full?.request;
        self.judge.get_or_init(|| Judge::of(request).map(Arc::new)).as_ref()
    }

    /// How long the client says it will wait, from the SDKs' `x-stainless-timeout` or
    /// `x-server-timeout` (seconds); one that need not wait, how long its answer may take.
    pub(crate) fn announced_timeout(&self) -> Option<Duration> {
        if let Some(wish) = self.background {
            return Some(wish.longest);
        }
        let said = ["x-stainless-timeout", "x-server-timeout"];
        let said = said.into_iter().find_map(|name| headers::text(&self.headers, name))?;
        let seconds: f64 = said.trim().parse().ok()?;
        (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
    }

    /// Whole frames of its answer as the client reads them.
    pub(crate) fn frames(&self, frames: Bytes) -> Bytes {
        match &self.echo {
            Some(echo) => echo.frames(frames),
            None => frames,
        }
    }

    /// Its whole answer as the client reads it.
    pub(crate) fn whole(&self, answer: Bytes) -> Bytes {
        match &self.echo {
            Some(echo) => echo.whole(answer),
            None => answer,
        }
    }

    /// A rough shape of the request: a provider that took one of this shape a minute ago should
    /// take another. Below [`crate::table::SHAPES`].
    pub(crate) fn shape(&self) -> u64 {
        u64::from(self.scan.tools)
            | u64::from(self.scan.format) << 1
            | u64::from(self.scan.media) << 2
            | u64::from(self.scan.stream) << 3
    }

    /// Whether a streaming client asked for usage at the end (Chat Completions only).
    pub(crate) fn wants_stream_usage(&self) -> bool {
        self.dialect != Dialect::OpenaiChat || self.scan.stream_usage
    }

    /// A number that stays the same over a conversation that somebody names, so that it keeps its
    /// target and its prompt cache from the first request on.
    pub(crate) fn affinity(&self) -> Option<u64> {
        let Some(session) = &self.caller.session else { return self.scan.session };
        Some(hash(FNV, session.as_bytes()))
    }

    /// A number for the conversation at the model that was asked for, and whether it may have been
    /// answered before: a conversation that nobody names is known by its beginning.
    pub(crate) fn session(&self) -> Option<(u64, bool)> {
        let (key, goes_on) = if let Some(named) = self.affinity() {
            (named, true)
        } else {
            let opening = self.scan.opening(&self.body)?;
            (opening.key, opening.goes_on)
        };
        let whose = hash(FNV ^ key, self.caller.name.as_bytes());
        Some((hash(whose, self.scan.model_name.as_bytes()), goes_on))
    }
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: stable over versions and machines, which the standard hasher is not.
fn hash(from: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(from, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
