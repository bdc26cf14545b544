//! Outages as data, and the simulated providers, clients and baselines that act them out.
//!
//! A [`Scenario`] is read from YAML. A [`World`] plays its providers: it is asked, told the time,
//! and answers with a timed script of bytes and faults. A [`Workload`] plays the clients, an
//! [`Ear`] judges what they got, a [`Tally`] counts it, and the [`Strategy`] machines are the
//! baselines that every figure is printed beside.
//!
//! Absent on purpose: clocks, sockets, files, tasks, and the gateway's own dialect code: what
//! tests a translator must not share its mistakes.
//!
//! Start reading at [`Scenario`] and [`World`].

mod severity;
mod symptom;

mod scenario;

mod ask;
mod continuation;
mod digest;
mod intake;
mod refusal;
mod sample;
mod script;
mod speech;
mod wire;

mod world;

mod ear;
mod item;
mod workload;

mod baseline;
mod oracle;
mod seen;
mod strategy;
mod tally;

pub use ask::{Ask, Delivery, ToolAsk};
pub use baseline::play;
pub use continuation::{Continuation, ContinuationMix, ContinuationMode};
pub use ear::{Ear, Flaw, Heard};
pub use intake::{Intake, RequestHead};
pub use item::{Verdict, Wish, WorkItem};
pub use oracle::oracle;
pub use refusal::Refusal;
pub use scenario::{
    Base, Demo, Evidence, Kind, LadderRung, Latency, Phase, Population, ProviderSettings, Ramp,
    Scenario, ScenarioError, Scope, Segment, Spread, Wave, WorkloadSettings,
};
pub use script::{Act, Outcome, Reply, Step, Token};
pub use seen::{Seen, SeenKind};
pub use severity::{Severity, Shares};
pub use speech::is_sealed;
pub use strategy::{Direct, Move, Naive, SdkRetries, Strategy};
pub use symptom::{Complaint, ErrorForm, ErrorPlace, Knobs, RetryAdvice, Symptom};
pub use tally::{Figures, Report, Tally};
pub use workload::{Arrival, Workload};
pub use world::{Behaviour, Connecting, SDK_LOGIN, World};
