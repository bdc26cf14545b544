//! `backstop ask`: one question down the ladder, from a script or a terminal.
//!
//! The gateway lives in this process and for this question. No port is opened: on a shared machine
//! nobody else may use our keys meanwhile.

mod provenance;
mod question;
mod reply;

use std::io::{self, ErrorKind, Write as _};
use std::sync::Arc;
use std::time::Duration;

use backstop_gateway::{Core, serve};
use backstop_providers::TcpDial;
use backstop_vocabulary::Fault;
use serde_json::json;
use tokio::runtime::Builder;

use crate::cli;
use crate::configuration::Configuration;
use crate::exit::{Exit, UsageError};
use crate::out::say;
use crate::running;

use provenance::Provenance;
use question::Question;
use reply::{Ended, Reply};

/// Runs the command.
pub(crate) fn run(args: &cli::Ask) -> anyhow::Result<Exit> {
    crate::logs::start_quietly();
    let settings = Configuration::find(args.config.config.as_deref())?.settings_alone();
    if settings.providers.is_empty() {
        return Err(UsageError(
            "no provider is set up: set ANTHROPIC_API_KEY or OPENAI_API_KEY, start Ollama, or \
             write a backstop.yaml"
                .to_owned(),
        )
        .into());
    }
    let question = Question::gather(args, &settings)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let gateway = running::gateway(settings.clone(), running::journal(&settings)?, 1)?;
    let core = Arc::new(gateway.core(0, Arc::new(TcpDial::new())));
    let timeout = Duration::from_secs(args.timeout);
    let asked = async { tokio::time::timeout(timeout, ask(core, &question, args)).await };
    match runtime.block_on(asked) {
        Ok(Ok(reply)) => Ok(finish(args, &question, &reply)),
        Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Success),
        Ok(Err(error)) => Err(anyhow::Error::new(error).context("cannot write the answer")),
        Err(_) => Ok(no_answer(args, &format!("nothing whole within {} s", args.timeout))),
    }
}

/// Sends the question and writes the answer's text as it comes, unless it is wanted as JSON.
async fn ask(core: Arc<Core>, question: &Question, args: &cli::Ask) -> io::Result<Reply> {
    let (head, body) = question.request()?;
    let response = serve(core, head, std::future::ready(Ok(body))).await;
    let mut out = io::stdout();
    Reply::read(question.dialect, response, |text| {
        if args.json {
            return Ok(());
        }
        out.write_all(text.as_bytes())?;
        out.flush()
    })
    .await
}

/// Says how it went where that matters.
fn finish(args: &cli::Ask, question: &Question, reply: &Reply) -> Exit {
    let exit = match &reply.ended {
        Ended::Whole => Exit::Success,
        Ended::Failed(failure) if failure.fault() == Fault::Caller => Exit::Failure,
        Ended::Failed(_) => Exit::Unanswered,
    };
    if args.json {
        say!("{:#}", as_json(question, reply));
        return exit;
    }
    if !reply.text.is_empty() && !reply.text.ends_with('\n') {
        say!();
    }
    match &reply.ended {
        Ended::Whole => {
            for line in reply.provenance.remarks().into_iter().chain(reply.remark()) {
                eprintln!("backstop: {line}");
            }
        }
        Ended::Failed(failure) => {
            let broke = if reply.text.is_empty() { "no answer" } else { "the answer broke off" };
            eprintln!("backstop: {broke}: {failure}");
            if let Some(tried) = reply.provenance.tried() {
                eprintln!("backstop: tried {tried}");
            }
            if let Some(after) = failure.stay_away {
                eprintln!("backstop: try again in {} s", after.as_secs().max(1));
            }
        }
    }
    exit
}

fn no_answer(args: &cli::Ask, why: &str) -> Exit {
    if args.json {
        say!("{:#}", json!({ "error": { "code": "deadline_passed", "message": why } }));
    } else {
        eprintln!("backstop: no answer: {why}");
    }
    Exit::Unanswered
}

fn as_json(question: &Question, reply: &Reply) -> serde_json::Value {
    let Provenance { target, rung, tier, route, attempts, .. } = &reply.provenance;
    let mut answer = json!({
        "answer": reply.text,
        "model": question.model,
        "answered_by": target,
        "rung": rung,
        "tier": tier,
        "route": route,
        "failed_attempts": attempts
            .iter()
            .map(|(target, error)| json!({ "target": target, "error": error }))
            .collect::<Vec<_>>(),
        "lost": reply.provenance.lost,
        "finish": reply.finish.as_ref().map(backstop_exchange::Finish::name),
    });
    if let Some(usage) = reply.usage {
        answer["usage"] = json!({ "input_tokens": usage.input(), "output_tokens": usage.output });
    }
    if let Ended::Failed(failure) = &reply.ended {
        let seconds = failure.stay_away.map(|after| after.as_secs());
        answer["error"] = json!({
            "code": failure.class.code(),
            "message": failure.message,
            "retry_after_s": seconds,
        });
    }
    answer
}
