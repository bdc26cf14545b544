//! Plain HTTP/1 through real sockets.

use backstop_providers::{ClientLimits, HOP_HEADER};
use backstop_vocabulary::{Class, Fault, Weight};

use crate::stage::{
    Act, CONNECT_BY, Stage, answers, ask, ask_with, client, client_with, collect, endpoint, fails,
    vacant_address,
};

#[tokio::test]
async fn sends_a_request_as_it_was_prepared_and_reads_the_answer() {
    let stage =
        Stage::open([Act::say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\n\r\nhi")]).await;
    let mut asked = ask("hello");
    asked.headers.insert("x-api-key", "k".parse().unwrap());
    asked.headers.insert(HOP_HEADER, "1".parse().unwrap());
    asked.headers.insert("connection", "close".parse().unwrap());
    asked.headers.insert("host", "client.example".parse().unwrap());
    let reply = answers(&client(), &stage.endpoint(), asked).await;
    assert_eq!(
        (reply.status, reply.reused, &reply.headers["x-a"]),
        (200, false, &"b".parse().unwrap())
    );
    assert_eq!(reply.body.collect(10).await.unwrap(), "hi");
    let heard = stage.heard(0).to_lowercase();
    assert!(heard.starts_with("post /v1/messages http/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("host: {}\r\n", stage.address())), "{heard}");
    assert!(
        heard.contains("x-api-key: k\r\n") && heard.contains("content-length: 5\r\n"),
        "{heard}"
    );
    assert!(heard.contains("backstop-hop: 1\r\n") && !heard.contains("connection:"), "{heard}");
    assert!(heard.ends_with("\r\n\r\nhello"), "{heard}");
}

#[tokio::test]
async fn uses_a_connection_again_once_its_answer_was_read_to_the_end() {
    let stage = Stage::open([Act::answers(&["200 OK"; 3])]).await;
    let (client, endpoint) = (client(), stage.endpoint());
    for reused in [false, true, true] {
        let reply = answers(&client, &endpoint, ask("x")).await;
        assert_eq!(reply.reused, reused);
        collect(reply).await.unwrap();
    }
    assert_eq!(stage.accepted(), 1);
}

#[tokio::test]
async fn uses_a_connection_again_after_a_chunked_answer() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n";
    let stage = Stage::open([Act::say(chunked).then(Act::say(chunked))]).await;
    let (client, endpoint) = (client(), stage.endpoint());
    for reused in [false, true] {
        let reply = answers(&client, &endpoint, ask("x")).await;
        assert_eq!(reply.reused, reused);
        assert_eq!(collect(reply).await.unwrap(), "hi!");
    }
}

#[tokio::test]
async fn gives_a_redirect_to_the_caller_and_follows_nothing() {
    let stage = Stage::open([Act::answers(&["302 Found\r\nlocation: /elsewhere"; 1])]).await;
    let reply = answers(&client(), &stage.endpoint(), ask("x")).await;
    assert_eq!((reply.status, stage.accepted()), (302, 1));
}

#[tokio::test]
async fn calls_a_refused_connection_what_it_is() {
    let vacant = vacant_address();
    let failure = fails(&client(), &endpoint(&format!("http://{vacant}")), ask("x")).await;
    assert_eq!((failure.class, failure.fault()), (Class::ConnectFailed, Fault::Provider));
    assert!(failure.message.contains("connection refused"), "{failure}");
}

#[tokio::test]
async fn calls_a_name_that_nobody_knows_a_dns_failure() {
    let failure = fails(&client(), &endpoint("http://no-such-host.invalid"), ask("x")).await;
    assert_eq!(failure.class, Class::DnsFailed);
}

#[tokio::test]
async fn calls_an_end_before_the_head_on_a_new_connection_a_reset() {
    for act in [Act::say(""), Act::reset(""), Act::say("HTTP/1.1 200 OK\r\ncont")] {
        let stage = Stage::open([act]).await;
        assert_eq!(
            fails(&client(), &stage.endpoint(), ask("x")).await.class,
            Class::ConnectionReset
        );
    }
}

#[tokio::test]
async fn calls_an_end_inside_the_body_a_reset_whatever_the_framing() {
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n";
    for act in [Act::say(length), Act::say(chunked)] {
        let stage = Stage::open([act]).await;
        let mut reply = answers(&client(), &stage.endpoint(), ask("x")).await;
        assert_eq!(reply.body.chunk().await.unwrap().unwrap(), "hi");
        assert_eq!(reply.body.chunk().await.unwrap_err().class, Class::ConnectionReset);
        // Once broken, a body never looks complete.
        assert_eq!(reply.body.chunk().await.unwrap_err().class, Class::ConnectionReset);
    }
}

#[tokio::test]
async fn takes_the_end_of_the_connection_for_the_end_of_a_body_without_framing() {
    let stage = Stage::open([Act::say("HTTP/1.1 200 OK\r\n\r\nhi")]).await;
    let reply = answers(&client(), &stage.endpoint(), ask("x")).await;
    assert_eq!(collect(reply).await.unwrap(), "hi");
}

#[tokio::test]
async fn calls_a_peer_that_does_not_speak_http_broken() {
    for act in [
        Act::say("SSH-2.0-OpenSSH_9.6\r\n"),
        Act::say("HTTP/1.1 two hundred\r\n\r\n"),
        Act::say("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
        Act::say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
        Act::say("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"),
    ] {
        let stage = Stage::open([act]).await;
        assert_eq!(
            fails(&client(), &stage.endpoint(), ask("x")).await.class,
            Class::ProtocolBroken
        );
    }
}

#[tokio::test]
async fn calls_broken_chunk_framing_broken() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n";
    let stage = Stage::open([Act::say(chunked)]).await;
    let reply = answers(&client(), &stage.endpoint(), ask("x")).await;
    assert_eq!(collect(reply).await.unwrap_err().class, Class::ProtocolBroken);
}

#[tokio::test]
async fn takes_no_more_header_lines_and_bytes_than_its_limits() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
    for act in [Act::say(&many), Act::flood("HTTP/1.1 200 OK\r\na: ", b'x', 100 << 20)] {
        let stage = Stage::open([act]).await;
        assert_eq!(
            fails(&client(), &stage.endpoint(), ask("x")).await.class,
            Class::ProtocolBroken
        );
        stage.closed().await;
        assert!(stage.said() < 16 << 20, "took {} bytes of one line", stage.said());
    }
}

#[tokio::test]
async fn collects_no_more_than_it_may() {
    let stage = Stage::open([Act::flood("HTTP/1.1 200 OK\r\n\r\n", b'x', 100 << 20)]).await;
    let reply = answers(&client(), &stage.endpoint(), ask("x")).await;
    assert_eq!(reply.body.collect(1 << 20).await.unwrap_err().class, Class::BadAnswer);
    stage.closed().await;
}

#[tokio::test]
async fn hears_an_answer_that_comes_while_the_body_is_still_on_its_way() {
    // More than one read, so that some of it is left when writing the request fails.
    let page = "no!".repeat(30_000);
    let early = format!("HTTP/1.1 413 Too Large\r\ncontent-length: {}\r\n\r\n{page}", page.len());
    for act in [Act::interrupt(&early), Act::interrupt_and_hang_up(&early)] {
        let stage = Stage::open([act]).await;
        let reply = answers(&client(), &stage.endpoint(), ask_with(vec![b'x'; 32 << 20])).await;
        assert_eq!(reply.status, 413);
        assert!(collect(reply).await.unwrap() == page);
    }
}

#[tokio::test]
async fn calls_a_pooled_connection_that_ended_stale_and_dials_for_the_next_try() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    for ending in [Act::hear(), Act::hear_and_reset()] {
        let stage = Stage::open([Act::say(ok).then(ending), Act::say(ok)]).await;
        let (client, endpoint) = (client(), stage.endpoint());
        collect(answers(&client, &endpoint, ask("1")).await).await.unwrap();
        let failure = fails(&client, &endpoint, ask("2")).await;
        assert_eq!((failure.class, failure.class.weight()), (Class::StaleConnection, Weight::None));
        assert!(!answers(&client, &endpoint, ask("2")).await.reused);
    }
}

#[tokio::test]
async fn passes_over_a_pooled_connection_whose_end_it_has_seen() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let stage = Stage::open([Act::say(ok).and_finish(), Act::say(ok)]).await;
    let (client, endpoint) = (client(), stage.endpoint());
    collect(answers(&client, &endpoint, ask("1")).await).await.unwrap();
    stage.closed().await;
    let reply = answers(&client, &endpoint, ask("2")).await;
    assert!(!reply.reused);
}

