//! The health of every target, by its stable name: it survives a reload of the settings.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backstop_resilience::{Memory, Tuning};
use backstop_vocabulary::{Moment, TargetKey};
use serde_json::Value;

use crate::cell::Cell;
use crate::clock::Clock;
use crate::identity::Passes;

/// Numbers that models of clients' invention may take up: a quarter of what 16 bits can tell apart.
const INVENTED_MAX: usize = 1 << 14;

/// How long a target is remembered that nobody asks for any more.
const UNMET_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Numbers handed out, for the life of the process: what keeps its name keeps its number, and what
/// was forgotten gets a new one, under which nothing is known of it.
#[derive(Debug, Default)]
struct Numbers {
    targets: HashMap<TargetKey, usize>,
    models: HashMap<(Arc<str>, Arc<str>), u16>,
    vendors: HashMap<Arc<str>, u16>,
    providers: HashMap<Arc<str>, u16>,
    credentials: HashMap<(Arc<str>, Arc<str>), u16>,
    /// How many providers and credentials there have been.
    seen: (u16, u16),
}

/// All cells there are.
#[derive(Debug)]
pub(crate) struct Registry {
    cells: Mutex<HashMap<TargetKey, Arc<Cell>>>,
    numbers: Mutex<Numbers>,
    /// The tokens of credentials that are renewed.
    pub(crate) passes: Passes,
    /// What was saved of targets that have not been met since the start.
    remembered: Mutex<BTreeMap<String, Memory>>,
    /// Time between the saving of what is remembered and the start of this process.
    elapsed: Duration,
    cores: usize,
    seed: u64,
    tuning: Tuning,
    clock: Clock,
}

impl Registry {
    /// Attempts under way at all targets.
    pub(crate) fn in_flight(&self) -> u32 {
        lock(&self.cells).values().map(|cell| cell.in_flight()).sum()
    }

    /// A registry without memories.
    pub(crate) fn new(tuning: &Tuning, seed: u64, cores: usize, clock: Clock) -> Self {
        Self {
            cells: Mutex::default(),
            numbers: Mutex::default(),
            passes: Passes::default(),
            remembered: Mutex::default(),
            elapsed: Duration::ZERO,
            cores,
            seed,
            tuning: *tuning,
            clock,
        }
    }

    /// The same registry, with what was saved `elapsed` ago; text that cannot be read is forgotten.
    pub(crate) fn remembering(mut self, saved: &str, elapsed: Duration) -> Self {
        let saved: BTreeMap<String, Value> = serde_json::from_str(saved).unwrap_or_default();
        let read = |(name, value)| Some((name, serde_json::from_value(value).ok()?));
        self.remembered = Mutex::new(saved.into_iter().filter_map(read).collect());
        self.elapsed = elapsed;
        self
    }

    /// The cell of a target, made (or recalled) on first sight.
    pub(crate) fn cell(&self, key: &TargetKey) -> Arc<Cell> {
        let mut cells = lock(&self.cells);
        if let Some(cell) = cells.get(key) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(self.make(&key.to_string()));
        cells.insert(key.clone(), Arc::clone(&cell));
        cell
    }

    /// Whether targets that clients invent may have numbers of their own. Above, there is room for
    /// all that settings can name, so that no two ever share the highest number.
    pub(crate) fn has_room(&self) -> bool {
        lock(&self.numbers).targets.len() < INVENTED_MAX
    }

    /// The number of a target, and of its model at its provider.
    pub(crate) fn numbers(&self, key: &TargetKey) -> (usize, u16) {
        let mut numbers = lock(&self.numbers);
        let next = numbers.targets.len();
        let target = *numbers.targets.entry(key.clone()).or_insert(next);
        let next = u16::try_from(numbers.models.len()).unwrap_or(u16::MAX);
        let model = (Arc::clone(&key.provider), Arc::clone(&key.model));
        (target, *numbers.models.entry(model).or_insert(next))
    }

    /// The number of a vendor.
    pub(crate) fn vendor(&self, name: &Arc<str>) -> u16 {
        let mut numbers = lock(&self.numbers);
        let next = u16::try_from(numbers.vendors.len()).unwrap_or(u16::MAX);
        *numbers.vendors.entry(Arc::clone(name)).or_insert(next)
    }

    /// The number of a provider.
    pub(crate) fn provider(&self, name: &Arc<str>) -> u16 {
        let Numbers { providers, seen: (seen, _), .. } = &mut *lock(&self.numbers);
        *providers.entry(Arc::clone(name)).or_insert_with(|| next(seen))
    }

