//! The first of several addresses that answers (RFC 8305, with one attempt per 250 ms).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

const HEAD_START: Duration = Duration::from_millis(250);
const ADDRESSES_MAX: usize = 16;

/// Connects to whichever address answers first. The next is tried when one fails, or has had its
/// head start; families alternate, so that a dead IPv6 costs a quarter of a second and no more.
/// Dropping the future drops every socket it opened.
pub(crate) async fn connect_first(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = alternate(addresses);
    if let (1, Some(&only)) = (waiting.len(), waiting.front()) {
        return TcpStream::connect(only).await;
    }
    let mut trying = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    loop {
        if let Some(next) = waiting.pop_front() {
            trying.spawn(TcpStream::connect(next));
        }
        let ended = tokio::select! {
            biased;
            ended = trying.join_next() => ended,
            () = sleep(HEAD_START), if !waiting.is_empty() => continue,
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => last = error,
            Some(Err(error)) => last = io::Error::other(error),
            None => return Err(last),
        }
    }
}

/// The addresses in the resolver's order, with the families taking turns.
fn alternate(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut ours, mut others): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut turns = VecDeque::new();
    while !(ours.is_empty() && others.is_empty()) {
        turns.extend(ours.pop_front());
        turns.extend(others.pop_front());
    }
    turns.truncate(ADDRESSES_MAX);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_the_families_take_turns_in_the_resolvers_order() {
        let read = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|address| address.parse().unwrap()).collect()
        };
        let given = read("[::1]:1 [::2]:1 1.0.0.1:1 [::3]:1 1.0.0.2:1");
        let turns = read("[::1]:1 1.0.0.1:1 [::2]:1 1.0.0.2:1 [::3]:1");
        assert_eq!(Vec::from(alternate(given)), turns);
    }
}
