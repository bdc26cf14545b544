//! Entries as rows and back: the only place that knows both.

use std::borrow::Cow;
use std::sync::Arc;

use backstop_vocabulary::{Api, Basis, Class, RequestId, Tier, Usage};
use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement};
use serde::{Deserialize, Serialize};

use super::Recorded;
use crate::{AttemptRow, CostEstimated, Entry, Outcome};

/// The columns in the order of [`bind`] and [`read`].
pub(super) const NAMES: &str = "at_ms, weight, request, caller, app, workflow, session, route, \
     dialect, model, stream, outcome, class, answered_by, rung, tier, finish, resumed, losses, \
     input_uncached, cache_read, cache_write, output, reasoning, estimated, first_token_us, \
     total_us, attempts_n, attempts, cost_estimated_micros, currency";

/// An attempt as it stands in the `attempts` column, without what is absent.
#[derive(Serialize, Deserialize)]
struct AttemptJson<'a> {
    #[serde(borrow)]
    target: Cow<'a, str>,
    #[serde(borrow)]
    purpose: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none", borrow, default)]
    class: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", borrow, default)]
    code: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", borrow, default)]
    upstream: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    first_token_us: Option<u64>,
    total_us: u64,
}

/// Binds a row to an insert statement whose columns are [`NAMES`].
pub(super) fn bind(statement: &mut Statement<'_>, row: &Recorded) -> rusqlite::Result<()> {
    let entry = &row.entry;
    let mut column = Columns { statement, index: 0 };
    column.number(entry.at_unix_ms)?;
    column.number(u64::from(row.weight))?;
    column.text(Some(entry.request.as_str()))?;
    column.text(Some(&entry.caller))?;
    column.text(entry.app.as_deref())?;
    column.text(entry.workflow.as_deref())?;
    column.text(entry.session.as_deref())?;
    column.text(Some(&entry.route))?;
    column.text(Some(entry.api.name()))?;
    column.text(Some(&entry.model_asked))?;
    column.number(u64::from(entry.stream))?;
    column.text(Some(entry.outcome.name()))?;
    column.text(entry.class.map(Class::code))?;
    column.text(entry.answered_by.as_deref())?;
    column.maybe(entry.rung.map(u64::from))?;
    column.text(entry.tier.map(Tier::name))?;
    column.text(entry.finish.as_deref())?;
    column.number(u64::from(entry.resumed))?;
    let losses = (!entry.losses.is_empty()).then(|| json(&entry.losses));
    column.text(losses.as_deref())?;
    column.usage(entry.usage)?;
    column.maybe(entry.first_token_us)?;
    column.number(entry.total_us)?;
    column.number(u64::try_from(entry.attempts.len()).unwrap_or(u64::MAX))?;
    let attempts: Vec<AttemptJson<'_>> = entry.attempts.iter().map(AttemptJson::from).collect();
    column.text(Some(&json(&attempts)))?;
    column.maybe(entry.cost.as_ref().map(|cost| cost.micros))?;
    column.text(entry.cost.as_ref().map(|cost| &*cost.currency))
}

struct Columns<'a, 'conn> {
    statement: &'a mut Statement<'conn>,
    index: usize,
}

impl Columns<'_, '_> {
    fn text(&mut self, value: Option<&str>) -> rusqlite::Result<()> {
        self.index += 1;
        self.statement.raw_bind_parameter(self.index, value)
    }

    fn maybe(&mut self, value: Option<u64>) -> rusqlite::Result<()> {
        self.index += 1;
        let value = value.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        self.statement.raw_bind_parameter(self.index, value)
    }

    fn number(&mut self, value: u64) -> rusqlite::Result<()> {
        self.maybe(Some(value))
    }

    fn usage(&mut self, usage: Option<Usage>) -> rusqlite::Result<()> {
        self.maybe(usage.map(|usage| usage.input_uncached))?;
        self.maybe(usage.map(|usage| usage.cache_read))?;
        self.maybe(usage.map(|usage| usage.cache_write))?;
        self.maybe(usage.map(|usage| usage.output))?;
        self.maybe(usage.map(|usage| usage.reasoning))?;
        self.maybe(usage.map(|usage| u64::from(usage.basis == Basis::Estimated)))
    }
}

