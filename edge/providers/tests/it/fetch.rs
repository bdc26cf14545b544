//! What is fetched from strangers, and how they try to be somebody else.

use std::time::Duration;

use backstop_guard::{Medium, Refusal};
use tokio::time::Instant;

use crate::stage::{Act, Stage};
use crate::web::{PUBLIC, Page, Web};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const URL: &str = "https://cdn.example.com/a.png";

fn web() -> Web {
    Web::of(&[
        ("cdn.example.com", &[PUBLIC]),
        ("other.example.net", &["93.184.215.15"]),
        ("inside.example.net", &["10.0.0.7"]),
        ("both.example.net", &[PUBLIC, "169.254.169.254"]),
        ("six.example.net", &["::ffff:127.0.0.1"]),
        ("none.example.net", &[]),
    ])
}

async fn refused(web: &Web, url: &str) -> Refusal {
    web.fetch(url).await.expect_err("nothing is fetched")
}

#[tokio::test(start_paused = true)]
async fn a_picture_is_fetched_from_the_address_that_was_judged_and_with_nothing_of_ours() {
    let web = web().page("cdn.example.com/a.png?x=1", Page::of("text/html", PNG));
    let fetched = web.fetch("https://CDN.example.com/a.png?x=1#top").await.unwrap();
    assert_eq!((fetched.medium, &fetched.bytes[..]), (Medium::Png, PNG));
    assert_eq!(web.looked_up(), ["cdn.example.com."]);
    assert_eq!(web.reached(), [format!("{PUBLIC}:443")]);
    let heard = web.heard();
    let mut names: Vec<&str> =
        heard[0].lines().skip(1).filter_map(|line| line.split(':').next()).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "connection", "host", "user-agent"]);
    assert!(heard[0].starts_with("get /a.png?x=1 http/1.1\r\n"), "{}", heard[0]);
    assert!(heard[0].contains("accept-encoding: identity\r\n"), "{}", heard[0]);
}

