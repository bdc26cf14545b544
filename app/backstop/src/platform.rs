//! The one module of the binary with calls that differ between operating systems.

/// Resolves when the process is asked to end: Ctrl-C, or SIGTERM on Unix. It listens from the call
/// on, not from the first poll: whoever is told that we run may ask at once.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).ok();
    let interrupt = heard(listen(SignalKind::interrupt()));
    let terminate = heard(listen(SignalKind::terminate()));
    async move {
        tokio::select! {
            () = interrupt => {}
            () = terminate => {}
        }
    }
}

#[cfg(unix)]
async fn heard(signal: Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(mut signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Resolves when the process is asked to end: Ctrl-C, Ctrl-Break, or the console or the machine is
/// being closed.
#[cfg(windows)]
pub(crate) fn asked_to_end() -> impl Future<Output = ()> {
    use tokio::signal::windows::{self, CtrlBreak, CtrlC, CtrlClose, CtrlShutdown};
    let keys = (windows::ctrl_c().ok(), windows::ctrl_break().ok());
    let closed = (windows::ctrl_close().ok(), windows::ctrl_shutdown().ok());
    async move {
        tokio::select! {
            () = heard(keys.0, CtrlC::poll_recv) => {}
            () = heard(keys.1, CtrlBreak::poll_recv) => {}
            () = heard(closed.0, CtrlClose::poll_recv) => {}
            () = heard(closed.1, CtrlShutdown::poll_recv) => {}
        }
    }
}

#[cfg(windows)]
async fn heard<S>(
    mut signal: Option<S>,
    poll: fn(&mut S, &mut std::task::Context<'_>) -> std::task::Poll<Option<()>>,
) {
    std::future::poll_fn(|context| match &mut signal {
        Some(signal) => poll(signal, context).map(drop),
        None => std::task::Poll::Pending,
    })
    .await;
}

/// SIGHUP on Unix: read the settings again. Elsewhere it never comes.
pub(crate) struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { signal: signal(SignalKind::hangup()).ok() }
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// Resolves with the next signal.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        match &mut self.signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Never resolves.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// The shell line that sets a variable: POSIX shells, or PowerShell on Windows.
pub(crate) fn set_variable(name: &str, value: &str) -> String {
    if cfg!(windows) {
        format!("$env:{name} = \"{value}\"")
    } else {
        format!("export {name}={value}")
    }
}

/// The shell line that puts JSON to an address.
pub(crate) fn put(url: &str, json: &str) -> String {
    if cfg!(windows) {
        format!("Invoke-RestMethod -Method Put {url} -Body '{json}'")
    } else {
        format!("curl -X PUT {url} -d '{json}'")
    }
}

/// The signal that ended a process.
#[cfg(unix)]
pub(crate) fn ending_signal(status: std::process::ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

/// There are none.
#[cfg(not(unix))]
pub(crate) fn ending_signal(_status: std::process::ExitStatus) -> Option<i32> {
    None
}

/// The signals a wrapper takes for its child. Keys that stop a job (Ctrl-Z) are left alone: they
/// reach both, and `fg` wakes both.
pub(crate) struct Signals {
    #[cfg(unix)]
    streams: Vec<(rustix::process::Signal, tokio::signal::unix::Signal)>,
}

/// A signal that came.
#[derive(Clone, Copy)]
pub(crate) struct Signalled {
    #[cfg(unix)]
    signal: rustix::process::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> Self {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            (Signal::INT, SignalKind::interrupt()),
            (Signal::TERM, SignalKind::terminate()),
            (Signal::HUP, SignalKind::hangup()),
            (Signal::QUIT, SignalKind::quit()),
            (Signal::USR1, SignalKind::user_defined1()),
            (Signal::USR2, SignalKind::user_defined2()),
        ];
        let streams =
            kinds.into_iter().filter_map(|(name, kind)| Some((name, signal(kind).ok()?))).collect();
        Self { streams }
    }

    /// Resolves with the next signal.
    pub(crate) async fn next(&mut self) -> Signalled {
        std::future::poll_fn(|context| {
            let came = self
                .streams
                .iter_mut()
                .find_map(|(name, stream)| stream.poll_recv(context).is_ready().then_some(*name));
            came.map_or(std::task::Poll::Pending, |signal| {
                std::task::Poll::Ready(Signalled { signal })
            })
        })
        .await
    }
}

#[cfg(unix)]
impl Signalled {
    /// Passes the signal on to a child, unless the terminal sent it to both.
    pub(crate) fn forward(self, id: u32) {
        use rustix::process::{Pid, Signal, kill_process};
        let from_keyboard = matches!(self.signal, Signal::INT | Signal::QUIT);
        if from_keyboard && in_foreground() {
            return;
        }
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && let Err(error) = kill_process(pid, self.signal)
        {
            tracing::debug!(%error, "cannot pass a signal on");
        }
    }
}

/// Whether keys of the terminal reach us, and with us our child.
#[cfg(unix)]
fn in_foreground() -> bool {
    let own = rustix::process::getpgrp();
    let of = |group: rustix::io::Result<rustix::process::Pid>| group.is_ok_and(|it| it == own);
    of(rustix::termios::tcgetpgrp(std::io::stdin()))
        || of(rustix::termios::tcgetpgrp(std::io::stderr()))
}

#[cfg(not(unix))]
impl Signals {
    /// Takes Ctrl-C, so that it ends the child and not us.
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// Resolves with the next Ctrl-C or its kin.
    pub(crate) async fn next(&mut self) -> Signalled {
        asked_to_end().await;
        Signalled {}
    }
}

#[cfg(not(unix))]
impl Signalled {
    /// The console tells every process of its group by itself.
    #[expect(clippy::unused_self, reason = "elsewhere it says which signal")]
    pub(crate) fn forward(self, _id: u32) {}
}

/// The width of the terminal that standard output is, in characters.
#[cfg(unix)]
pub(crate) fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Not known here.
#[cfg(not(unix))]
pub(crate) fn terminal_width() -> Option<usize> {
    None
}

/// Descriptors a busy gateway asks for: macOS grants no more than its `kern.maxfilesperproc`, which
/// is at least the second.
#[cfg(unix)]
const DESCRIPTORS_WANTED: [u64; 2] = [65_536, 10_240];

/// Raises how many files and sockets this process may have open to what it may ask for: the usual
/// soft limit of 1024 is for programs that call `select`. Children inherit it.
#[cfg(unix)]
pub(crate) fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    for wanted in DESCRIPTORS_WANTED {
        let wanted = now.maximum.map_or(wanted, |most| most.min(wanted));
        let enough = now.current.is_none_or(|current| current >= wanted);
        let limit = Rlimit { current: Some(wanted), maximum: now.maximum };
        if enough || setrlimit(Resource::Nofile, limit).is_ok() {
            return;
        }
    }
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) const fn raise_descriptors() {}

/// How many files and sockets this process may have open; `None` is no limit.
#[cfg(unix)]
pub(crate) fn descriptors_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) const fn descriptors_max() -> Option<u64> {
    None
}
