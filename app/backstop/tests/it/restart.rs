//! A gateway that is restarted while it is needed.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use backstop_store::{Caps, Journal, Outcome};
use serde_json::{Value, json};

use crate::support::{
    Ending, Folder, Gateway, Simulation, ask, read, settings_at_free_ports, usual_settings,
};

/// Requests that must have been answered before, and again after, each change.
const REQUESTS_EACH: u64 = 60;
const CLIENTS: usize = 3;

fn question() -> Value {
    json!({
        "model": "claude-sonnet-5", "max_tokens": 50,
        "messages": [{ "role": "user", "content": "hello" }],
    })
}

/// Asks without a pause until it is told to stop; the first request that fails fails the test.
fn ask_on(address: &str, answered: &AtomicU64, stop: &AtomicBool) {
    let headers = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
    while !stop.load(Ordering::SeqCst) {
        let stream = answered.load(Ordering::SeqCst).is_multiple_of(2);
        let mut body = question();
        body["stream"] = json!(stream);
        let body = body.to_string();
        let answer = ask(address, "POST /v1/messages", &headers, body.as_bytes());
        assert_eq!((answer.status, answer.ending), (200, Ending::Whole), "{}", answer.text());
        let last = if stream { "message_stop" } else { "end_turn" };
        assert!(answer.text().contains(last), "{}", answer.text());
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(unix)]
#[test]
fn a_gateway_taken_over_under_load_refuses_and_breaks_nothing() {
    let simulation = Simulation::healthy();
    let mut gateway = Gateway::before(&simulation);
    let (answered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<JoinHandle<()>> = (0..CLIENTS)
        .map(|_| {
            let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
            let address = gateway.address.clone();
            thread::spawn(move || ask_on(&address, &answered, &stop))
        })
        .collect();
    let some_more = || {
        let goal = answered.load(Ordering::SeqCst) + REQUESTS_EACH;
        let fine = || clients.iter().all(|client| !client.is_finished());
        while answered.load(Ordering::SeqCst) < goal && fine() {
            thread::yield_now();
        }
    };
    some_more();
    for _ in 0..2 {
        // Its own port, not any free one, tells which of the offered sockets is meant.
        let (address, console) = (&gateway.address, &gateway.console);
        let here = format!("listen: {address}\nconsole: {console}\nstore: backstop.db\n");
        gateway.folder.write("backstop.yaml", &(here + &usual_settings(&simulation)));
        let mut before = gateway.take_over();
        some_more();
        assert_eq!(before.end().code(), Some(0), "{}", before.errors());
        some_more();
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().expect("every request was answered");
    }
}

#[cfg(unix)]
#[test]
fn what_was_learnt_about_a_provider_survives_a_restart() {
    let simulation = Simulation::healthy();
    let mut gateway = Gateway::before(&simulation);
    assert_eq!(gateway.messages(&question()).status, 200);
    simulation.fail("anthropic", "http_500");
    let state = |gateway: &Gateway| {
        let status = gateway.page("/status").json();
        status["targets"]["anthropic/claude-sonnet-5"]["state"].clone()
    };
    for asked in 0.. {
        assert!(asked < 200, "the breaker never opens: {}", gateway.page("/status").text());
        assert_eq!(gateway.messages(&question()).status, 200);
        if state(&gateway) == "open" {
            break;
        }
    }
    gateway.child.signal("-TERM");
    assert_eq!(gateway.child.end().code(), Some(0), "{}", gateway.child.errors());
    let gateway = Gateway::in_folder(gateway.folder);
    let answer = gateway.messages(&question());
    let told = answer.header("backstop-answer");
    assert!(told.contains("; rung=2; attempts=1; "), "{told}\n{}", answer.text());
    let state = state(&gateway);
    assert!(state == "open" || state == "half_open", "{}", gateway.page("/status").text());
}

#[cfg(unix)]
#[test]
fn a_gateway_that_cannot_offer_its_sockets_serves_all_the_same() {
    let simulation = Simulation::healthy();
    let folder = Folder::new();
    // Longer than the name of a Unix socket may be.
    let deep = "deeper/".repeat(20);
    std::fs::create_dir_all(folder.path().join(&deep)).unwrap();
    let settings = settings_at_free_ports(&usual_settings(&simulation));
    let store = format!("store: {deep}backstop.db");
    folder.write("backstop.yaml", &settings.replace("store: backstop.db", &store));
    let mut gateway = Gateway::in_folder(folder);
    for asked in 0.. {
        assert_eq!(gateway.messages(&question()).status, 200);
        if gateway.child.errors().contains("restarts will refuse requests for a moment") {
            break;
        }
        assert!(asked < 2000, "nothing is said about it: {}", gateway.child.errors());
    }
    assert_eq!(gateway.messages(&question()).status, 200);
    gateway.child.signal("-TERM");
    let lines = gateway.child.last_lines();
    assert!(!lines.iter().any(|line| line.contains("successor")), "{lines:#?}");
}

/// Begins an answer that nobody waits for, and gives its path.
fn begin_in_background(gateway: &Gateway) -> String {
    let asked = json!({ "model": "gpt-5.6", "input": "hello", "background": true }).to_string();
    let headers = [("content-type", "application/json")];
    let answer = ask(&gateway.address, "POST /v1/responses", &headers, asked.as_bytes()).json();
    assert_eq!(answer["status"], "queued", "{answer}");
    format!("/v1/responses/{}", answer["id"].as_str().unwrap())
}

#[cfg(unix)]
#[test]
fn an_answer_that_nobody_waits_for_is_complete_before_the_gateway_ends() {
    let simulation = Simulation::start(&["--first-token-ms", "300", "--tokens-per-second", "200"]);
    let mut gateway = Gateway::before(&simulation);
    begin_in_background(&gateway);
    gateway.child.signal("-TERM");
    assert_eq!(gateway.child.end().code(), Some(0), "{}", gateway.child.errors());
    let store = gateway.folder.path().join("backstop.db");
    let journal = Journal::open(Some(&store), Caps::default()).unwrap();
    let rows = journal.recent(2).unwrap();
    let outcomes: Vec<Outcome> = rows.iter().map(|row| row.entry.outcome).collect();
    assert_eq!(outcomes, [Outcome::Answered], "{rows:#?}");
}

#[cfg(unix)]
#[test]
fn one_that_is_left_no_time_has_failed_and_says_so_to_whoever_reads_it() {
    let simulation = Simulation::healthy();
    simulation.fail("openai", "silence_mid_stream");
    let mut gateway = Gateway::before(&simulation);
    let path = begin_in_background(&gateway);
    let mut reader = TcpStream::connect(&gateway.address).unwrap();
    write!(reader, "GET {path}?stream=true HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    reader.peek(&mut [0]).unwrap();
    gateway.child.signal("-TERM");
    gateway.child.line_with("ending");
    gateway.child.signal("-TERM");
    let told = read(BufReader::new(reader));
    let text = told.text();
    assert!(text.contains("event: response.failed") && text.contains("restarted"), "{text}");
    assert_ne!(told.ending, Ending::Whole);
    assert_eq!(gateway.child.end().code(), Some(0), "{}", gateway.child.errors());
}
