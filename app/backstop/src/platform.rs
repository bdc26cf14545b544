//! The one module of the binary with calls that differ between operating systems.

/// Resolves when the process is asked to end: Ctrl-C, or SIGTERM on Unix.
#[cfg(unix)]
pub(crate) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return wait_for_interrupt().await;
    };
    tokio::select! {
        () = wait_for_interrupt() => {}
        _ = terminate.recv() => {}
    }
}

/// Resolves when the process is asked to end.
#[cfg(not(unix))]
pub(crate) async fn asked_to_end() {
    wait_for_interrupt().await;
}

async fn wait_for_interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
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
        std::future::pending().await
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
