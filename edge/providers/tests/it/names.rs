//! Which addresses are tried.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use backstop_providers::{BoxFuture, Client, ClientLimits, Resolve, TcpDial};
use backstop_vocabulary::Class;

use crate::stage::{Act, Stage, answers, ask, endpoint, fails, vacant_address};

struct Always(&'static [&'static str]);

impl Resolve for Always {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(self.0.iter().map(|address| address.parse().unwrap()).collect()) })
    }
}

fn client(addresses: &'static [&'static str]) -> Client {
    let dial = TcpDial::with_resolver(Arc::new(Always(addresses)));
    Client::new(Arc::new(dial), ClientLimits::default())
}

#[tokio::test]
async fn tries_the_next_address_when_one_refuses() {
    let stage = Stage::open([Act::answers(&["200 OK"])]).await;
    let endpoint = endpoint(&format!("http://many.example:{}", stage.address().port()));
    let reply = answers(&client(&["::1", "127.0.0.2", "127.0.0.1"]), &endpoint, ask("x")).await;
    assert_eq!(reply.status, 200);
    assert!(stage.heard(0).to_lowercase().contains("host: many.example:"), "{}", stage.heard(0));
}

#[tokio::test]
async fn fails_when_every_address_refuses() {
    let endpoint = endpoint(&format!("http://many.example:{}", vacant_address().port()));
    let failure = fails(&client(&["::1", "127.0.0.1"]), &endpoint, ask("x")).await;
    assert_eq!(failure.class, Class::ConnectFailed);
    assert!(failure.message.contains("many.example"), "{failure}");
}

#[tokio::test]
async fn takes_a_name_without_addresses_for_one_that_does_not_resolve() {
    let failure = fails(&client(&[]), &endpoint("http://none.example"), ask("x")).await;
    assert_eq!(failure.class, Class::DnsFailed);
}
