//! A gateway that runs: threads, doors, background work, and its end.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use backstop_gateway::{
    Clock, ConsoleDoor, Core, Door, Gateway, Makings, probe_forever, renew_forever,
};
use backstop_listener::{Dealer, Hand, Handover, ListenerLimits, Listening, Tls};
use backstop_providers::{Dial, Fetcher, TcpDial, TlsTrust};
use backstop_settings::Settings;
use backstop_store::{Caps, Journal};
use backstop_vocabulary::Failure;

use crate::{bound, platform};

/// Files and sockets the process needs for itself: settings, store, console, listeners, logs.
const DESCRIPTORS_OWN: usize = 40;
/// What the runtime of one serving thread needs.
const DESCRIPTORS_PER_CORE: usize = 4;
/// Clients let in however few files may be opened.
const CONNECTIONS_MIN: usize = 4;

/// How often the end looks whether everybody is served.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long background work may take to notice the end.
const RUNTIME_MAX: Duration = Duration::from_millis(200);

/// How often what was learnt is saved.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A running gateway. Dropping it without [`Running::stop`] ends requests in progress.
pub(crate) struct Running {
    pub(crate) gateway: Gateway,
    /// Where applications connect.
    pub(crate) listen: SocketAddr,
    /// Where operators connect, if anywhere.
    pub(crate) console: Option<SocketAddr>,
    /// Fires when a successor has taken the sockets over; closed when none ever can.
    pub(crate) succeeded: watch::Receiver<bool>,
    /// The settings it was started with.
    started: Settings,
    tls: Option<Tls>,
    drain: watch::Sender<bool>,
    runtime: Runtime,
    threads: Vec<thread::JoinHandle<()>>,
    pub(crate) journal: Journal,
}

/// The sockets of a gateway, bound or taken over.
pub(crate) struct Sockets {
    pub(crate) listen: Listening,
    pub(crate) console: Option<Listening>,
    taken: Option<backstop_listener::TakenOver>,
}

impl Sockets {
    /// Binds the settings' addresses.
    pub(crate) fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let listen = bind(settings.listen, "listen")?;
        let console = settings.console.map(|addr| bind(addr, "console")).transpose()?;
        Ok(Self { listen, console, taken: None })
    }

    /// Takes the sockets of the gateway that runs now; binds those it does not have.
    pub(crate) fn take_over(settings: &Settings, path: &Path) -> anyhow::Result<Self> {
        let Some(mut taken) = Listening::take_over(path)? else { return Self::bind(settings) };
        let mut get = |addr, what| match taken.take(addr) {
            Some(listening) => Ok(listening),
            None => bind(addr, what),
        };
        let listen = get(settings.listen, "listen")?;
        let console = settings.console.map(|addr| get(addr, "console")).transpose()?;
        Ok(Self { listen, console, taken: Some(taken) })
    }
}

fn bind(addr: SocketAddr, what: &str) -> anyhow::Result<Listening> {
    Listening::bind(addr).map_err(|error| {
        let kind = error.kind();
        let cure = if kind == ErrorKind::AddrInUse {
            "a gateway that runs already, or another program, has it: choose another port"
        } else if kind == ErrorKind::AddrNotAvailable {
            "this machine has no such address: name one of its own"
        } else if kind == ErrorKind::PermissionDenied {
            "ports below 1024 are for privileged processes: choose a higher one"
        } else {
            "choose another address"
        };
        anyhow::anyhow!("cannot listen on {addr} (`{what}`): {cure} ({error})")
    })
}

/// A failure to start, in its own words: its class would say no more.
fn told(what: &str, failure: &Failure) -> anyhow::Error {
    anyhow::anyhow!("{what}: {}", failure.message)
}

/// Where a store's hand-over socket is.
pub(crate) fn handover_path(store: &str) -> PathBuf {
    PathBuf::from(format!("{store}.handover"))
}

/// Opens the journal of these settings.
pub(crate) fn journal(settings: &Settings) -> anyhow::Result<Journal> {
    let limits = &settings.limits;
    let caps = Caps {
        size_bytes_max: limits.journal_bytes_max,
        age_ms_max: u64::try_from(limits.journal_age_max.as_millis()).unwrap_or(u64::MAX),
        rate_max: limits.journal_rate_max,
        ..Caps::default()
    };
    let store = settings.store.as_deref().map(Path::new);
    Journal::open(store, caps).map_err(|failure| {
        let cure = "set `store` to another file, or to `none`";
        anyhow::anyhow!("`store`: {}; {cure}", failure.message)
    })
}

