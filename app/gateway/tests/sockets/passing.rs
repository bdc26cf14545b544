//! What a provider offers besides, passed through: the bytes of both sides, and nothing of the
//! operator's or of other paths.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backstop_identity::{AwsProof, Signing, sign};
use backstop_settings::Secret;
use backstop_vocabulary::{Class, Dialect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{self, Body, Call, End};
use crate::peer::{Peer, Script};
use crate::stage::{ANTHROPIC, ANYWHERE, Providers, Stage, provider, settings};

const KEY: &str = "bst-a-key-of-the-gateway";

/// Settings with the provider `there` at this address, and as much of it open.
fn there(address: SocketAddr, open: &str) -> String {
    let yaml =
        provider(&settings(&[ANTHROPIC], ""), Dialect::OpenaiChat, &format!("http://{address}/v1"));
    yaml.replacen("tier: full }", &format!("tier: full{open} }}"), 1)
}

const OPEN: &str = ", passthrough: true";

async fn stage(address: SocketAddr, open: &str) -> Stage {
    Stage::open(&Providers::open().await, &there(address, open))
}

fn post(path: &str, body: &str) -> Call {
    Call { method: "POST", body: body.into(), ..Call::get(path) }
}

/// Reads until a text has come, and says all that came.
async fn hear(stream: &mut TcpStream, what: &str) -> String {
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while !String::from_utf8_lossy(&heard).contains(what) {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "{what:?} never came: {}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it comes");
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn a_request_goes_as_it_is_with_the_providers_credential_and_the_answer_comes_back() {
    let mut peer = Peer::open(Script::whole("404 Not Found", b"{\"their\":\"words\"}")).await;
    let yaml = there(peer.address, OPEN);
    let hash = blake3::hash(KEY.as_bytes()).to_hex();
    let yaml = format!("keys:\n  - {{ name: shop, hash: {hash} }}\n{yaml}");
    let stage = Stage::open(&Providers::open().await, &yaml);
    let mut call = post("/passthrough/there/v1/files/a%2Fb//c?x=1&y=%2F", "anything \u{7} at all")
        .with("authorization", &format!("Bearer {KEY}"))
        .with("content-type", "multipart/form-data; boundary=x")
        .with("content-encoding", "zstd")
        .with("x-own", "kept")
        .with("connection", "x-hop")
        .with("x-hop", "dropped");
    call.method = "PUT";
    call = call.with("content-length", "17");
    let got = stage.send(&call).await;
    assert_eq!((got.status, &*got.text()), (404, "{\"their\":\"words\"}"), "{}", got.everything());
    assert!(got.header("backstop-answer").contains("target=there/passthrough"));
    let taken = peer.taken().await;
    assert!(taken.head.starts_with("put /v1/files/a%2fb//c?x=1&y=%2f http"), "{}", taken.head);
    assert_eq!(taken.body, b"anything \x07 at all");
    for line in ["authorization: bearer any", "x-own: kept", "content-encoding: zstd"] {
        assert!(taken.head.contains(line), "{line}: {}", taken.head);
    }
    assert!(taken.head.contains("content-length: 17"), "{}", taken.head);
    assert!(!taken.head.contains("x-hop") && !taken.head.contains(KEY), "{}", taken.head);
    let row = &stage.rows(1).await[0];
    assert_eq!((row.api.name(), &*row.caller), ("passthrough", "shop"));
    assert_eq!(&*row.model_asked, "PUT /v1/files/a%2Fb//c");
    assert_eq!(row.class.map(Class::code), Some("invalid_request"));
    stage.assert_idle("passed").await;
}

#[tokio::test]
async fn nothing_is_open_that_nobody_opened() {
    let mut peer = Peer::open(Script::whole("200 OK", b"{}")).await;
    let hash = blake3::hash(KEY.as_bytes()).to_hex();
    let keys = format!("keys:\n  - {{ name: shop, hash: {hash}, passthrough: false }}\n");
    let all = Providers::open().await;
    let some = Stage::open(&all, &there(peer.address, ", passthrough: [/v1/audio]"));
    let closed = Stage::open(&all, &there(peer.address, ""));
    let keyed = Stage::open(&all, &format!("{keys}{}", there(peer.address, OPEN)));
    let with_key = |path| Call::get(path).with("x-api-key", KEY);
    let refused = [
        (&closed, Call::get("/passthrough/there/v1/files"), 403),
        (&some, Call::get("/passthrough/there/v1/files"), 403),
        (&some, Call::get("/passthrough/there/v1/audiobooks"), 403),
        (&some, Call::get("/passthrough/there/v1/audio/..%2ffiles"), 400),
        (&some, Call::get("/passthrough/there/v1/audio/%2e%2e/files"), 400),
        (
            &some,
            Call::get("/passthrough/there/v1/audio").with("origin", "https://evil.example"),
            403,
        ),
        (&some, Call::get("/passthrough/nobody/v1/audio"), 404),
        (&keyed, with_key("/passthrough/there/v1/files"), 403),
        (&keyed, Call::get("/passthrough/there/v1/files"), 401),
    ];
    for (stage, call, status) in refused {
        let got = stage.send(&call).await;
        assert_eq!(got.status, status, "{}: {}", call.path, got.everything());
        assert_eq!(got.header("content-type"), "application/problem+json");
        assert_eq!(got.json()["status"], status, "{}", got.text());
    }
    assert_eq!(peer.untold(), 0);
    let got = some.send(&Call::get("/passthrough/there/v1/audio/voices")).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    assert!(peer.taken().await.head.starts_with("get /v1/audio/voices "));
}

#[tokio::test]
async fn an_upload_is_on_its_way_before_it_is_complete_and_an_answer_too() {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let stage = stage(listener.local_addr().unwrap(), OPEN).await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    let head = "POST /passthrough/there/v1/files HTTP/1.1\r\nhost: localhost\r\n\
                transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut provider, _) = listener.accept().await.unwrap();
    let heard = hear(&mut provider, "first").await;
    assert!(heard.contains("transfer-encoding: chunked"), "{heard}");
    client.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    hear(&mut provider, "0\r\n\r\n").await;
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
    provider.write_all(answer.as_bytes()).await.unwrap();
    hear(&mut client, "one").await;
    // The answer breaks off: nobody may take it for complete.
    drop(provider);
    let rest = client::read_on(client::Reader::default(), &mut client, Body::Framed).await;
    assert_ne!(rest.end, End::Clean);
    let row = &stage.rows(1).await[0];
    assert_eq!(row.class.map(Class::code), Some("connection_reset"));
    stage.assert_idle("broken").await;
}

#[tokio::test]
async fn a_client_that_leaves_its_upload_blames_nobody() {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let stage = stage(listener.local_addr().unwrap(), OPEN).await;
    for _ in 0..10 {
        let mut client = TcpStream::connect(stage.address).await.unwrap();
        let head = "POST /passthrough/there/v1/files HTTP/1.1\r\nhost: localhost\r\n\
                    content-length: 1000\r\n\r\nfirst";
        client.write_all(head.as_bytes()).await.unwrap();
        let (mut provider, _) = listener.accept().await.unwrap();
        hear(&mut provider, "first").await;
        drop(client);
        let mut rest = Vec::new();
        let _reset = provider.read_to_end(&mut rest).await;
        assert_eq!(rest, b"", "the provider is told that no more comes");
    }
    stage.assert_idle("left").await;
    let rows = stage.rows(10).await;
    assert!(rows.iter().all(|row| row.class.is_some_and(|class| class.code() == "client_left")));
    assert_eq!(stage.state("there"), "closed");
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_spared_and_refusals_of_one_path_are_not_failures() {
    for status in ["401 No", "403 No", "404 No", "429 Slow", "402 Pay"] {
        let peer = Peer::open(Script::whole(status, b"{}")).await;
        let stage = stage(peer.address, OPEN).await;
        for _ in 0..12 {
            stage.send(&Call::get("/passthrough/there/v1/files")).await;
        }
        assert_eq!(stage.state("there"), "closed", "{status}");
        assert_eq!(peer.untold(), 12, "{status}");
    }
    let peer = Peer::open(Script::whole("503 Busy", b"{}")).await;
    let stage = stage(peer.address, OPEN).await;
    let call = Call::get("/passthrough/there/v1/files");
    for _ in 0..20 {
        stage.send(&call).await;
    }
    let asked = peer.untold();
    assert!((5..20).contains(&asked), "{asked}: {}", stage.gateway.status());
    let got = stage.send(&call).await;
    assert_eq!((got.status, got.header("backstop-error")), (503, "rung_exhausted"));
    assert!(got.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    assert_eq!(got.header("content-type"), "application/problem+json");
    assert_eq!(peer.untold(), asked, "nobody is asked");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_problem_with_a_name() {
    let stage = stage("127.0.0.1:1".parse().unwrap(), OPEN).await;
    for call in [Call::get("/passthrough/there/v1/files"), post("/passthrough/there/v1/x", "body")]
    {
        let got = stage.send(&call).await;
        assert!(got.status >= 500, "{}", got.everything());
        assert_eq!(got.header("backstop-error"), "connect_failed");
        assert_eq!(got.json()["code"], "connect_failed");
    }
    let socket = upgrade("/passthrough/there/v1/realtime");
    let got = stage.send(&socket).await;
    assert_eq!(got.header("backstop-error"), "connect_failed");
}

/// A client's wish for a WebSocket.
fn upgrade(path: &str) -> Call {
    Call::get(path)
        .with("connection", "Upgrade")
        .with("upgrade", "websocket")
        .with("sec-websocket-version", "13")
        .with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .with("sec-websocket-protocol", "realtime, openai-insecure-api-key.sk-hush")
}

#[tokio::test]
async fn a_websocket_is_bytes_both_ways_until_either_side_ends() {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let stage = stage(listener.local_addr().unwrap(), OPEN).await;
    for first_to_leave in ["client", "provider"] {
        let mut client = TcpStream::connect(stage.address).await.unwrap();
        let mut wish = upgrade("/passthrough/there/v1/realtime?model=m").bytes();
        // What a client sends before it has the answer is not lost either.
        wish.extend_from_slice(b"early");
        client.write_all(&wish).await.unwrap();
        let (mut provider, _) = listener.accept().await.unwrap();
        let heard = hear(&mut provider, "\r\n\r\n").await.to_lowercase();
        for line in [
            "get /v1/realtime?model=m ",
            "upgrade: websocket",
            "authorization: bearer any",
            "connection: upgrade",
            "sec-websocket-key: dghlihnhbxbszsbub25jzq==",
            "sec-websocket-protocol: realtime\r\n",
        ] {
            assert!(heard.contains(line), "{line}: {heard}");
        }
        assert!(!heard.contains("hush"), "{heard}");
        let agreed = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                      upgrade: websocket\r\nsec-websocket-accept: yes\r\n\r\nhello";
        provider.write_all(agreed.as_bytes()).await.unwrap();
        let head = hear(&mut client, "hello").await.to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        for line in ["upgrade: websocket", "connection: upgrade", "sec-websocket-accept: yes"] {
            assert!(head.contains(line), "{line}: {head}");
        }
        hear(&mut provider, "early").await;
        client.write_all(b"question").await.unwrap();
        hear(&mut provider, "question").await;
        provider.write_all(&[0, 255, b'x', b'!']).await.unwrap();
        hear(&mut client, "x!").await;
        assert_eq!(stage.gateway.in_progress(), 1);
        let mut left = Vec::new();
        let (mut leaves, mut stays) =
            if first_to_leave == "client" { (client, provider) } else { (provider, client) };
        leaves.shutdown().await.unwrap();
        let _reset = stays.read_to_end(&mut left).await;
        assert_eq!(left, b"", "{first_to_leave}");
        stage.assert_idle(first_to_leave).await;
    }
    let rows = stage.rows(2).await;
    assert!(rows.iter().all(|row| row.class.is_none() && row.attempts[0].status == Some(101)));
}

#[tokio::test]
async fn a_websocket_that_a_provider_refuses_is_refused_in_its_words() {
    let mut peer = Peer::open(Script::whole("401 No", b"{\"no\":1}")).await;
    let stage = stage(peer.address, OPEN).await;
    let got = stage.send(&upgrade("/passthrough/there/v1/realtime")).await;
    assert_eq!((got.status, &*got.text()), (401, "{\"no\":1}"), "{}", got.everything());
    peer.taken().await;
    // At the main doors nobody waits for a socket.
    assert_eq!(stage.send(&upgrade("/v1/realtime")).await.status, 426);
    assert_eq!(peer.untold(), 0);
}

#[tokio::test]
async fn a_key_in_the_address_opens_the_gateway_and_goes_no_further() {
    let mut peer = Peer::open(Script::whole("200 OK", b"{}")).await;
    let hash = blake3::hash(KEY.as_bytes()).to_hex();
    let providers = format!(
        "google: {{ kind: gemini, api_key: key-of-the-provider, passthrough: true, base_url: \"http://{0}\" }}\n  \
         other: {{ dialect: openai_chat, api_key: key-of-the-provider, passthrough: true, tier: full, base_url: \"http://{0}\" }}",
        peer.address
    );
    let yaml = settings(&[ANTHROPIC], "").replacen(
        "providers:\n",
        &format!("providers:\n  {providers}\n"),
        1,
    );
    let yaml = format!("keys:\n  - {{ name: shop, hash: {hash} }}\n{yaml}");
    let stage = Stage::open(&Providers::open().await, &yaml);
    for (call, line, shown) in [
        (
            Call::get(&format!("/passthrough/google/v1beta/files?pageSize=3&key={KEY}&alt=json")),
            "get /v1beta/files?pagesize=3&alt=json ",
            "x-goog-api-key: key-of-the-provider",
        ),
        (
            // The client's own key for Google, beside ours: neither travels.
            Call::get("/passthrough/google/v1beta/files?access_token=secret-of-the-client")
                .with("x-api-key", KEY),
            "get /v1beta/files ",
            "x-goog-api-key: key-of-the-provider",
        ),
        (
            Call::get(&format!("/passthrough/other/v1/files?key={KEY}&x=1")),
            "get /v1/files?x=1 ",
            "authorization: bearer key-of-the-provider",
        ),
        (
            // At others a `key` may be anything: it is theirs unless it is ours.
            Call::get("/passthrough/other/v1/files?key=theirs").with("x-api-key", KEY),
            "get /v1/files?key=theirs ",
            "authorization: bearer key-of-the-provider",
        ),
    ] {
        let got = stage.send(&call).await;
        assert_eq!(got.status, 200, "{}: {}", call.path, got.everything());
        let head = peer.taken().await.head;
        assert!(head.starts_with(line) && head.contains(shown), "{}: {head}", call.path);
        assert!(!head.contains(KEY) && !head.contains("secret-of"), "{}: {head}", call.path);
    }
    let wrong = Call::get("/passthrough/google/v1beta/files?key=bst-nobodys");
    assert_eq!(stage.send(&wrong).await.status, 401);
    let told = format!("{:?}", stage.rows(5).await);
    assert!(!told.contains(KEY) && !told.contains("nobodys"), "{told}");
}

/// Whether a request is signed as it stands, by these keys, within the last seconds.
fn is_signed(head: &str, body: &[u8]) -> bool {
    let header = |name: &str| {
        let start = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
    };
    let keys = AwsProof {
        access_key_id: "akid".to_owned(),
        secret_access_key: Secret::new("secret-of-ours"),
        session_token: None,
    };
    let path = head.split(' ').nth(1).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    (0..20).any(|ago| {
        let signing = Signing {
            method: &http::Method::POST,
            host: header("host"),
            path,
            headers: &[("content-type", header("content-type"))],
            body,
            region: "eu-central-1",
            service: "bedrock",
            unix_secs: now - ago,
        };
        let signed = sign(&keys, &signing).expect("keys that sign");
        signed["authorization"]
            .to_str()
            .is_ok_and(|it| it.to_lowercase() == header("authorization"))
    })
}

#[tokio::test]
async fn what_aws_wants_signed_is_held_and_signed_as_far_as_it_may_be_held() {
    let mut peer = Peer::open(Script::whole("200 OK", b"{}")).await;
    let there = format!(
        "providers:\n  there: {{ kind: bedrock, region: eu-central-1, passthrough: true, base_url: \"http://{}\", \
         identity: {{ aws: {{ access_key_id: akid, secret_access_key: secret-of-ours }} }} }}\n",
        peer.address
    );
    let yaml = settings(&[ANTHROPIC], "").replacen("providers:\n", &there, 1);
    let yaml = format!("limits: {{ body_max: 1KiB }}\n{yaml}");
    let stage = Stage::open(&Providers::open().await, &yaml);
    let mut renewing = tokio::task::JoinSet::new();
    renewing.spawn(backstop_gateway::renew_forever(std::sync::Arc::clone(&stage.core)));
    let path = "/passthrough/there/model-invocation-job";
    let sized = |body: &str| {
        post(path, body)
            .with("content-length", &body.len().to_string())
            .with("content-type", "application/json")
            .with("x-amz-content-sha256", "of-the-clients-own-making")
    };
    let got = stage.send(&sized("{\"job\": 1}")).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    let taken = peer.taken().await;
    assert_eq!(taken.body, b"{\"job\": 1}");
    assert!(is_signed(&taken.head, &taken.body), "{}", taken.head);
    assert!(!taken.head.contains("of-the-clients"), "{}", taken.head);
    let got = stage.send(&sized(&"x".repeat(1025))).await;
    assert_eq!((got.status, got.header("backstop-error")), (413, "request_too_large"));
    assert!(got.text().contains("held to be signed"), "{}", got.text());
    let got = stage.send(&upgrade("/passthrough/there/model/m/socket")).await;
    assert_eq!(got.header("backstop-error"), "unsupported_feature", "{}", got.everything());
    assert_eq!(peer.untold(), 0);
    stage.assert_idle("signed").await;
}