/// Reads a row of [`NAMES`]. Words of a later version that this one does not know become `None`.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let text = |index: usize| row.get_ref(index)?.as_str_or_null().map_err(rusqlite::Error::from);
    let word = |index: usize| text(index).map(Option::unwrap_or_default);
    let entry = Entry {
        at_unix_ms: unsigned(row, 0)?,
        request: request_id(word(2)?),
        caller: word(3)?.into(),
        app: text(4)?.map(Into::into),
        workflow: text(5)?.map(Into::into),
        session: text(6)?.map(Into::into),
        route: word(7)?.into(),
        api: Api::from_name(word(8)?).unwrap_or(Api::Passthrough),
        model_asked: word(9)?.into(),
        stream: row.get(10)?,
        outcome: outcome(word(11)?),
        class: text(12)?.and_then(Class::from_code),
        answered_by: text(13)?.map(Into::into),
        rung: row.get(14)?,
        tier: text(15)?.and_then(tier),
        finish: text(16)?.map(|finish| Cow::Owned(finish.to_owned())),
        resumed: row.get(17)?,
        losses: text(18)?.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
        usage: usage(row, 19)?,
        cost: cost(row, 29)?,
        first_token_us: row.get::<_, Option<i64>>(25)?.map(i64::unsigned_abs),
        total_us: unsigned(row, 26)?,
        attempts: attempts(word(28)?),
    };
    Ok(Recorded { entry, weight: row.get(1)? })
}

/// A number that was stored from a `u64`; `SQLite` knows only signed ones.
pub(super) fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::unsigned_abs)
}

fn outcome(name: &str) -> Outcome {
    let all = [Outcome::Answered, Outcome::Failed, Outcome::Left];
    all.into_iter().find(|outcome| outcome.name() == name).unwrap_or(Outcome::Failed)
}

fn tier(name: &str) -> Option<Tier> {
    [Tier::Full, Tier::Degraded].into_iter().find(|tier| tier.name() == name)
}

fn usage(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Usage>> {
    if row.get_ref(first)? == ValueRef::Null {
        return Ok(None);
    }
    Ok(Some(Usage {
        input_uncached: unsigned(row, first)?,
        cache_read: unsigned(row, first + 1)?,
        cache_write: unsigned(row, first + 2)?,
        output: unsigned(row, first + 3)?,
        reasoning: unsigned(row, first + 4)?,
        basis: if row.get(first + 5)? { Basis::Estimated } else { Basis::Reported },
    }))
}

fn cost(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<CostEstimated>> {
    let micros = row.get::<_, Option<i64>>(first)?.map(i64::unsigned_abs);
    let currency = row.get_ref(first + 1)?.as_str_or_null()?;
    Ok(micros
        .zip(currency)
        .map(|(micros, currency)| CostEstimated { micros, currency: currency.into() }))
}

fn attempts(json: &str) -> Vec<AttemptRow> {
    let rows: Vec<AttemptJson<'_>> = serde_json::from_str(json).unwrap_or_default();
    rows.into_iter().map(AttemptRow::from).collect()
}

impl<'a> From<&'a AttemptRow> for AttemptJson<'a> {
    fn from(row: &'a AttemptRow) -> Self {
        Self {
            target: Cow::Borrowed(&row.target),
            purpose: Cow::Borrowed(&row.purpose),
            class: row.class.map(|class| Cow::Borrowed(class.code())),
            status: row.status,
            code: row.provider_code.as_deref().map(Cow::Borrowed),
            upstream: row.upstream_request_id.as_deref().map(Cow::Borrowed),
            first_token_us: row.first_token_us,
            total_us: row.total_us,
        }
    }
}

impl From<AttemptJson<'_>> for AttemptRow {
    fn from(json: AttemptJson<'_>) -> Self {
        Self {
            target: Arc::from(&*json.target),
            purpose: Cow::Owned(json.purpose.into_owned()),
            class: json.class.and_then(|code| Class::from_code(&code)),
            status: json.status,
            provider_code: json.code.map(Into::into),
            upstream_request_id: json.upstream.map(Into::into),
            first_token_us: json.first_token_us,
            total_us: json.total_us,
        }
    }
}

/// The id whose 24 letters these are: the inverse of [`RequestId::from_bits`].
fn request_id(letters: &str) -> RequestId {
    const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";
    let bits = letters.chars().rev().fold(0_u128, |bits, letter| {
        let digit = ALPHABET.find(letter).and_then(|digit| u128::try_from(digit).ok());
        (bits << 5) | digit.unwrap_or(0)
    });
    RequestId::from_bits(bits)
}

/// Strings and numbers always have a JSON form; the empty list stands for the impossible.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| String::from("[]"))
}
