//! Images and documents by URL, at targets that take bytes only.

use backstop_vocabulary::Dialect;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::bytes::odd_answer;
use crate::client::{Call, Got};
use crate::peer::{Peer, Script};
use crate::stage::Stage;
use crate::strangers::{Page, Seen, strangers};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const PNG_BASE64: &str = "iVBORw0KGgoAAAANSUhEUg==";
const PDF: &[u8] = b"%PDF-1.7 so";
const PDF_BASE64: &str = "JVBERi0xLjcgc28=";
const CDN: &str = "cdn.example.com/a.png";

const CLAUDE: Dialect = Dialect::AnthropicMessages;
const SEES: &str = ", abilities: { images: true, documents: true }";

/// The clouds take Claude's pictures as bytes only, whatever the settings say.
const BEDROCK: &str = "kind: bedrock, region: eu-central-1, takes_urls: true";
const OPUS: &str = "claude-opus-4-6";

/// Targets in their order, strangers, and a gateway between them and a client of Messages.
struct Scene {
    peers: Vec<Peer>,
    stage: Stage,
    seen: std::sync::Arc<Seen>,
}

/// A target: what the settings say of its provider, the dialect it answers in, and its answer.
type Target = (&'static str, Dialect, Script);

fn sound(dialect: Dialect) -> Script {
    Script::whole("200 OK", odd_answer(dialect).as_bytes())
}

fn dead() -> Script {
    Script::whole("503 Service Unavailable", b"{}")
}

/// The vendor's own target, dead, and one that takes bytes only.
fn dead_and(other: Dialect) -> Vec<Target> {
    vec![("dialect: anthropic_messages", CLAUDE, dead()), plain(other)]
}

fn plain(dialect: Dialect) -> Target {
    let provider = match dialect {
        Dialect::AnthropicMessages => "dialect: anthropic_messages, takes_urls: false",
        Dialect::OpenaiChat => "dialect: openai_chat, takes_urls: false",
        Dialect::OpenaiResponses => "dialect: openai_responses, takes_urls: false",
        Dialect::Gemini => "dialect: gemini",
        Dialect::BedrockConverse => "dialect: bedrock_converse",
    };
    (provider, dialect, sound(dialect))
}

impl Scene {
    async fn open(targets: Vec<Target>, pages: &[(&'static str, Page)]) -> Self {
        let fetch = "fetch_media: { hosts: [\"*\"], per_request_max: 3, bytes_max: 40B }\n";
        Self::open_with(targets, pages, (fetch, "")).await
    }

    async fn open_with(
        targets: Vec<Target>,
        pages: &[(&'static str, Page)],
        (fetch, route): (&str, &str),
    ) -> Self {
        let (mut peers, mut providers, mut ladder) = (Vec::new(), Vec::new(), Vec::new());
        for (nth, (provider, _, script)) in targets.into_iter().enumerate() {
            let peer = Peer::open(script).await;
            let said = format!("{provider}, base_url: \"http://{}\"", peer.address);
            let model = if provider == BEDROCK { OPUS.to_owned() } else { format!("m{nth}") };
            providers.push(format!("  p{nth}: {{ {said}, api_key: any, tier: full }}\n"));
            ladder.push(format!("      - targets: [{{ target: p{nth}/{model}{SEES} }}]\n"));
            peers.push(peer);
        }
        let (providers, ladder) = (providers.concat(), ladder.concat());
        let yaml = format!(
            "console: off\nstore: none\n{fetch}providers:\n{providers}routes:\n  - name: all\n    \
             models: [\"*\"]\n    trickle: 0\n{route}    ladder:\n{ladder}"
        );
        let (outside, seen) = strangers(pages);
        Self { peers, stage: Stage::open_among(&yaml, outside), seen }
    }

    async fn ask(&self, content: &Value) -> Got {
        self.stage.send(&call(content)).await
    }

    /// What this target was asked.
    async fn asked(&mut self, nth: usize) -> Value {
        serde_json::from_slice(&self.peers[nth].taken().await.body).unwrap()
    }
}

fn call(content: &Value) -> Call {
    let messages = [json!({ "role": "user", "content": content })];
    let body = json!({ "model": "m0", "max_tokens": 9, "messages": messages });
    Call {
        method: "POST",
        path: "/v1/messages".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

fn image(url: &str) -> Value {
    json!({ "type": "image", "source": { "type": "url", "url": url } })
}

fn document(url: &str) -> Value {
    json!({ "type": "document", "source": { "type": "url", "url": url } })
}

fn one_image() -> Value {
    json!([image("https://cdn.example.com/a.png")])
}

#[tokio::test]
async fn a_target_of_every_dialect_that_takes_bytes_only_gets_them_with_their_right_type() {
    for (dialect, places) in [
        (
            Dialect::BedrockConverse,
            vec![
                ("/messages/0/content/0/image/format", "png"),
                ("/messages/0/content/0/image/source/bytes", PNG_BASE64),
                ("/messages/0/content/1/document/format", "pdf"),
                ("/messages/0/content/1/document/source/bytes", PDF_BASE64),
            ],
        ),
        (
            Dialect::Gemini,
            vec![
                ("/contents/0/parts/0/inlineData/mimeType", "image/png"),
                ("/contents/0/parts/0/inlineData/data", PNG_BASE64),
                ("/contents/0/parts/1/inlineData/mimeType", "application/pdf"),
                ("/contents/0/parts/1/inlineData/data", PDF_BASE64),
            ],
        ),
        (
            CLAUDE,
            vec![
                ("/messages/0/content/0/source/media_type", "image/png"),
                ("/messages/0/content/0/source/data", PNG_BASE64),
                ("/messages/0/content/1/source/media_type", "application/pdf"),
                ("/messages/0/content/1/source/data", PDF_BASE64),
            ],
        ),
    ] {
        let png = Page::Of("image/jpeg", PNG);
        let pdf = Page::Of("application/octet-stream", PDF);
        let pages = [(CDN, png), ("cdn.example.com/b.pdf", pdf)];
        let mut scene = Scene::open(dead_and(dialect), &pages).await;
        let (picture, paper) = ("https://cdn.example.com/a.png", "https://CDN.example.com/b.pdf");
        let got = scene.ask(&json!([image(picture), document(paper), image(picture)])).await;
        assert_eq!(got.status, 200, "{dialect}: {}", got.everything());
        assert_eq!(got.header("backstop-fetched"), "3", "{dialect}");
        assert_eq!(scene.seen.asked(), ["cdn.example.com/b.pdf", CDN], "each once");
        let asked = scene.asked(1).await;
        for (place, value) in places {
            assert_eq!(asked.pointer(place), Some(&value.into()), "{dialect} {place}: {asked}");
        }
        scene.stage.assert_idle("nothing is left of it").await;
        scene.stage.until(|| scene.stage.gateway.status()["held_bytes"] == 0, "held").await;
    }
}

#[tokio::test]
async fn a_document_of_plain_text_comes_as_text() {
    let pages = [("cdn.example.com/a.txt", Page::Of("text/plain", b"the terms"))];
    let mut scene = Scene::open(dead_and(CLAUDE), &pages).await;
    let got = scene.ask(&json!([document("https://cdn.example.com/a.txt")])).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    let source = &scene.asked(1).await["messages"][0]["content"][0]["source"];
    assert_eq!(source["data"], "the terms");
}

#[tokio::test]
async fn the_clients_own_bytes_go_to_a_cloud_with_nothing_changed_but_the_source() {
    let targets = vec![(BEDROCK, CLAUDE, sound(CLAUDE))];
    let mut scene = Scene::open(targets, &[(CDN, Page::Of("image/png", PNG))]).await;
    let body = "{ \"max_tokens\":9,\n\"temperature\":1.0,\"messages\":[{\"role\":\"user\",\
                \"content\":[{\"source\":{\"url\":\"https:\\/\\/cdn.example.com/a.png\",\"type\":\
                \"url\"} ,\"type\":\"image\"}]}],\"model\":\"claude-opus-4-6\"}";
    let mut call = call(&one_image());
    call.body = body.as_bytes().to_vec();
    let got = scene.stage.send(&call).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    let sent = scene.peers[0].taken().await;
    assert!(sent.head.contains("claude-opus-4-6-v1/invoke http/1.1"), "{}", sent.head);
    let sent = String::from_utf8(sent.body).unwrap();
    let kept = format!(
        "\"max_tokens\":9,\n\"temperature\":1.0,\"messages\":[{{\"role\":\"user\",\"content\":[{{\
         \"source\":{{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"{PNG_BASE64}\"}} \
         ,\"type\":\"image\"}}]}}]"
    );
    assert!(sent.contains(&kept), "{sent}");
}

#[tokio::test]
async fn nothing_is_fetched_for_a_target_that_takes_addresses_or_while_one_answers() {
    let own = ("dialect: anthropic_messages", CLAUDE, sound(CLAUDE));
    let scene = Scene::open(vec![own, plain(Dialect::BedrockConverse)], &[]).await;
    let got = scene.ask(&one_image()).await;
    assert_eq!((got.status, got.header("backstop-fetched")), (200, ""), "{}", got.everything());
    // Chat Completions takes images by their address.
    let chat = ("dialect: openai_chat", Dialect::OpenaiChat, sound(Dialect::OpenaiChat));
    let targets = vec![("dialect: anthropic_messages", CLAUDE, dead()), chat];
    let other = Scene::open(targets, &[]).await;
    assert_eq!(other.ask(&one_image()).await.status, 200);
    assert_eq!((scene.seen.asked(), other.seen.asked()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn without_the_setting_nothing_is_fetched_and_the_target_does_not_get_the_request() {
    let targets = vec![plain(Dialect::BedrockConverse)];
    let scene = Scene::open_with(targets, &[(CDN, Page::Of("image/png", PNG))], ("", "")).await;
    let got = scene.ask(&one_image()).await;
    assert_eq!(got.header("backstop-error"), "unsupported_feature", "{}", got.everything());
    assert_eq!((scene.seen.asked(), scene.peers[0].untold()), (Vec::new(), 0));
}

#[tokio::test]
async fn one_fetching_is_for_all_targets_of_a_request() {
    let mut targets = dead_and(Dialect::BedrockConverse);
    targets[1].2 = dead();
    targets.push(plain(Dialect::Gemini));
    let mut scene = Scene::open(targets, &[(CDN, Page::Of("image/png", PNG))]).await;
    let got = scene.ask(&one_image()).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    assert_eq!(scene.seen.asked(), [CDN]);
    for nth in [1, 2] {
        assert!(scene.asked(nth).await.to_string().contains(PNG_BASE64), "{nth}");
    }
}

#[tokio::test]
async fn what_cannot_be_fetched_keeps_the_target_out_and_its_health_untouched() {
    let mut targets = dead_and(Dialect::BedrockConverse);
    targets.push(plain(Dialect::Gemini));
    targets.push(("dialect: openai_chat", Dialect::OpenaiChat, sound(Dialect::OpenaiChat)));
    let scene = Scene::open(targets, &[]).await;
    let got = scene.ask(&one_image()).await;
    // The next that takes the address itself.
    assert!(got.header("backstop-answer").starts_with("target=p3/m3"), "{}", got.everything());
    let why = "lacks the image at cdn.example.com: it answered 404";
    let tried = got.header("backstop-attempts");
    assert!(tried.contains(&format!("p1/m1; unfit=\"{why}\"")), "{tried}");
    assert!(tried.contains(&format!("p2/m2; unfit=\"{why}\"")), "{tried}");
    assert!(got.header("backstop-answer").contains("attempts=2"), "{}", got.everything());
    assert_eq!(scene.seen.asked(), [CDN], "a refusal is not asked for twice");
    assert_eq!((scene.peers[1].untold(), scene.peers[2].untold()), (0, 0));
    let rows = scene.stage.rows(1).await;
    assert!(rows[0].losses.contains(&format!("p1/m1={why}")), "{:?}", rows[0].losses);
    let target = &scene.stage.gateway.status()["targets"]["p1/m1"];
    assert_eq!((&target["state"], &target["in_flight"]), (&json!("closed"), &json!(0)));
}

#[tokio::test]
async fn where_nobody_is_left_the_client_reads_which_host_failed_and_why() {
    let long = json!([image("https://cdn.example.com/a.png"), image("https://cdn.example.com/b")]);
    let many: Vec<Value> =
        (0..4).map(|nth| image(&format!("https://cdn.example.com/{nth}"))).collect();
    let big: &[u8] = b"\x89PNG\r\n\x1a\n this is more than half";
    for (content, page, words) in [
        (one_image(), Page::To("https://inside.example.net/latest/meta-data"), REDIRECTED),
        (one_image(), Page::To("https://169.254.169.254/latest/meta-data"), REDIRECTED),
        (one_image(), Page::Of("image/png", b"<!doctype html>"), " at cdn.example.com: it is no "),
        (long, Page::Of("image/png", big), " at cdn.example.com: it is larger than is allowed"),
        (json!(many), Page::Of("image/png", PNG), "names more addresses than are fetched"),
        (json!([document("https://cdn.example.com/a.png")]), Page::Of("", PNG), "calls it a doc"),
        (json!([image("https://inside.example.net/a")]), Page::Of("", PNG), NOT_PUBLIC),
        (json!([image("https://unknown.example.net/a")]), Page::Of("", PNG), NOT_PUBLIC),
        (json!([image("http://cdn.example.com/a.png")]), Page::Of("", PNG), "image: its address"),
        (json!([image("https://10.0.0.7/a.png")]), Page::Of("", PNG), "image: its address"),
    ] {
        let pages = [(CDN, page), ("cdn.example.com/b", page)];
        let targets = vec![plain(Dialect::BedrockConverse)];
        let scene = Scene::open(targets, &pages).await;
        let got = scene.ask(&content).await;
        assert_eq!(got.status, 400, "{}", got.everything());
        assert_eq!(got.header("backstop-error"), "media_failed", "{}", got.everything());
        let body = got.json();
        assert_eq!(body["error"]["type"], "invalid_request_error", "{body}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("cannot fetch the ") && message.contains(words), "{message}");
        for never in ["10.0", "169.254", "meta-data", "html", "secret"] {
            assert!(!got.everything().contains(never), "{never} in {}", got.everything());
        }
        assert_eq!(scene.peers[0].untold(), 0);
    }
}

const REDIRECTED: &str = " at cdn.example.com: it redirects to where the gateway may not go";
const NOT_PUBLIC: &str = ".example.net: its name leads to no public address";

#[tokio::test]
async fn a_failure_of_others_is_told_first_and_then_what_could_not_be_fetched() {
    let mut targets = dead_and(Dialect::BedrockConverse);
    targets[0].2 = Script::whole("402 Payment Required", b"{}");
    let scene = Scene::open(targets, &[]).await;
    let got = scene.ask(&one_image()).await;
    assert_eq!((got.status, got.header("backstop-error")), (529, "rung_exhausted"));
    let said = got.json()["error"]["message"].to_string();
    assert!(said.contains("1 attempt at 1 vendor"), "{said}");
    assert!(said.contains("cannot fetch the image at cdn.example.com: it answered 404"), "{said}");
}

#[tokio::test]
async fn the_time_of_a_fetch_is_not_the_targets() {
    let slow = Page::Slow(PNG);
    let fetch = "fetch_media: { hosts: [cdn.example.com] }\n";
    let route = "    first_token_max: 200ms\n";
    let targets = vec![plain(Dialect::BedrockConverse)];
    let scene = Scene::open_with(targets, &[(CDN, slow)], (fetch, route)).await;
    let got = scene.ask(&one_image()).await;
    assert_eq!(got.status, 200, "{}", got.everything());
}

#[tokio::test]
async fn a_fetch_takes_no_more_than_half_of_what_the_request_has_left() {
    let fetch = "fetch_media: { hosts: [cdn.example.com] }\n";
    let targets = vec![plain(Dialect::BedrockConverse)];
    let pages = [(CDN, Page::Begun(PNG))];
    let scene = Scene::open_with(targets, &pages, (fetch, "    deadline: 400ms\n")).await;
    let got = scene.ask(&one_image()).await;
    assert_eq!(got.header("backstop-error"), "media_failed", "{}", got.everything());
    assert!(got.text().contains("it did not come in time"), "{}", got.everything());
    scene.seen.left.notified().await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_fetch_and_frees_all_of_it() {
    let scene =
        Scene::open(vec![plain(Dialect::BedrockConverse)], &[(CDN, Page::Begun(PNG))]).await;
    let mut client = TcpStream::connect(scene.stage.address).await.unwrap();
    client.write_all(&call(&one_image()).bytes()).await.unwrap();
    scene.seen.waiting.notified().await;
    drop(client);
    scene.seen.left.notified().await;
    scene.stage.assert_idle("the client has left").await;
    scene.stage.until(|| scene.stage.gateway.status()["held_bytes"] == 0, "held").await;
    assert_eq!(scene.peers[0].untold(), 0);
}