#[tokio::test(start_paused = true)]
async fn no_connection_is_opened_to_what_is_not_public_on_all_its_addresses() {
    let web = web();
    for host in ["inside", "both", "six", "none", "unknown"] {
        let url = format!("https://{host}.example.net/a.png");
        assert_eq!(refused(&web, &url).await, Refusal::NotPublic, "{host}");
    }
    assert_eq!(web.reached(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_not_allowed_is_not_even_looked_up() {
    let mut web = web().page("cdn.example.com/a.png", Page::to("https://other.example.net/a.png"));
    web.rules.hosts = backstop_guard::Hosts::default();
    assert!(web.rules.hosts.add("cdn.example.com"));
    assert_eq!(refused(&web, "https://other.example.net/a.png").await, Refusal::Host);
    assert_eq!(web.looked_up(), Vec::<String>::new());
    // Nor does a redirect lead there.
    assert_eq!(refused(&web, URL).await, Refusal::Redirected);
    assert_eq!(web.looked_up(), ["cdn.example.com."]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_followed_and_judged_like_the_first_address() {
    let web = web()
        .page("cdn.example.com/a.png", Page::to("//other.example.net/x/"))
        .page("other.example.net/x/", Page::to("y.png"))
        .page("other.example.net/x/y.png", Page::of("image/png", PNG));
    assert_eq!(web.fetch(URL).await.unwrap().medium, Medium::Png);
    assert_eq!(web.looked_up(), ["cdn.example.com.", "other.example.net.", "other.example.net."]);
    assert!(web.heard().iter().all(|head| !head.contains("referer") && !head.contains("cookie")));
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_a_private_or_odd_address_ends_there() {
    for to in [
        "https://inside.example.net/latest/meta-data",
        "https://both.example.net/",
        "https://169.254.169.254/latest/meta-data",
        "https://2852039166/",
        "https://0xa9.254.43518/",
        "https://[::ffff:169.254.169.254]/",
        "http://other.example.net/a.png",
        "https://other.example.net:8443/a.png",
        "https://user@other.example.net/a.png",
        "https://localhost/",
        "file:///etc/passwd",
        "\\\\10.0.0.7\\",
    ] {
        let web = web().page("cdn.example.com/a.png", Page::to(to));
        let refusal = refused(&web, URL).await;
        assert_eq!(refusal, Refusal::Redirected, "{to}");
        assert!(!refusal.to_string().contains("example"), "{refusal}");
        assert_eq!(web.reached().len(), 1, "{to}: {:?}", web.reached());
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_redirects_ends_at_the_settings_number() {
    let web = web().page("cdn.example.com/a.png", Page::to("/a.png"));
    assert_eq!(refused(&web, URL).await, Refusal::Redirects);
    assert_eq!(web.reached().len(), 4, "the first and three redirects");
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit_is_refused_by_its_word_and_by_counting() {
    let said = b"HTTP/1.1 200 OK\r\ncontent-length: 20000001\r\n\r\n".to_vec();
    let web = web()
        .page("cdn.example.com/said", Page::Dribble(said))
        .page("cdn.example.com/a.png", Page::Flood(HEAD.to_vec()));
    let before = Instant::now();
    assert_eq!(refused(&web, "https://cdn.example.com/said").await, Refusal::TooLarge);
    assert_eq!(before.elapsed(), Duration::ZERO, "its word is enough");
    assert_eq!(refused(&web, URL).await, Refusal::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_and_a_silent_server_end_at_the_deadline() {
    let web = web()
        .page("cdn.example.com/a.png", Page::Dribble(HEAD.to_vec()))
        .page("cdn.example.com/head", Page::Dribble(b"HTTP/1.1 200 OK\r\nx-".to_vec()));
    for url in [URL, "https://cdn.example.com/head"] {
        let before = Instant::now();
        assert_eq!(refused(&web, url).await, Refusal::TooSlow, "{url}");
        assert_eq!(before.elapsed().as_secs(), 10, "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_was_given_up_keeps_its_place_until_it_ends() {
    let web = web().silent("slow.example.com");
    for _ in 0..32 {
        let waiting = web.fetch("https://slow.example.com/a.png");
        let left = tokio::time::timeout(Duration::from_millis(20), waiting).await;
        assert!(left.is_err(), "its client left");
    }
    // No thread more is taken, whoever asks.
    assert_eq!(refused(&web, URL).await, Refusal::TooSlow);
    assert_eq!(web.looked_up().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_picture_and_no_document_is_refused_before_it_has_come() {
    let html = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n<!doctype html><html>".to_vec();
    let web = web()
        .page("cdn.example.com/a.png", Page::Flood(html))
        .page("cdn.example.com/short", Page::of("image/png", b"\x89PNG"))
        .page("cdn.example.com/empty", Page::of("text/plain", b""))
        .page("cdn.example.com/binary", Page::of("text/plain", b"text at first and then \0"))
        .page("cdn.example.com/text", Page::of("text/plain; charset=utf-8", b"hi"));
    for path in ["a.png", "short", "empty", "binary"] {
        let refusal = refused(&web, &format!("https://cdn.example.com/{path}")).await;
        assert!(matches!(refusal, Refusal::Kind(_)), "{path}: {refusal:?}");
    }
    let text = web.fetch("https://cdn.example.com/text").await.unwrap();
    assert_eq!((text.medium, &text.bytes[..]), (Medium::Text, &b"hi"[..]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_odd_in_any_other_way_is_refused() {
    let gzip =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\0\0";
    let cut = [b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", PNG].concat();
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(20_000)).into_bytes();
    let partial = b"HTTP/1.1 206 Partial Content\r\ncontent-length: 0\r\n\r\n".to_vec();
    let web = web()
        .page("cdn.example.com/gzip", Page::Say(gzip.to_vec()))
        .page("cdn.example.com/cut", Page::Say(cut))
        .page("cdn.example.com/long", Page::Say(long))
        .page("cdn.example.com/partial", Page::Say(partial))
        .page("cdn.example.com/nowhere", Page::Say(b"HTTP/1.1 302 Found\r\n\r\n".to_vec()))
        .page("cdn.example.com/smtp", Page::Say(b"220 mail ready\r\n".to_vec()));
    for (path, refusal) in [
        ("gzip", Refusal::Encoded),
        ("cut", Refusal::Broken),
        ("long", Refusal::Broken),
        ("partial", Refusal::Status(206)),
        ("missing", Refusal::Status(404)),
        ("nowhere", Refusal::Redirected),
        ("smtp", Refusal::Broken),
    ] {
        let came = refused(&web, &format!("https://cdn.example.com/{path}")).await;
        assert_eq!(came, refusal, "{path}");
        assert!(!came.to_string().contains("secret"), "{came}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_nobody_vouches_for_is_not_asked() {
    let vouched = web();
    let web = Web::of(&[("evil.example.org", &[PUBLIC])]);
    // Another web's certificate: the name is right, its authority is unknown.
    let errand_of_another = vouched.fetch_in(&web, "https://evil.example.org/a.png").await;
    assert_eq!(errand_of_another.unwrap_err(), Refusal::Unreachable);
    assert_eq!(web.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_is_asked_for_named_hosts_only() {
    let proxy = Stage::open([Act::answers(&["403 Forbidden"])]).await;
    let address = format!("http://{}", proxy.address());
    let mut web = web();
    assert_eq!(web.fetch_by(URL, Some(&address)).await.unwrap_err(), Refusal::Host);
    web.rules.hosts = backstop_guard::Hosts::default();
    assert!(web.rules.hosts.add("*.example.com"));
    assert_eq!(web.fetch_by(URL, Some(&address)).await.unwrap_err(), Refusal::Unreachable);
    assert!(proxy.heard(0).starts_with("CONNECT cdn.example.com:443 HTTP/1.1\r\n"));
    assert_eq!((web.looked_up().len(), web.reached().len()), (0, 0));
}