/// The certificates a provider is trusted by.
pub(crate) fn trust(settings: &Settings) -> anyhow::Result<TlsTrust> {
    let Some(file) = &settings.ca_file else { return Ok(TlsTrust::system()) };
    let pem = std::fs::read(file).with_context(|| format!("cannot read ca_file `{file}`"))?;
    TlsTrust::with_extra_ca(&pem).with_context(|| format!("`ca_file` {file}"))
}

/// A gateway for so many serving threads that keeps its books in this journal.
pub(crate) fn gateway(
    settings: Settings,
    journal: Journal,
    cores: usize,
) -> anyhow::Result<Gateway> {
    let trust = trust(&settings)?;
    Ok(Gateway::new(Makings {
        settings,
        journal,
        trust,
        fetcher: Some(Fetcher::network()),
        clock: Clock::start(),
        cores,
        seed: seed(),
        tuning: backstop_resilience::Tuning::default(),
    })?)
}

impl Running {
    /// Starts a gateway with these settings on these sockets.
    pub(crate) fn start(settings: Settings, sockets: Sockets) -> anyhow::Result<Self> {
        let cores = threads_of(&settings);
        let tls = settings
            .tls
            .as_ref()
            .map(|tls| Tls::from_files(Path::new(&tls.certificate), Path::new(&tls.key)))
            .transpose()
            .map_err(|failure| told("`tls`", &failure))?;
        let (listen, console) = (sockets.listen.local_addr()?, local(sockets.console.as_ref())?);
        bound::refuse_strangers(listen, &settings)?;
        let journal = journal(&settings)?;
        let (limits, started) = (listener_limits(&settings, cores), settings.clone());
        let gateway = gateway(settings, journal.clone(), cores)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (drain, draining) = watch::channel(false);
        let (succeed, succeeded) = watch::channel(false);
        let dial: Arc<dyn Dial> = Arc::new(TcpDial::new());
        let (dealer, hands) = Dealer::new(cores, limits.clone());
        let threads = hands
            .into_iter()
            .enumerate()
            .map(|(number, hand)| {
                let core = Arc::new(gateway.core(number, Arc::clone(&dial)));
                serving_thread(number, hand, core, (tls.clone(), draining.clone()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let background = Background { gateway: gateway.clone(), limits, draining };
        let offered = (sockets.listen.try_clone()?, try_clone(sockets.console.as_ref())?);
        runtime.block_on(async {
            tokio::spawn(deal(dealer, sockets.listen, background.draining.clone()));
            background.console(sockets.console);
            background.housekeeping(Arc::new(gateway.core(cores, dial)), succeeded.clone());
            if let Some(store) = &started.store {
                let path = handover_path(store);
                tokio::spawn(offer(path, offered, succeed, background.draining.clone()));
            }
        });
        if let Some(taken) = sockets.taken {
            taken.acknowledge()?;
        }
        Ok(Self {
            gateway,
            listen,
            console,
            succeeded,
            started,
            tls,
            drain,
            runtime,
            threads,
            journal,
        })
    }

    /// Replaces the settings, and names those that wait for a restart. Settings that would open the
    /// bound socket to strangers are refused.
    pub(crate) fn reload(&self, settings: Settings) -> anyhow::Result<Vec<&'static str>> {
        bound::refuse_strangers(self.listen, &settings)?;
        let waiting = bound::needs_restart(&self.started, &settings);
        if let (Some(tls), Some(files)) = (&self.tls, &settings.tls) {
            tls.reload(Path::new(&files.certificate), Path::new(&files.key))
                .map_err(|failure| told("`tls`", &failure))?;
        }
        self.gateway.reload(settings)?;
        Ok(waiting)
    }

    /// Calls something that needs the background runtime around it.
    pub(crate) fn inside<T>(&self, call: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.enter();
        call()
    }

    /// Runs a future on the background runtime.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Lets requests in progress end and their answers reach their clients, at most for `longest` or
    /// until `hurried`; saves what was learnt, and ends.
    pub(crate) fn stop(self, longest: Duration, hurried: impl Future<Output = ()>) {
        self.gateway.drain();
        self.drain.send_replace(true);
        // A serving thread ends with its connections, the last of which may be to a client that
        // has stopped reading: nobody may wait for it for ever.
        let served = async {
            while !self.threads.iter().all(thread::JoinHandle::is_finished) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                () = served => {}
                () = hurried => {}
                () = tokio::time::sleep(longest) => {}
            }
            if self.gateway.in_background() > 0 {
                self.gateway.abandon();
                // Who reads along hears of it.
                tokio::time::sleep(RUNTIME_MAX).await;
            }
        });
        if !*self.succeeded.borrow() {
            self.gateway.save_health();
        }
        self.journal.close();
        self.runtime.shutdown_timeout(RUNTIME_MAX);
    }
}

fn threads_of(settings: &Settings) -> usize {
    match settings.limits.threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => usize::from(threads),
    }
}

