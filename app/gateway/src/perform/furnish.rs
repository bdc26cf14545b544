//! What a target must be given before it is asked: media that stand in the request by address, for one
//! that takes bytes only. They are fetched when its turn comes and not before, outside the attempt, so
//! that no wait for a stranger counts against the target.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use backstop_continuity::{Attempt, Unfit};
use backstop_exchange::Source;
use backstop_guard::{Link, Medium, Refusal};
use backstop_providers::{Errand, Fetched, Fetcher, TlsTrust};
use backstop_settings::FetchMedia;
use backstop_vocabulary::{Class, Failure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::fitness::PassedOver;
use crate::fitness::media::{Inline, Media, Wanted, wanted};
use crate::held::Fits;
use crate::perform::Journey;

/// How many addresses of one request are fetched at once.
const AT_ONCE_MAX: usize = 4;

impl Journey {
    /// The attempt, with all that its target must be given at hand; `None` where that cannot be had:
    /// then its target is out, and was never asked.
    pub(crate) async fn furnish(&mut self, attempt: Attempt) -> Option<Attempt> {
        let asked = Arc::clone(&self.asked);
        if self.live.settings.fetch_media.is_none() || self.core.shared.fetcher.is_none() {
            return Some(attempt);
        }
        let wanted = wanted(self.place(attempt.candidate), &asked);
        if wanted.is_empty() {
            return Some(attempt);
        }
        let clock = self.core.shared.clock;
        let named = clock.now();
        // Boxed: few requests come here.
        Box::pin(self.fetch(&wanted)).await;
        let media = self.media.as_deref_mut()?;
        let lacking = wanted.iter().find_map(|one| Some((*one, media.lacks(*one)?)));
        let Some((lacking, refusal)) = lacking else {
            return Some(self.course.begun_late(attempt, (named, clock.now())));
        };
        let (noun, at) = (lacking.noun(), place_of(lacking));
        if media.failed.is_none() {
            let told = format!("cannot fetch the {noun}{at}: {refusal}");
            tracing::warn!(request = %asked.id, "{told}");
            media.failed = Some(told.into());
        }
        let why = Unfit::Request(format!("lacks the {noun}{at}: {refusal}").into());
        let place = &self.roster.places[attempt.candidate];
        self.record.pass_over(PassedOver {
            target: Arc::clone(&place.target.name),
            rung: place.rung,
            why: why.clone(),
        });
        self.course.found_unfit(attempt.candidate, why);
        None
    }

    /// A failure that also says what could not be fetched, where that kept targets out.
    pub(crate) fn with_what_lacked(&self, failure: Failure) -> Failure {
        let Some(told) = self.media.as_ref().and_then(|media| media.failed.as_ref()) else {
            return failure;
        };
        if failure.class == Class::NoTarget {
            return Failure::new(Class::MediaFailed, told.clone());
        }
        let sums_up = [Class::RungExhausted, Class::DeadlinePassed, Class::RateLimited];
        if !sums_up.contains(&failure.class) {
            return failure;
        }
        let message = format!("{}; {told}", failure.message);
        Failure { message: message.into(), ..failure }
    }

    /// How many media its target was given in the place of addresses.
    pub(crate) fn fetched(&self, place: usize) -> usize {
        let given = self.media.as_ref().map(|_| wanted(self.place(place), &self.asked).len());
        given.unwrap_or(0)
    }

    /// Fetches what nobody has looked at yet.
    async fn fetch(&mut self, wanted: &[Wanted<'_>]) {
        let (shared, live) = (&self.core.shared, &self.live);
        let mut media = self.media.take().unwrap_or_else(|| Box::new(Media::new(shared)));
        let missing = media.missing(wanted);
        let now = shared.clock.now();
        if let (Some(fetcher), Some(terms)) = (&shared.fetcher, &live.settings.fetch_media)
            && !missing.is_empty()
        {
            let half = self.course.deadline().since(now) / 2;
            let by = shared.clock.instant(now + terms.rules.time_max.min(half));
            let order = Order { fetcher, terms, trust: &shared.trust, by };
            order.fill(&mut media, &missing).await;
        }
        self.media = Some(media);
    }
}

/// One fetching for one attempt.
struct Order<'a> {
    fetcher: &'a Fetcher,
    terms: &'a FetchMedia,
    trust: &'a TlsTrust,
    by: tokio::time::Instant,
}

impl Order<'_> {
    async fn fill(&self, media: &mut Media, missing: &[&str]) {
        let rules = &self.terms.rules;
        if media.len() + missing.len() > rules.per_request_max as usize {
            for url in missing {
                media.keep(url, Err(Refusal::TooMany));
            }
            return;
        }
        let counted = Mutex::new(&mut *media);
        let take = |bytes: usize| {
            let mut media = counted.lock().unwrap_or_else(PoisonError::into_inner);
            media.came = media.came.saturating_add(bytes as u64);
            if media.came > rules.bytes_max {
                return Err(Refusal::TooLarge);
            }
            // As base 64 it is a third longer.
            let held = usize::try_from(media.came / 3 * 4).unwrap_or(usize::MAX);
            if media.held.set(held) == Fits::Yes { Ok(()) } else { Err(Refusal::NoRoom) }
        };
        let errand = Errand {
            rules,
            trust: self.trust,
            by: self.by,
            proxy_to: &|host| self.terms.proxy_to(host),
            take: &take,
        };
        let one = async |url: &str| {
            let link = Link::read(url)?;
            self.fetcher.fetch(&link, &errand).await.and_then(inline)
        };
        let found = all(missing.iter().map(|url| one(url)).collect()).await;
        for (url, found) in missing.iter().zip(found) {
            media.keep(url, found);
        }
    }
}

/// ` at cdn.example.com`; nothing of an address that is not written as it must be.
fn place_of(wanted: Wanted<'_>) -> String {
    Link::read(wanted.url).map_or_else(|_| String::new(), |link| format!(" at {}", link.host()))
}

fn inline(Fetched { medium, bytes }: Fetched) -> Result<Inline, Refusal> {
    let source = if medium == Medium::Text {
        let text = String::from_utf8(bytes.into()).map_err(|_| Refusal::Kind("it is no text"))?;
        Source::Text(text)
    } else {
        Source::Base64(BASE64_STANDARD.encode(&bytes))
    };
    Ok(Inline::new(medium, source))
}

/// What all of these become, in their order; a few at once are under way.
async fn all<F: Future>(waiting: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = waiting.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut under_way = 0;
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if done.is_some() {
                continue;
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => *done = Some(output),
                Poll::Pending => under_way += 1,
            }
            if under_way == AT_ONCE_MAX {
                break;
            }
        }
        if under_way == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
