use crate::Limits;
use crate::faults::Faults;
use crate::read::switched_off;
use crate::section::{Field, Keys, Section};

pub(crate) const KEYS: Keys = Keys {
    section: "limits",
    names: &[
        "body_max",
        "answer_max",
        "held_max",
        "header_max",
        "connections_max",
        "requests_max",
        "header_time_max",
        "body_time_max",
        "threads",
        "journal_max",
        "journal_age_max",
        "journal_rate_max",
        "transcripts_max",
        "transcripts_age_max",
        "background_max",
        "background_per_key_max",
        "background_time_max",
        "background_events_max",
    ],
};

/// The gateway's own limits; what does not stand there keeps its default.
pub(crate) fn limits(field: &Field<'_>, faults: &mut Faults) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = field.section(faults, KEYS) else { return limits };
    sizes(&section, &mut limits, faults);
    counts(&section, &mut limits, faults);
    let mut time = |key, limit: &mut _| {
        if let Some(time) = section.get(key).and_then(|field| field.some_time(faults)) {
            *limit = time;
        }
    };
    time("header_time_max", &mut limits.header_time_max);
    time("body_time_max", &mut limits.body_time_max);
    time("journal_age_max", &mut limits.journal_age_max);
    time("transcripts_age_max", &mut limits.transcripts_age_max);
    time("background_time_max", &mut limits.background_time_max);
    limits
}

fn sizes(section: &Section<'_>, limits: &mut Limits, faults: &mut Faults) {
    let mut size = |key, limit: &mut u64| {
        if let Some(bytes) = section.get(key).and_then(|field| field.bytes(faults)) {
            *limit = bytes;
        }
    };
    size("body_max", &mut limits.body_bytes_max);
    size("answer_max", &mut limits.answer_bytes_max);
    size("held_max", &mut limits.held_bytes_max);
    size("journal_max", &mut limits.journal_bytes_max);
    size("background_events_max", &mut limits.background_events_bytes_max);
    if section.get("transcripts_max").is_some_and(|field| switched_off(&field).is_some()) {
        limits.transcripts_bytes_max = 0;
    } else {
        size("transcripts_max", &mut limits.transcripts_bytes_max);
    }
    let mut header = u64::from(limits.header_bytes_max);
    size("header_max", &mut header);
    limits.header_bytes_max = u32::try_from(header).unwrap_or(u32::MAX);
}

fn counts(section: &Section<'_>, limits: &mut Limits, faults: &mut Faults) {
    let mut count = |key, range, limit: &mut u32| {
        if let Some(number) = section.get(key).and_then(|field| field.whole(faults, range)) {
            *limit = u32::try_from(number).unwrap_or(u32::MAX);
        }
    };
    count("connections_max", 1..=10_000_000, &mut limits.connections_max);
    count("requests_max", 1..=10_000_000, &mut limits.requests_max);
    count("journal_rate_max", 0..=1_000_000, &mut limits.journal_rate_max);
    count("background_max", 0..=1_000_000, &mut limits.background_max);
    count("background_per_key_max", 0..=1_000_000, &mut limits.background_per_key_max);
    let mut threads = u32::from(limits.threads);
    count("threads", 0..=1024, &mut threads);
    limits.threads = u16::try_from(threads).unwrap_or(u16::MAX);
}
