//! Providers that cannot be reached, and those that lead in circles.

use std::net::SocketAddr;

use backstop_listener::Listening;
use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use tokio::net::{TcpListener, TcpSocket};

use crate::client::{Call, forms, item};
use crate::peer::{Peer, Script};
use crate::stage::{ANTHROPIC, ANYWHERE, Providers, Stage, provider, settings};

/// A target of the provider that a test brings.
const THERE: &str = "there/*";

/// A port where nobody listens, and nobody else will.
fn closed() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(ANYWHERE).unwrap();
    (socket.local_addr().unwrap(), socket)
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_passed_over_and_named() {
    let providers = Providers::open().await;
    let (closed, _taken) = closed();
    let plain = providers.fill_in("{gpt-cloud}").replace("http:", "https:");
    for (base_url, class, what) in [
        (format!("http://{closed}"), "connect_failed", "a closed port"),
        ("https://nobody.invalid".to_owned(), "dns_failed", "a name that nobody knows"),
        (plain, "tls_failed", "no TLS where it should be"),
    ] {
        for first in Dialect::ALL {
            let yaml = provider(&settings(&[THERE, ANTHROPIC], ""), first, &base_url);
            for (dialect, delivery) in forms() {
                let what = format!("{what} at {first:?} for {dialect:?} {delivery:?}");
                let stage = Stage::open(&providers, &yaml);
                let item = item(dialect, delivery, Wish::Text);
                let got = stage.ask(&item).await;
                got.assert_answers(&item, &what);
                let attempts = got.header("backstop-attempts");
                assert!(attempts.contains(&format!("; error={class};")), "{what}: {attempts}");
                stage.assert_idle(&what).await;
            }
        }
    }
}

#[tokio::test]
async fn a_provider_that_takes_too_long_to_connect_is_passed_over_when_its_own_clock_says_so() {
    let providers = Providers::open().await;
    // The system accepts for it, and TLS is never answered.
    let deaf = TcpListener::bind(ANYWHERE).await.unwrap();
    let base_url = format!("https://{}", deaf.local_addr().unwrap());
    for first in Dialect::ALL {
        let yaml = provider(&settings(&[THERE, ANTHROPIC], ""), first, &base_url)
            .replace("there: {", "there: { connect_max: 50ms,");
        for (dialect, delivery) in forms() {
            let stage = Stage::open(&providers, &yaml);
            let item = item(dialect, delivery, Wish::Text);
            let got = stage.ask(&item).await;
            got.assert_answers(&item, "");
            let attempts = got.header("backstop-attempts");
            assert!(attempts.contains("; error=connect_timeout;"), "{attempts}");
            stage.assert_idle("connected elsewhere").await;
        }
    }
}

#[tokio::test]
async fn the_only_provider_that_refuses_a_request_is_heard_in_its_own_words() {
    let providers = Providers::open().await;
    let error = "\"message\":\"too long\",\"type\":\"invalid_request_error\"";
    for (dialect, fields) in [
        (Dialect::OpenaiChat, "\"code\":\"context_length_exceeded\",\"param\":\"input\""),
        (Dialect::AnthropicMessages, "\"details\":{\"error_code\":\"file_expired\"}"),
    ] {
        let error = format!("{{{error},{fields}}}");
        let body = format!("{{\"type\":\"error\",\"error\":{error}}}");
        let peer = Peer::open(Script::whole("422 No", body.as_bytes())).await;
        let base_url = format!("http://{}", peer.address);
        let yaml = provider(&settings(&[THERE], ""), dialect, &base_url);
        let stage = Stage::open(&providers, &yaml);
        for delivery in [Delivery::Unary, Delivery::Stream] {
            let got = stage.ask(&item(dialect, delivery, Wish::Text)).await;
            assert_eq!((got.status, got.header("x-should-retry")), (422, "false"));
            let said: serde_json::Value = serde_json::from_str(&error).unwrap();
            assert_eq!(got.json()["error"], said);
        }
        stage.assert_idle("refused").await;
    }
}

#[tokio::test]
async fn with_nobody_else_to_ask_the_client_is_told_why_in_its_own_dialect() {
    let providers = Providers::open().await;
    let (closed, _taken) = closed();
    // What may be back soon is waited for, but not past the deadline.
    let alone = settings(&[THERE], "    deadline: 500ms\n");
    for base_url in [format!("http://{closed}"), "https://nobody.invalid".to_owned()] {
        let yaml = provider(&alone, Dialect::OpenaiChat, &base_url);
        let stage = Stage::open(&providers, &yaml);
        for (dialect, delivery) in forms() {
            let got = stage.ask(&item(dialect, delivery, Wish::Text)).await;
            assert!(got.status >= 500, "{}: {}", got.status, got.text());
            assert!(!got.header("backstop-error").is_empty());
            let own = got.json()["type"] == "error";
            assert_eq!(own, dialect == Dialect::AnthropicMessages, "{}", got.text());
            assert!(!got.said().is_empty(), "{}", got.text());
        }
        stage.assert_idle("told").await;
    }
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere_not_even_once() {
    let providers = Providers::open().await;
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let elsewhere = Peer::open(Script::whole("200 OK", b"{}")).await;
        let status = format!("{status}\r\nlocation: http://{}/v1/messages", elsewhere.address);
        let mut looping = Peer::open(Script::whole(&status, b"")).await;
        let base_url = format!("http://{}", looping.address);
        let yaml =
            provider(&settings(&[THERE, ANTHROPIC], ""), Dialect::AnthropicMessages, &base_url);
        let stage = Stage::open(&providers, &yaml);
        let item = item(Dialect::AnthropicMessages, Delivery::Stream, Wish::Text);
        let got = stage.ask(&item).await;
        got.assert_answers(&item, &status);
        assert!(got.header("backstop-attempts").contains("error=redirected"), "{status}");
        looping.taken().await;
        assert_eq!((looping.untold(), elsewhere.untold()), (0, 0), "{status}");
    }
}

#[tokio::test]
async fn a_base_url_that_points_at_the_gateway_itself_is_found_out_at_the_first_return() {
    let providers = Providers::open().await;
    for itself in Dialect::ALL {
        for others in [&[][..], &[ANTHROPIC][..]] {
            let listening = Listening::bind(ANYWHERE).unwrap();
            let base_url = format!("http://{}/v1", listening.local_addr().unwrap());
            let targets = [&[THERE], others].concat();
            let yaml = providers.fill_in(&provider(&settings(&targets, ""), itself, &base_url));
            let stage = Stage::open_on(&yaml, listening);
            for (dialect, delivery) in forms() {
                let what = format!("{itself:?} for {dialect:?} {delivery:?}, then {others:?}");
                let item = item(dialect, delivery, Wish::Text);
                let got = stage.send(&Call::of(&item)).await;
                if others.is_empty() {
                    let told = (got.status, got.header("backstop-error"));
                    assert_eq!(told, (508, "loop_detected"), "{what}: {}", got.text());
                } else {
                    got.assert_answers(&item, &what);
                }
                stage.assert_idle(&what).await;
            }
        }
    }
}
