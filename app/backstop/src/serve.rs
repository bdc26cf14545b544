//! `backstop serve`: the gateway itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use backstop_settings::Settings;

use crate::cli;
use crate::configuration::{Configuration, Source};
use crate::exit::{Exit, UsageError};
use crate::logs::Form;
use crate::out::say;
use crate::platform::set_variable;
use crate::running::{Running, Sockets, handover_path};

/// How long requests in progress may take once the gateway is asked to end.
const DRAIN_MAX: Duration = Duration::from_secs(120);
/// How often the settings file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Serves until it is asked to end, or a successor takes over.
pub(crate) fn run(args: &cli::Serve) -> anyhow::Result<Exit> {
    let form = if args.log_json { Form::Json } else { Form::Text };
    crate::logs::start(form);
    crate::platform::raise_descriptors();
    let mut configuration = Configuration::find(args.config.config.as_deref())?;
    if let Some(listen) = args.listen {
        configuration.settings.listen = listen;
    }
    if configuration.settings.providers.is_empty() {
        let cure =
            "set ANTHROPIC_API_KEY or OPENAI_API_KEY, start Ollama, or write a backstop.yaml";
        return Err(UsageError(format!("nothing to serve: no provider was found; {cure}")).into());
    }
    let settings = &configuration.settings;
    let sockets = match settings.store.as_deref().filter(|_| args.take_over) {
        Some(store) => Sockets::take_over(settings, &handover_path(store))?,
        None => Sockets::bind(settings)?,
    };
    configuration.announce();
    let running = Running::start(configuration.settings.clone(), sockets)?;
    let ended = running.inside(crate::platform::asked_to_end);
    let address = address(running.listen, &configuration.settings);
    say!("applications  {address}");
    if let Some(console) = running.console {
        say!("operators     http://{console}/status  /metrics  /healthz  /readyz");
    }
    if let Some(store) = &configuration.settings.store {
        say!("journal       {store}");
    }
    say!("\nPaste into the shell of an application:");
    say!("  {}", set_variable("ANTHROPIC_BASE_URL", &address));
    say!("  {}", set_variable("OPENAI_BASE_URL", &format!("{address}/v1")));
    running.block_on(until_ended(&running, ended, (&configuration, args)));
    say!("ending: no new connections, requests in progress may finish; again to end at once");
    let again = running.inside(crate::platform::asked_to_end);
    running.stop(DRAIN_MAX, again);
    Ok(Exit::Success)
}

/// Where applications of this machine reach the gateway; those of others put its name there.
fn address(bound: SocketAddr, settings: &Settings) -> String {
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, bound.port()))
}

/// Waits for a signal or a successor; reloads the settings meanwhile.
async fn until_ended(
    running: &Running,
    ended: impl Future<Output = ()>,
    (configuration, args): (&Configuration, &cli::Serve),
) {
    let mut succeeded = running.succeeded.clone();
    tokio::select! {
        () = ended => {}
        Ok(_) = succeeded.wait_for(|done| *done) => say!("a successor has the sockets"),
        () = reload_forever(running, configuration, args) => {}
    }
}

async fn reload_forever(running: &Running, configuration: &Configuration, args: &cli::Serve) {
    let Source::File(path) = &configuration.source else { return std::future::pending().await };
    // What was collected of models is part of the settings, for all that it lies elsewhere.
    let collected = Path::new(&configuration.collected);
    let mut seen = (stamp(path), stamp(collected));
    let mut hangup = crate::platform::Hangup::new();
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => false,
            () = hangup.next() => true,
        };
        let now = (stamp(path), stamp(collected));
        if asked || now != seen {
            seen = now;
            reload(running, path, args);
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Takes new settings in, or keeps the old ones and says why.
fn reload(running: &Running, path: &Path, args: &cli::Serve) {
    match Configuration::read(path).and_then(|new| replace(running, new.settings, args)) {
        Ok(waiting) => {
            tracing::info!("settings reloaded from {}", path.display());
            if !waiting.is_empty() {
                let waiting = waiting.join(", ");
                tracing::warn!("changed, but in force only after a restart: {waiting}");
            }
        }
        Err(error) => tracing::error!("{error:#}\nthe settings before this change stay in force"),
    }
}

fn replace(
    running: &Running,
    mut settings: Settings,
    args: &cli::Serve,
) -> anyhow::Result<Vec<&'static str>> {
    if let Some(listen) = args.listen {
        settings.listen = listen;
    }
    running.reload(settings)
}

#[cfg(test)]
mod tests {
    use backstop_settings::Tls;

    use super::*;

    #[test]
    fn the_address_to_paste_is_one_that_can_be_called() {
        let open = Settings::default();
        let at = |bound: &str, settings: &Settings| {
            address(bound.parse().expect("an address"), settings)
        };
        assert_eq!(at("127.0.0.1:8080", &open), "http://127.0.0.1:8080");
        assert_eq!(at("0.0.0.0:80", &open), "http://127.0.0.1:80");
        assert_eq!(at("[::]:80", &open), "http://[::1]:80");
        let files = Tls { certificate: "a.pem".to_owned(), key: "a.key".to_owned() };
        let closed = Settings { tls: Some(files), ..Settings::default() };
        assert_eq!(at("10.0.0.1:8443", &closed), "https://10.0.0.1:8443");
    }
}