#[tokio::test]
async fn calls_an_end_in_the_middle_of_the_head_a_reset_even_on_a_pooled_connection() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let stage = Stage::open([Act::say(ok).then(Act::say("HTTP/1.1 2"))]).await;
    let (client, endpoint) = (client(), stage.endpoint());
    collect(answers(&client, &endpoint, ask("1")).await).await.unwrap();
    assert_eq!(fails(&client, &endpoint, ask("2")).await.class, Class::ConnectionReset);
}

#[tokio::test]
async fn closes_the_connection_of_an_answer_that_nobody_reads_to_its_end() {
    let unending = Act::say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi").and_hold();
    let stage = Stage::open([unending]).await;
    let mut reply = answers(&client(), &stage.endpoint(), ask("x")).await;
    reply.body.chunk().await.unwrap();
    drop(reply);
    stage.closed().await;
}

#[tokio::test]
async fn closes_the_connection_of_a_request_that_is_given_up_before_its_answer() {
    let stage = Stage::open([Act::hear().and_hold()]).await;
    let (client, endpoint) = (client(), stage.endpoint());
    tokio::select! {
        biased;
        _ = client.send(&endpoint, ask("x"), CONNECT_BY) => panic!("there was no answer"),
        () = stage.has_heard("x") => {}
    }
    stage.closed().await;
}

#[tokio::test]
async fn keeps_no_more_idle_connections_than_its_limit() {
    let ok = Act::answers(&["200 OK"]).and_hold();
    let stage = Stage::open([ok.clone(), ok.clone(), ok]).await;
    let client = client_with(ClientLimits { idle_connections_max: 2, ..ClientLimits::default() });
    let endpoint = stage.endpoint();
    let (first, second, third) = tokio::join!(
        client.send(&endpoint, ask("1"), CONNECT_BY),
        client.send(&endpoint, ask("2"), CONNECT_BY),
        client.send(&endpoint, ask("3"), CONNECT_BY),
    );
    for reply in [first, second, third] {
        collect(reply.unwrap()).await.unwrap();
    }
    stage.open_connections(2).await;
    drop(client);
    stage.open_connections(0).await;
}