    /// The number of a provider's credential.
    pub(crate) fn credential(&self, provider: &Arc<str>, name: &Arc<str>) -> u16 {
        let Numbers { credentials, seen: (_, seen), .. } = &mut *lock(&self.numbers);
        let key = (Arc::clone(provider), Arc::clone(name));
        *credentials.entry(key).or_insert_with(|| next(seen))
    }

    /// Forgets all that is known of a provider that is not the same any more.
    pub(crate) fn forget_provider(&self, provider: &str) {
        let mut numbers = lock(&self.numbers);
        numbers.providers.remove(provider);
        numbers.credentials.retain(|(of, _), _| **of != *provider);
        drop(numbers);
        lock(&self.cells).retain(|key, _| *key.provider != *provider);
        lock(&self.remembered).retain(|target, _| model_and_key(target, provider).is_none());
    }

    /// Forgets all that is known of a credential that is not the same any more.
    pub(crate) fn forget_credential(&self, provider: &str, name: &str) {
        let is_it = |of: &str, known: &str| of == provider && known == name;
        lock(&self.numbers).credentials.retain(|(of, known), _| !is_it(of, known));
        lock(&self.cells).retain(|key, _| !is_it(&key.provider, &key.credential));
        lock(&self.remembered).retain(|target, _| {
            model_and_key(target, provider).is_none_or(|(_, known)| known != name)
        });
    }

    /// Every cell with its target's name, in order.
    pub(crate) fn all(&self) -> BTreeMap<String, Arc<Cell>> {
        let cells = lock(&self.cells);
        cells.iter().map(|(key, cell)| (key.to_string(), Arc::clone(cell))).collect()
    }

    /// What must survive a restart, as JSON text: the health of every target, also of those that
    /// were remembered and not met since, for a while.
    pub(crate) fn memory(&self, now: Moment) -> String {
        let passed = self.elapsed + now.since_zero();
        let mut memory: BTreeMap<String, Memory> = lock(&self.remembered)
            .iter()
            .map(|(name, saved)| (name.clone(), saved.aged(passed)))
            .filter(|(_, saved)| u128::from(saved.unmet_ms) < UNMET_MAX.as_millis())
            .collect();
        memory.extend(self.all().into_iter().map(|(name, cell)| (name, cell.memory(now))));
        serde_json::to_string(&memory).unwrap_or_default()
    }

    fn make(&self, name: &str) -> Cell {
        let seed = name
            .bytes()
            .fold(self.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let remembered = lock(&self.remembered).remove(name);
        match remembered {
            Some(memory) => {
                let now = self.clock.now();
                let times = (self.elapsed + now.since_zero(), now);
                Cell::recall(self.tuning, (seed, self.cores), &memory, times)
            }
            None => Cell::new(self.tuning, seed, self.cores),
        }
    }
}

/// The model and the credential of a target's name, if it is one of this provider.
fn model_and_key<'a>(target: &'a str, provider: &str) -> Option<(&'a str, &'a str)> {
    let rest = target.strip_prefix(provider)?.strip_prefix('/')?;
    Some(rest.rsplit_once('#').unwrap_or((rest, TargetKey::DEFAULT_CREDENTIAL)))
}

fn next(seen: &mut u16) -> u16 {
    let number = *seen;
    *seen = seen.saturating_add(1);
    number
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn registry() -> Registry {
        Registry::new(&Tuning::default(), 7, 1, Clock::start())
    }

    #[tokio::test]
    async fn what_nobody_asks_for_is_not_made_to_wait_anew_by_each_restart_and_is_forgotten() {
        let saved = r#"{"p/m":{"blocked":"quota","block_left_ms":86400000},"p/n":"?"}"#;
        let left = |saved: &str| {
            let memory: BTreeMap<String, Memory> = serde_json::from_str(saved).unwrap();
            memory.get("p/m").map(|of| (of.blocked.clone(), of.block_left_ms))
        };
        let quota = Some("quota".to_owned());
        let restarted =
            |saved: &str, after| registry().remembering(saved, after).memory(Moment::ZERO);
        let once = restarted(saved, DAY / 2);
        assert_eq!(left(&once), Some((quota.clone(), 43_200_000)));
        let twice = restarted(&once, DAY / 4);
        assert_eq!(left(&twice), Some((quota.clone(), 21_600_000)));
        let later = restarted(&twice, DAY);
        assert_eq!(left(&later), Some((quota, 0)));
        assert_eq!(left(&restarted(&later, 6 * DAY)), None);
        // Whoever is asked for is met, and remembered for as long as that goes on.
        let met = registry().remembering(&later, 6 * DAY);
        met.cell(&TargetKey::new("p", "m"));
        assert!(left(&met.memory(Moment::ZERO)).is_some());
    }
}
