//! `backstop simulate`: simulated providers over real HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstop_catalogue::Catalogue;
use backstop_scenarios::{Base, ProviderSettings, Scenario, World};
use backstop_simulator::{Clock, Entry, Port, Simulator};
use backstop_vocabulary::{Dialect, Moment};
use serde_json::json;
use tokio::runtime::Builder;

use crate::cli;
use crate::exit::{Exit, UsageError};
use crate::out::say;
use crate::{platform, scenario_files};

/// Runs the command.
pub(crate) fn run(args: &cli::Simulate) -> anyhow::Result<Exit> {
    crate::logs::start(crate::logs::Form::Text);
    let scenario = scenario(args)?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(args, scenario))?;
    Ok(Exit::Success)
}

/// The scenario asked for, or a day on which nothing fails.
fn scenario(args: &cli::Simulate) -> anyhow::Result<Scenario> {
    let mut scenario = match &args.scenario {
        Some(named) => scenario_files::load(named)?,
        None => healthy()?,
    };
    if args.from >= scenario.length {
        return Err(UsageError(format!(
            "`--from` is beyond the end of the scenario, which is {} long",
            span(scenario.length)
        ))
        .into());
    }
    for provider in &mut scenario.providers {
        if let Some(millis) = args.first_token_ms {
            provider.latency.first_token.median = Duration::from_millis(millis);
            provider.latency.first_token.p95 = Duration::from_millis(millis);
        }
        if let Some(speed) = args.tokens_per_second {
            provider.latency.tokens_per_second = f64::from(speed);
        }
    }
    Ok(scenario)
}

/// Providers without base errors that know every model of their vendor.
fn healthy() -> anyhow::Result<Scenario> {
    let mut scenario = scenario_files::load("healthy")?;
    let catalogue = Catalogue::built_in();
    for provider in &mut scenario.providers {
        provider.base = Base::default();
        let models = catalogue.models().iter().filter(|model| *model.vendor == *provider.vendor);
        provider.models = models.filter_map(|it| it.listed_name().map(str::to_owned)).collect();
        match provider.vendor.as_str() {
            "anthropic" => provider.models.push("claude-*".to_owned()),
            "openai" => provider.models.push("*".to_owned()),
            "google" => provider.models.push("gemini-*".to_owned()),
            _ => provider.models = vec!["qwen3".to_owned(), "*".to_owned()],
        }
    }
    "nothing fails until you say so".clone_into(&mut scenario.title);
    Ok(scenario)
}

async fn serve(args: &cli::Simulate, scenario: Scenario) -> anyhow::Result<()> {
    let seed = args.seed.unwrap_or(scenario.seed);
    let world = World::new(&scenario, args.severity.severity(), seed);
    let simulator = Simulator::new(world, clock(args));
    let mut places = Vec::new();
    for (nth, provider) in (0_u16..).zip(&scenario.providers) {
        let port = bind(&simulator, provider, args.listen, nth).await?;
        places.push(Place { provider, address: port.address()? });
        tokio::spawn(port.run());
    }
    let ended = platform::asked_to_end();
    if args.json {
        say!("{}", described(&scenario, &places));
    } else {
        announce(args, &scenario, &places);
    }
    tokio::select! {
        () = ended => Ok(()),
        () = follow(args, &scenario) => Ok(()),
    }
}

/// Scenario time: real time since now, this much faster, from where it should begin.
fn clock(args: &cli::Simulate) -> Clock {
    let (started, speed, from) = (Instant::now(), args.speed, args.from);
    Arc::new(move || Moment::ZERO + from + started.elapsed().mul_f64(speed))
}

async fn bind(
    simulator: &Simulator,
    provider: &ProviderSettings,
    first: SocketAddr,
    nth: u16,
) -> anyhow::Result<Port> {
    let mut address = first;
    if first.port() != 0 {
        address.set_port(first.port().saturating_add(nth));
    }
    let entry = Entry::Provider(provider.name.as_str().into());
    simulator.bind(entry, address).await.map_err(|error| {
        let cure = "choose others with `--listen`, or any free ones with port 0";
        UsageError(format!("cannot listen on {address} for {}: {error}; {cure}", provider.name))
            .into()
    })
}

/// A provider and where it is served.
struct Place<'a> {
    provider: &'a ProviderSettings,
    address: SocketAddr,
}

