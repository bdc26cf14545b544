//! The shape of `backstop.yaml` for editors: types that only describe, read by nobody.
//!
//! [`crate::read()`] is what decides; a test keeps the keys of both equal.
#![expect(dead_code, reason = "these types are looked at by schemars only")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

mod catalogue;
mod identity;
mod route;

use catalogue::Catalogue;
use identity::Identity;
use route::Route;

/// The JSON Schema of a settings file, for completion and hints in editors.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Whole).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "Backstop settings".into());
    }
    schema
}

/// Settings of the Backstop gateway.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Whole {
    /// Where applications connect; the default is `127.0.0.1:8080`. Off loopback, `keys` are needed.
    listen: Option<String>,
    /// Where operators connect: health, metrics, status; the default is `127.0.0.1:8081`, `off` switches it off.
    console: Option<Switchable>,
    /// The file of the embedded store; the default is `backstop.db`, `none` keeps nothing on disk.
    store: Option<Switchable>,
    /// TLS for `listen`.
    tls: Option<Tls>,
    /// Origins that browsers may call from, like `https://app.example.com`; `*` allows all.
    cors: Option<Vec<String>>,
    /// Names besides `localhost` by which browsers and clients may call this machine, like `host.docker.internal`.
    hosts: Option<Vec<String>>,
    /// The keys of applications, as hashes.
    keys: Option<Vec<Key>>,
    /// A PEM file of further certificate authorities, trusted for providers.
    ca_file: Option<String>,
    /// The gateway's own limits.
    limits: Option<Limits>,
    /// Which images and documents the gateway fetches itself, for targets that take no addresses; none by default.
    fetch_media: Option<FetchMedia>,
    /// What you know of models better than the catalogue.
    catalogue: Option<Catalogue>,
    /// Providers of models by name.
    providers: BTreeMap<String, Provider>,
    /// Which models are answered by which ladder; the first match wins. Without it the gateway makes routes by itself.
    routes: Option<Vec<Route>>,
    /// Business processes and the routes they hang on; everything else in them is kept for reports.
    workflows: Option<BTreeMap<String, Workflow>>,
}

/// A text, or `off`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Switchable {
    Text(String),
    Off(bool),
}

