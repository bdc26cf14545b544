use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A resolver that answers by turns: an address, `?` for a failure, `…` for no answer at all.
struct Turns(Vec<&'static str>, AtomicUsize);

impl Resolve for Turns {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async {
            match self.0[self.1.fetch_add(1, Ordering::Relaxed)] {
                "?" => Err(io::ErrorKind::NotFound.into()),
                "…" => pending().await,
                address => Ok(vec![address.parse().unwrap()]),
            }
        })
    }
}

/// Plays a script: `after how long, what is found`, one look-up a line.
async fn check(turns: &[&'static str], script: &str) {
    let resolver = Arc::new(Turns(turns.to_vec(), AtomicUsize::new(0)));
    let names = Names::new(Arc::clone(&resolver) as Arc<dyn Resolve>);
    let begin = Instant::now();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (at, expected) = line.split_once(char::is_whitespace).unwrap();
        let at = Duration::from_secs(at.trim_end_matches('s').parse().unwrap());
        tokio::time::advance(begin + at - Instant::now()).await;
        let found = names.find("a.example", 443).await;
        let found = found.map_or_else(|_| "fails".to_owned(), |found| found[0].to_string());
        assert_eq!(found, expected.trim(), "at {line}");
    }
    assert_eq!(
        resolver.1.load(Ordering::Relaxed),
        turns.len(),
        "the resolver was asked less often"
    );
}

#[tokio::test(start_paused = true)]
async fn asks_once_in_ten_seconds() {
    check(
        &["1.0.0.1", "1.0.0.2"],
        "
        0s  1.0.0.1:443
        9s  1.0.0.1:443
        10s 1.0.0.2:443
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn lives_on_the_last_good_answer_for_a_day() {
    check(
        &["1.0.0.1", "?", "?", "?", "1.0.0.2"],
        "
        0s     1.0.0.1:443
        60s    1.0.0.1:443
        86399s 1.0.0.1:443
        86400s fails
        86401s 1.0.0.2:443
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn does_not_wait_long_for_a_resolver_that_hangs_while_it_knows_an_answer() {
    let begin = Instant::now();
    check(
        &["1.0.0.1", "…"],
        "
        0s  1.0.0.1:443
        60s 1.0.0.1:443
        ",
    )
    .await;
    assert_eq!(begin.elapsed(), Duration::from_secs(60) + PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn lets_one_connection_in_ten_seconds_wait_for_a_resolver_that_hangs() {
    let begin = Instant::now();
    check(
        &["1.0.0.1", "…", "…"],
        "
        0s  1.0.0.1:443
        60s 1.0.0.1:443
        61s 1.0.0.1:443
        69s 1.0.0.1:443
        71s 1.0.0.1:443
        ",
    )
    .await;
    assert_eq!(begin.elapsed(), Duration::from_secs(71) + PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn needs_no_resolver_for_literal_addresses() {
    let names = Names::new(Arc::new(Turns(vec![], AtomicUsize::new(0))));
    for (host, address) in [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")] {
        assert_eq!(names.find(host, 80).await.unwrap(), [address.parse().unwrap()]);
    }
}
