//! What one serving thread has to itself: a pool of connections and a source of chance.

mod beat;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backstop_providers::{Client, ClientLimits, Dial};
use backstop_vocabulary::Chance;
use tokio::sync::watch;

use crate::gateway::Shared;
use beat::Beat;

/// One serving thread's part of the gateway.
#[derive(Debug)]
pub struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Client,
    pub(crate) number: usize,
    pub(crate) beat: Beat,
    chance: Mutex<Chance>,
    seed: u64,
    forks: std::sync::atomic::AtomicU64,
    /// How many tasks are under way that no connection waits for.
    tasks: watch::Sender<usize>,
}

impl Core {
    pub(crate) fn new(shared: Arc<Shared>, number: usize, dial: Arc<dyn Dial>, seed: u64) -> Self {
        let client = Client::new(dial, ClientLimits::default());
        Self {
            shared,
            client,
            number,
            beat: Beat::default(),
            chance: Mutex::new(Chance::from_seed(seed)),
            seed,
            forks: std::sync::atomic::AtomicU64::new(1),
            tasks: watch::channel(0).0,
        }
    }

    /// Keeps the timers of requests cheap; to be run in the runtime that serves them. Never ends.
    pub async fn beat(&self) {
        self.beat.run().await;
    }

    /// Starts a task on this runtime that its end waits for.
    pub(crate) fn spawn_counted(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(Arc::clone(self));
        spawn(async move {
            task.await;
            drop(counted);
        });
    }

    /// Waits until no task is left that no connection waits for; to be run once all connections
    /// have ended.
    pub async fn settled(&self) {
        let mut tasks = self.tasks.subscribe();
        // The sender is here: this cannot fail.
        let _settled = tasks.wait_for(|tasks| *tasks == 0).await;
    }

    /// A source of chance of its own, for a question asked while this thread's is taken.
    pub(crate) fn fork_chance(&self) -> Chance {
        let label = self.forks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Chance::from_seed(self.seed).fork(label)
    }

    /// Bits for a request's id.
    pub(crate) fn random_bits(&self) -> u128 {
        let mut chance = self.chance();
        u128::from(chance.next_u64()) << 64 | u128::from(chance.next_u64())
    }

    /// This thread's chance; nobody else waits for it.
    pub(crate) fn chance(&self) -> MutexGuard<'_, Chance> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task counts until this is dropped.
struct Counted(Arc<Core>);

impl Counted {
    fn new(core: Arc<Core>) -> Self {
        core.tasks.send_modify(|tasks| *tasks += 1);
        Self(core)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.tasks.send_modify(|tasks| *tasks -= 1);
    }
}

/// The one place where the gateway starts a task of its own.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