/// A duration with its unit: `250ms`, `60s`, `10m`, `24h`, `30d`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Time {
    Amount(#[schemars(regex(pattern = r"^([0-9.]+ ?(ms|s|m|h|d)|0|.*\$\{.*\}.*)$"))] String),
    Nothing(#[schemars(range(max = 0))] u64),
}

/// A size with its unit: `64KiB`, `32MiB`, `1GiB`.
#[derive(Deserialize, JsonSchema)]
struct Bytes(#[schemars(regex(pattern = r"^([0-9.]+ ?([KMGkmg]?i?[Bb])|.*\$\{.*\}.*)$"))] String);

/// A share of a whole: `99.9%`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Percent {
    Amount(#[schemars(regex(pattern = r"^([0-9.]+ ?%|0|.*\$\{.*\}.*)$"))] String),
    Nothing(#[schemars(range(max = 0))] u64),
}

/// A whole number, or a variable that holds one.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Variable(#[schemars(regex(pattern = r"^\$\{.*\}$"))] String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tls {
    /// A PEM file with the certificate chain.
    certificate: String,
    /// A PEM file with the private key.
    key: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Key {
    /// Its name in journal and metrics.
    name: String,
    /// BLAKE3 of the key, 64 hexadecimal digits: `printf %s KEY | b3sum`.
    #[schemars(regex(pattern = r"^((blake3:)?[0-9a-fA-F]{64}|.*\$\{.*\}.*)$"))]
    hash: String,
    /// The application it belongs to.
    app: Option<String>,
    /// The most requests a minute; without it there is no limit.
    requests_per_minute: Option<Number>,
    /// Whether it opens what providers offer under `/passthrough/`; `true` by default.
    passthrough: Option<bool>,
}

/// A provider; one known by name (`anthropic`, `openai`, `ollama` and others) needs no address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Provider {
    /// Which known provider it is, where its name does not say so; `compatible` for any other server.
    kind: Option<Kind>,
    /// The API it speaks, or a list of those it speaks.
    dialect: Option<Dialects>,
    /// Scheme, host, port and path prefix: `http://127.0.0.1:8000/v1`.
    base_url: Option<String>,
    /// The Azure resource, of kinds `azure` and `foundry`; its host is made of it.
    resource: Option<String>,
    /// The version of Azure's API: a date puts the deployment into the path; without it `/openai/v1` is used.
    api_version: Option<String>,
    /// The AWS region, of kind `bedrock`; `AWS_REGION` by default.
    region: Option<String>,
    /// Which of Bedrock's surfaces is used; `runtime` by default.
    surface: Option<Surface>,
    /// The Google Cloud project, of kind `vertex`; `GOOGLE_CLOUD_PROJECT` by default.
    project: Option<String>,
    /// The Google Cloud region, or `global`, `us`, `eu`; `global` by default.
    location: Option<String>,
    /// The provider's own names of models (deployments, inference profiles), by the names we use.
    models: Option<BTreeMap<String, String>>,
    /// Its key, best as a variable: `${OPENAI_API_KEY}`.
    api_key: Option<String>,
    /// Several keys, each a target of its own.
    credentials: Option<Vec<Credential>>,
    /// `from_client` passes the client's own credential on; `none` sends none.
    credential: Option<CredentialWord>,
    /// Tokens that are renewed: `entra`, `aws`, `google`, or more about one of them.
    identity: Option<Identity>,
    /// Who is behind it: providers of one vendor fail together.
    vendor: Option<String>,
    /// What its answers are worth; local servers are `degraded` by default.
    tier: Option<Tier>,
    /// The most attempts in flight at once.
    concurrency: Option<Number>,
    /// The longest that opening a connection may take: DNS, TCP and TLS together; `3s` by default.
    connect_max: Option<Time>,
    /// Whether applications may reach the provider's own paths under `/passthrough/`; or the beginnings of those they may.
    passthrough: Option<Passthrough>,
    /// Whether it fetches images and documents itself that are given by URL; `false` for `ollama`, else `true`.
    takes_urls: Option<bool>,
    /// The HTTP proxy to go through, or `none`; the default is the environment's.
    proxy: Option<String>,
    /// The vendor's public status page, a hint only.
    status_page: Option<String>,
}

/// Everything, nothing, or the paths that begin so.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Passthrough {
    All(bool),
    Some(#[schemars(inner(regex(pattern = r"^/.")))] Vec<String>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Anthropic,
    Openai,
    Azure,
    Foundry,
    Bedrock,
    Vertex,
    Gemini,
    Openrouter,
    Mistral,
    Groq,
    Deepseek,
    Xai,
    Together,
    Ollama,
    Vllm,
    Llamacpp,
    Lmstudio,
    Compatible,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Dialect {
    AnthropicMessages,
    OpenaiChat,
    OpenaiResponses,
    Gemini,
    BedrockConverse,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Dialects {
    One(Dialect),
    /// The first is spoken to clients of other dialects.
    Several(#[schemars(length(min = 1))] Vec<Dialect>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Surface {
    /// `InvokeModel`: every Claude model, in every region that has it.
    Runtime,
    /// The Messages API itself.
    Anthropic,
    /// `OpenAI`'s API, for its open models and others.
    Openai,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CredentialWord {
    FromClient,
    None,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Tier {
    Full,
    Degraded,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credential {
    /// Its name in headers and journal.
    name: String,
    /// The key, best as a variable.
    api_key: Option<String>,
    /// Tokens that are renewed, in place of a key: `entra`, `aws`, `google`, or more about one of them.
    identity: Option<Identity>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// The largest request body; `32MiB` by default.
    body_max: Option<Bytes>,
    /// The largest whole answer held; `64MiB` by default.
    answer_max: Option<Bytes>,
    /// All bytes held for hold-back, retry and resume together; `512MiB` by default.
    held_max: Option<Bytes>,
    /// The largest head of a request; `64KiB` by default.
    header_max: Option<Bytes>,
    /// Connections of clients at once; 10,000 by default.
    connections_max: Option<Number>,
    /// Requests in progress at once; 10,000 by default.
    requests_max: Option<Number>,
    /// How long a client may take to send its headers; `10s` by default.
    header_time_max: Option<Time>,
    /// How long a client may take to send its body; `60s` by default.
    body_time_max: Option<Time>,
    /// Threads that serve requests; 0, the default, is one per core.
    threads: Option<Number>,
    /// The largest journal on disk; `1GiB` by default.
    journal_max: Option<Bytes>,
    /// The oldest journal entry kept; `30d` by default.
    journal_age_max: Option<Time>,
    /// Clean endings journaled per second, above which they are sampled; 200 by default.
    journal_rate_max: Option<Number>,
    /// All answers of Responses and turns of threads kept in memory for their clients to go on from; `64MiB` by default, `off` for none.
    transcripts_max: Option<Bytes>,
    /// The oldest of them; `24h` by default.
    transcripts_age_max: Option<Time>,
    /// Answers of Responses in the making at once with `background: true`; 1000 by default, 0 for none.
    background_max: Option<Number>,
    /// Those of one gateway key; 100 by default.
    background_per_key_max: Option<Number>,
    /// How long one of them may take; `1h` by default.
    background_time_max: Option<Time>,
    /// All events of them kept for clients to read again; `64MiB` by default.
    background_events_max: Option<Bytes>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FetchMedia {
    /// From where: names, `*.example.com` for those below one, `*` for every public host.
    hosts: Vec<String>,
    /// All that one request fetches; `20MB` by default.
    bytes_max: Option<Bytes>,
    /// The longest that it may take for one attempt; `10s` by default.
    time_max: Option<Time>,
    /// Redirects of one address; 3 by default.
    redirects_max: Option<Number>,
    /// Addresses of one request; 20 by default.
    per_request_max: Option<Number>,
    /// The HTTP proxy to go through, or `none`; the default is the environment's. Only with hosts that are named.
    proxy: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Workflow {
    /// The routes it uses.
    routes: Option<Vec<String>>,
    /// Who owns it.
    owner: Option<String>,
}

#[cfg(test)]
mod tests;