impl Place<'_> {
    /// The base URL as the provider's own clients write it.
    fn url(&self) -> String {
        match self.provider.dialect {
            Dialect::AnthropicMessages | Dialect::Gemini | Dialect::BedrockConverse => {
                format!("http://{}", self.address)
            }
            Dialect::OpenaiChat | Dialect::OpenaiResponses => format!("http://{}/v1", self.address),
        }
    }

    /// The key it takes.
    fn key(&self) -> &str {
        self.provider.keys.first().map_or("simulated", String::as_str)
    }

    /// The variables that lead a gateway without settings here.
    fn environment(&self) -> Vec<(String, String)> {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match self.provider.name.as_str() {
            "anthropic" => vec![
                text("ANTHROPIC_API_KEY", self.key()),
                ("BACKSTOP_ANTHROPIC_BASE_URL".to_owned(), format!("http://{}", self.address)),
            ],
            "openai" => vec![
                text("OPENAI_API_KEY", self.key()),
                ("BACKSTOP_OPENAI_BASE_URL".to_owned(), format!("http://{}", self.address)),
            ],
            "gemini" => vec![
                text("GEMINI_API_KEY", self.key()),
                ("BACKSTOP_GEMINI_BASE_URL".to_owned(), format!("http://{}", self.address)),
            ],
            "local" => vec![("OLLAMA_HOST".to_owned(), self.address.to_string())],
            _ => Vec::new(),
        }
    }
}

/// One JSON object on one line: what a program needs to know.
fn described(scenario: &Scenario, places: &[Place<'_>]) -> serde_json::Value {
    let providers: Vec<_> = places
        .iter()
        .map(|place| {
            json!({
                "name": place.provider.name,
                "dialect": place.provider.dialect.name(),
                "address": place.address.to_string(),
                "base_url": place.url(),
                "key": place.key(),
                "environment": place.environment().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            })
        })
        .collect();
    json!({ "scenario": scenario.name, "providers": providers })
}

fn announce(args: &cli::Simulate, scenario: &Scenario, places: &[Place<'_>]) {
    say!("simulating    {}\n", scenario.title);
    for place in places {
        let dialect = place.provider.dialect.name();
        say!("{:<13} {:<28} {dialect}", place.provider.name, place.url());
    }
    say!("\nPoint a gateway at them:");
    for (name, value) in places.iter().flat_map(Place::environment) {
        say!("  {}", platform::set_variable(&name, &value));
    }
    say!("  backstop serve");
    if let Some(place) = places.first() {
        let control = format!("http://{}/simulator", place.address);
        say!("\nMake one fail while they run, and mend it:");
        let wish = json!({ "provider": place.provider.name, "symptom": "http_529" }).to_string();
        say!("  {}", platform::put(&format!("{control}/behaviour"), &wish));
        say!("  curl -X DELETE {control}/behaviour");
        say!("  curl {control}/requests");
    }
    if args.scenario.is_some() {
        say!("\nThe timeline, {}; Ctrl-C ends", pace(args.speed));
    } else {
        say!("\nCtrl-C ends");
    }
}

fn pace(speed: f64) -> String {
    if (speed - 1.0).abs() < f64::EPSILON {
        "in real time".to_owned()
    } else {
        format!("{speed} times faster")
    }
}

/// Says what happens as it happens. Never ends: what was healthy at the end stays so.
async fn follow(args: &cli::Simulate, scenario: &Scenario) {
    if args.scenario.is_none() {
        std::future::pending::<()>().await;
    }
    let started = tokio::time::Instant::now();
    for segment in scenario.segments().iter().filter(|segment| segment.to > args.from) {
        let wait = segment.from.saturating_sub(args.from).div_f64(args.speed);
        tokio::time::sleep_until(started + wait).await;
        happened(args, scenario, (segment.from.max(args.from), &segment.name));
    }
    let wait = scenario.length.saturating_sub(args.from).div_f64(args.speed);
    tokio::time::sleep_until(started + wait).await;
    happened(args, scenario, (scenario.length, "over: all healthy from here on"));
    std::future::pending::<()>().await;
}

fn happened(args: &cli::Simulate, scenario: &Scenario, (at, what): (Duration, &str)) {
    let clock = wall(scenario, at);
    if args.json {
        say!("{}", json!({ "at_s": at.as_secs(), "clock": clock, "phase": what }));
    } else {
        say!("  {clock}  {what}");
    }
}

/// The wall time of the day that is played.
fn wall(scenario: &Scenario, at: Duration) -> String {
    let unix = i64::try_from(scenario.start_unix + at.as_secs()).unwrap_or(0);
    let moment = jiff::Timestamp::from_second(unix).unwrap_or_default();
    moment.strftime("%e %b %H:%M").to_string()
}

/// `36h 5m`, to the minute, or seconds below one.
fn span(length: Duration) -> String {
    match (length.as_secs() / 3600, length.as_secs() / 60 % 60) {
        (0, 0) => format!("{}s", length.as_secs()),
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h {minutes}m"),
    }
}
