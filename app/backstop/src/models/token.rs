//! A token for one question, where a provider knows no keys.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use backstop_gateway::Clock;
use backstop_identity::{Answer, BoxFuture, Keeper, Outside, Pass, Proof, Question, Signing, sign};
use backstop_providers::{Ask, Client, Endpoint, TlsTrust};
use backstop_settings::{Giver, Identity, Provider};
use backstop_surfaces::Surface;
use backstop_vocabulary::{Class, Failure, Moment};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use tokio::time::timeout;

/// The region that is signed for where nobody names one.
const REGION: &str = "us-east-1";

/// What is shown to a provider, page by page.
pub(super) struct Token {
    proof: Proof,
    region: String,
    clock: Clock,
}

impl Token {
    /// Asks for the token of a provider's credential, once.
    pub(super) async fn of(
        provider: &Provider,
        identity: &Identity,
        (client, trust): (&Arc<Client>, &Arc<TlsTrust>),
    ) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let pass = Arc::new(Pass::new(Arc::clone(&provider.name), identity.clone()));
        let world = World { clock, client: Arc::clone(client), trust: Arc::clone(trust) };
        let keeper = Keeper::new(&pass, Arc::new(world), Arc::default(), 0);
        let granted = tokio::select! {
            granted = pass.wait(clock.now()) => granted,
            () = keeper.keep() => Err(pass.failure()),
        };
        let grant = granted.map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
        Ok(Self { proof: grant.proof.clone(), region: region(provider, identity), clock })
    }

    /// Adds it to a question that is complete but for that.
    pub(super) fn show(&self, ask: &mut Ask, endpoint: &Endpoint) -> anyhow::Result<()> {
        let unfit = "its token holds characters that no header may";
        match &self.proof {
            Proof::Bearer(token) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
                    .map_err(|_| anyhow::anyhow!(unfit))?;
                value.set_sensitive(true);
                ask.headers.insert(header::AUTHORIZATION, value);
            }
            Proof::Aws(keys) => {
                let signing = Signing {
                    method: &ask.method,
                    host: endpoint.host_header().to_str()?,
                    path: ask.path.as_str(),
                    headers: &[],
                    body: &ask.body,
                    region: &self.region,
                    service: "bedrock",
                    unix_secs: self.clock.unix_secs(self.clock.now()),
                };
                ask.headers.extend(sign(keys, &signing).context(unfit)?);
            }
        }
        Ok(())
    }
}

/// The region to sign for: as the identity says, else as the provider does.
fn region(provider: &Provider, identity: &Identity) -> String {
    let Giver::Aws(aws) = &identity.giver else { return String::new() };
    let offered = match &provider.surface {
        Surface::Bedrock { region } if !region.is_empty() => Some(&**region),
        Surface::Bedrock { .. }
        | Surface::Plain
        | Surface::AzureV1 { .. }
        | Surface::AzureDeployments { .. }
        | Surface::Vertex { .. } => None,
    };
    let named = aws.region.as_deref().or(offered).or(aws.usual_region.as_deref());
    named.unwrap_or(REGION).to_owned()
}

/// The world of token endpoints, as far as a command needs it.
struct World {
    clock: Clock,
    client: Arc<Client>,
    trust: Arc<TlsTrust>,
}

impl World {
    async fn exchange(
        &self,
        question: Question,
        (deadline, bytes_max): (Duration, usize),
    ) -> Result<Answer, Failure> {
        let odd = |what: String| Failure::new(Class::ConnectFailed, what);
        let endpoint = Endpoint::new(&question.base, question.proxy.as_deref(), &self.trust);
        let endpoint = Arc::new(endpoint.map_err(|error| odd(error.to_string()))?);
        let path = PathAndQuery::try_from(question.path.as_str());
        let path = path.map_err(|_| odd("its address holds what a URL may not".to_owned()))?;
        let mut headers: HeaderMap = question.headers;
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("backstop"));
        let ask = Ask { method: question.method, path, headers, body: question.body };
        let reply = self.client.send(&endpoint, ask, deadline).await?;
        let (status, headers) = (reply.status, reply.headers.clone());
        let body = reply.body.collect(bytes_max).await?;
        Ok(Answer { status, headers, body })
    }
}

impl Outside for World {
    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn unix_secs(&self) -> u64 {
        self.clock.unix_secs(self.clock.now())
    }

    fn ask(
        &self,
        question: Question,
        deadline: Duration,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Answer, Failure>> {
        Box::pin(async move {
            let exchange = Box::pin(self.exchange(question, (deadline, bytes_max)));
            timeout(deadline, exchange).await.unwrap_or_else(|_| {
                let what = format!("no answer within {:.1} s", deadline.as_secs_f64());
                Err(Failure::new(Class::FirstTokenTimeout, what))
            })
        })
    }
}
