//! `backstop status`: the health of a running gateway.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use serde_json::Value;

use crate::cli;
use crate::console_client::get;
use crate::exit::{Exit, UsageError};
use crate::out::say;
use crate::text::{Align, columns};

const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the command.
pub(crate) fn run(args: &cli::Status) -> anyhow::Result<Exit> {
    let address = address(&args.console)?;
    let status = match get(address, "/status", PATIENCE).and_then(read) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("backstop: no gateway answers at http://{address}: {error}");
            eprintln!(
                "start one with `backstop serve`, or name its console with `--console ADDRESS`"
            );
            return Ok(Exit::Failure);
        }
    };
    if args.json {
        say!("{status:#}");
    } else {
        print(address, &status);
    }
    Ok(Exit::Success)
}

fn address(named: &str) -> anyhow::Result<SocketAddr> {
    let plain = named.trim_start_matches("http://").trim_end_matches('/');
    let found = plain.to_socket_addrs().ok().and_then(|mut all| all.next());
    Ok(found.ok_or_else(|| {
        UsageError(format!("`{named}` is no address: write host and port, like 127.0.0.1:8081"))
    })?)
}

fn read((status, body): (u16, String)) -> io::Result<Value> {
    let value = serde_json::from_str(&body).ok().filter(|value: &Value| value.is_object());
    value.filter(|_| status == 200).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "what is there is no console of Backstop")
    })
}

fn print(address: SocketAddr, status: &Value) {
    let number = |name: &str| status[name].as_u64().unwrap_or(0);
    let version = status["version"].as_str().unwrap_or("?");
    let up = span(number("uptime_seconds"));
    say!("gateway       {version} at http://{address}, up {up}");
    say!("in progress   {}", number("requests_in_progress"));
    say!("journal       {}", journal(&status["journal"]));
    let none = serde_json::Map::new();
    let identities = status["identities"].as_object().unwrap_or(&none);
    for (name, identity) in identities {
        say!("token         {}", token(name, identity));
    }
    let targets = status["targets"].as_object().unwrap_or(&none);
    if targets.is_empty() {
        say!("\nno target has been used yet");
        return;
    }
    let titles = ["target", "state", "share", "failing", "until", "first token", "in flight"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(targets.iter().map(|(name, target)| row(name, target)));
    let (left, right) = (Align::Left, Align::Right);
    say!();
    for line in columns(&rows, &[left, left, right, right, right, right, right]) {
        say!("{line}");
    }
}

/// One credential that is renewed, in a line.
fn token(name: &str, identity: &Value) -> String {
    let giver = identity["giver"].as_str().unwrap_or("?");
    let state = match (identity["good"].as_bool(), identity["expires_in_seconds"].as_u64()) {
        (Some(true), Some(left)) => format!("good for {}", span(left)),
        (Some(true), None) => "good".to_owned(),
        (Some(false) | None, _) => "NONE".to_owned(),
    };
    let trouble = &identity["trouble"];
    let trouble = trouble["what"].as_str().map_or_else(String::new, |what| {
        let ago = span(trouble["ago_seconds"].as_u64().unwrap_or(0));
        format!("; last renewal failed {ago} ago: {what}")
    });
    format!("{name} from {giver}: {state}{trouble}")
}

fn row(name: &str, target: &Value) -> Vec<String> {
    let number = |name: &str| target[name].as_u64();
    let percent = |name| number(name).map_or_else(none, |share| format!("{share} %"));
    let typical = number("first_token_typical_ms").filter(|millis| *millis > 0);
    vec![
        name.to_owned(),
        target["state"].as_str().unwrap_or("?").to_owned(),
        percent("share_percent"),
        percent("recent_failure_percent"),
        number("until_seconds").map_or_else(none, |seconds| format!("in {}", span(seconds))),
        typical.map_or_else(none, millis),
        number("in_flight").map_or_else(none, |count| count.to_string()),
    ]
}

fn none() -> String {
    "-".to_owned()
}

fn millis(millis: u64) -> String {
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        format!("{}.{} s", millis / 1000, millis / 100 % 10)
    }
}

fn journal(standing: &Value) -> String {
    let number = |name: &str| standing[name].as_u64().unwrap_or(0);
    let state = match (standing["failing"].as_bool(), number("dropped")) {
        (Some(true), _) => "cannot be written now: is the disk full?",
        (_, 0) => "complete",
        _ => "incomplete",
    };
    let parts = [
        (number("dropped"), "dropped"),
        (number("sampled_away"), "sampled away"),
        (number("write_failures"), "failed writes"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts.fold(state.to_owned(), |text, (count, what)| text + &format!(", {count} {what}"))
}

/// The two largest units of a time.
fn span(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}