fn listener_limits(settings: &Settings, cores: usize) -> ListenerLimits {
    let limits = &settings.limits;
    let wanted = usize::try_from(limits.connections_max).unwrap_or(usize::MAX);
    let room = room_for_clients(platform::descriptors_max(), cores);
    if room < wanted {
        let cure = "raise the limit (`ulimit -n`) for more";
        tracing::info!("this process may open files for {room} connections at once: {cure}");
    }
    ListenerLimits {
        connections_max: wanted.min(room),
        head_bytes_max: usize::try_from(limits.header_bytes_max).unwrap_or(usize::MAX),
        head_time_max: limits.header_time_max,
        ..ListenerLimits::default()
    }
}

/// How many clients may be connected at once: for each there must be a socket to a provider as well,
/// and the process itself needs some files. Further clients wait in the kernel's queue, unhurt.
fn room_for_clients(descriptors_max: Option<u64>, cores: usize) -> usize {
    let Some(most) = descriptors_max else { return usize::MAX };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let own = DESCRIPTORS_OWN + cores.saturating_mul(DESCRIPTORS_PER_CORE);
    (most.saturating_sub(own) / 2).max(CONNECTIONS_MIN)
}

/// A seed nobody can guess: it only spreads jitter, so the clock and the process are enough.
fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = now.map_or(0, |now| now.as_nanos());
    u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or(0) ^ u64::from(std::process::id())
}

fn local(listening: Option<&Listening>) -> std::io::Result<Option<SocketAddr>> {
    listening.map(Listening::local_addr).transpose()
}

fn try_clone(listening: Option<&Listening>) -> std::io::Result<Option<Listening>> {
    listening.map(Listening::try_clone).transpose()
}

/// One thread, one runtime, its share of the connections.
fn serving_thread(
    number: usize,
    hand: Hand,
    core: Arc<Core>,
    (tls, draining): (Option<Tls>, watch::Receiver<bool>),
) -> anyhow::Result<thread::JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let door = Arc::new(Door::new(Arc::clone(&core)));
    let serve = move || {
        let beating = Arc::clone(&core);
        runtime.spawn(async move { beating.beat().await });
        runtime.block_on(hand.serve(door, tls, draining));
        // Answers in the making whose clients need not wait.
        runtime.block_on(core.settled());
    };
    Ok(thread::Builder::new().name(format!("serve-{number}")).spawn(serve)?)
}

async fn deal(dealer: Dealer, listening: Listening, draining: watch::Receiver<bool>) {
    if let Err(error) = dealer.run(listening, draining).await {
        tracing::error!(%error, "the listener ended");
    }
}

struct Background {
    gateway: Gateway,
    limits: ListenerLimits,
    draining: watch::Receiver<bool>,
}

impl Background {
    fn console(&self, listening: Option<Listening>) {
        let Some(listening) = listening else { return };
        let (dealer, hands) = Dealer::new(1, self.limits.clone());
        tokio::spawn(deal(dealer, listening, self.draining.clone()));
        for hand in hands {
            let door = Arc::new(ConsoleDoor::new(self.gateway.clone()));
            tokio::spawn(hand.serve(door, None, self.draining.clone()));
        }
    }

    /// Renews tokens, probes targets that may come back, and saves what was learnt.
    ///
    /// A successor that has taken over keeps its own memory in the same store.
    fn housekeeping(&self, core: Arc<Core>, succeeded: watch::Receiver<bool>) {
        tokio::spawn(renew_forever(Arc::clone(&core)));
        tokio::spawn(probe_forever(core));
        let gateway = self.gateway.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SAVE_EVERY).await;
                if *succeeded.borrow() {
                    return;
                }
                gateway.save_health();
            }
        });
    }
}

/// Offers the sockets to a successor until one has them.
async fn offer(
    path: PathBuf,
    (listen, console): (Listening, Option<Listening>),
    succeed: watch::Sender<bool>,
    mut draining: watch::Receiver<bool>,
) {
    let handover = match Handover::offer(&path) {
        Ok(handover) => handover,
        Err(failure) => {
            tracing::info!("restarts will refuse requests for a moment: {}", failure.message);
            return;
        }
    };
    let sockets: Vec<Listening> = std::iter::once(listen).chain(console).collect();
    tokio::select! {
        () = handover.taken(&sockets) => {
            succeed.send_replace(true);
        }
        _ended = draining.wait_for(|draining| *draining) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::room_for_clients;

    #[test]
    fn leaves_a_socket_to_a_provider_for_every_client() {
        assert_eq!(room_for_clients(None, 4), usize::MAX);
        assert_eq!(room_for_clients(Some(1024), 4), 484);
        assert_eq!(room_for_clients(Some(20), 4), 4);
    }
}
