//! Why a replay came out as it did: everything that was tried, and the requests that came off badly.

use std::fmt::{Result, Write};

use super::columns::Detail;
use crate::trial::Lost;

/// What was tried in all, and the first `most` requests that failed or were not answered in full.
pub(crate) fn explained(detail: &Detail, most: usize) -> String {
    let mut text = String::from("attempts by target, purpose and ending:\n");
    // A string takes everything.
    let _written = tell(&mut text, detail, most);
    text
}

fn tell(text: &mut String, detail: &Detail, most: usize) -> Result {
    for (kind, count) in &detail.tried {
        writeln!(text, "  {count:>8} {kind}")?;
    }
    for lost in [&detail.lost, &detail.lessened].into_iter().flat_map(|list| list.iter().take(most))
    {
        tell_one(text, lost)?;
    }
    Ok(())
}

/// One request and everything that was tried for it.
fn tell_one(text: &mut String, lost: &Lost) -> Result {
    writeln!(text, "at {:.3} s: {:?}", lost.arrived.as_secs_f64(), lost.verdict)?;
    let Some(entry) = &lost.entry else { return Ok(()) };
    let way = if entry.stream { "stream" } else { "whole" };
    let code = entry.class.map_or("-", |class| class.code());
    writeln!(
        text,
        "  {} {} {way}, {} after {} ms ({code})",
        entry.api.name(),
        entry.model_asked,
        entry.outcome.name(),
        entry.total_us / 1000,
    )?;
    for row in &entry.attempts {
        let code = row.class.map_or("answered", |class| class.code());
        let status = row.status.map_or_else(String::new, |status| format!(" {status}"));
        let ms = row.total_us / 1000;
        writeln!(text, "    {} {}: {code}{status} after {ms} ms", row.target, row.purpose)?;
    }
    Ok(())
}
