//! A machine that is short of what a gateway needs, or kills it.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::{Answer, Ending, Gateway, Recorder, Simulation, read, usual_settings};

fn question() -> Value {
    json!({
        "model": "claude-sonnet-5", "max_tokens": 50,
        "messages": [{ "role": "user", "content": "hello" }],
    })
}

/// Asks on a connection that stays open.
fn send(mut socket: &TcpStream) {
    let body = question().to_string();
    let head =
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    socket
        .write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
        .unwrap();
}

fn hear(socket: TcpStream) -> Answer {
    read(BufReader::new(socket))
}

#[track_caller]
fn assert_answered(answer: &Answer) {
    assert_eq!((answer.status, answer.ending), (200, Ending::Whole), "{}", answer.text());
    let told = answer.header("backstop-answer");
    assert!(told.contains("; attempts=1; "), "{told}");
}

#[test]
fn with_too_few_file_descriptors_clients_wait_and_none_is_refused() {
    const DESCRIPTORS: u32 = 100;
    const CLIENTS: usize = 150;
    let simulation = Simulation::healthy();
    let settings = format!("limits: {{ threads: 1 }}\n{}", usual_settings(&simulation));
    let gateway = Gateway::with_descriptors(DESCRIPTORS, &settings);
    // More connections than the process may have; what it does not accept waits in the kernel.
    let mut clients: Vec<TcpStream> =
        (0..CLIENTS).map(|_| TcpStream::connect(&gateway.address).unwrap()).collect();
    clients.iter().for_each(send);
    // The first give their places up one by one, and the others come in.
    for client in clients.drain(..) {
        assert_answered(&hear(client));
    }
    let status = gateway.page("/status").json();
    let target = &status["targets"]["anthropic/claude-sonnet-5"];
    assert_eq!(
        (&target["state"], &target["recent_failure_percent"]),
        (&json!("closed"), &json!(0))
    );
    assert_eq!(status["requests_in_progress"], 0, "{status}");
}

#[test]
fn a_gateway_that_is_killed_keeps_its_journal_and_starts_again() {
    let simulation = Simulation::healthy();
    let mut gateway = Gateway::before(&simulation);
    let file = gateway.folder.path().join("backstop.db");
    let journaled = || {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let journal = rusqlite::Connection::open_with_flags(&file, flags).unwrap();
        let count = |sql| journal.query_row(sql, (), |row| row.get::<_, i64>(0));
        count("SELECT count(*) FROM requests").unwrap()
    };
    while journaled() < 10 {
        assert_answered(&gateway.messages(&question()));
    }
    let before = journaled();
    // In the middle of a request.
    let unheard = TcpStream::connect(&gateway.address).unwrap();
    send(&unheard);
    gateway.child.signal("-KILL");
    assert_eq!(gateway.child.end().code(), None, "it was killed");

    let journal = rusqlite::Connection::open(&file).unwrap();
    let sound: String = journal.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    drop(journal);
    assert!(journaled() >= before);

    let mut gateway = Gateway::in_folder(gateway.folder);
    assert_answered(&gateway.messages(&question()));
    gateway.child.signal("-TERM");
    assert_eq!(gateway.child.end().code(), Some(0), "{}", gateway.child.errors());
    assert!(journaled() > before, "its last request is in the journal as well");
    assert!(!gateway.child.errors().contains("set aside"), "{}", gateway.child.errors());
}

/// Settings whose only provider is not there, so that every request fails and is logged.
const NOBODY: &str = "providers:
  anthropic: { api_key: sk-ant-test, base_url: 'http://127.0.0.1:1' }
routes:
  - { name: claude, models: [claude-*], deadline: 100ms, ladder: [{ targets: [anthropic/*] }] }
";

#[test]
#[cfg(unix)]
fn logs_that_nobody_reads_hold_no_request_up() {
    const BYTES_LOGGED_MIN: usize = 200;
    const PIPE_BYTES: usize = 64 << 10;
    let mut gateway = Gateway::unheard(NOBODY);
    for _ in 0..2 * PIPE_BYTES / BYTES_LOGGED_MIN / 100 {
        let clients: Vec<TcpStream> =
            (0..100).map(|_| TcpStream::connect(&gateway.address).unwrap()).collect();
        clients.iter().for_each(send);
        for client in clients {
            assert_eq!(hear(client).status, 529);
        }
    }
    assert_eq!(gateway.page("/healthz").status, 200);
    gateway.child.signal("-TERM");
    assert_eq!(gateway.child.end().code(), Some(0));
}

/// Begins to answer with more than sockets hold, to a client that has stopped reading.
#[cfg(unix)]
fn stuck() -> (Gateway, TcpStream) {
    use std::io::Read as _;
    let text = "x".repeat(32 << 20);
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5",
        "content": [{ "type": "text", "text": text }],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": { "input_tokens": 1, "output_tokens": 1 },
    });
    let recorder = Recorder::start(200, &answer);
    let settings = NOBODY.replace("127.0.0.1:1", &recorder.address).replace("100ms", "60s");
    let gateway = Gateway::with_settings(&settings);
    let mut socket = TcpStream::connect(&gateway.address).unwrap();
    send(&socket);
    let mut begun = [0; 12];
    socket.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    (gateway, socket)
}

#[test]
#[cfg(unix)]
fn a_client_that_stopped_reading_does_not_keep_a_gateway_from_ending() {
    let (mut gateway, _socket) = stuck();
    gateway.child.signal("-TERM");
    gateway.child.line_with("ending");
    gateway.child.signal("-TERM");
    assert_eq!(gateway.child.end().code(), Some(0), "{}", gateway.child.errors());
}
