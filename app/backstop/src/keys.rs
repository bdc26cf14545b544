//! `backstop keys`: keys that applications show, of which only hashes are kept.

use serde_json::json;

use crate::cli;
use crate::exit::{Exit, UsageError};
use crate::out::say;

/// What a key begins with, so that scanners for leaked secrets can know it.
const PREFIX: &str = "bsk_";
/// 256 bits: guessing is out of the question, and the hash needs no salt.
const RANDOM_BYTES: usize = 32;

/// Runs the command.
pub(crate) fn run(args: &cli::Keys) -> anyhow::Result<Exit> {
    match &args.command {
        cli::KeysCommand::New(args) => new(args),
    }
}

fn new(args: &cli::NewKey) -> anyhow::Result<Exit> {
    plain(&args.name)?;
    args.app.as_deref().map_or(Ok(()), plain)?;
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    let key = random.iter().fold(PREFIX.to_owned(), |key, byte| key + &format!("{byte:02x}"));
    let hash = blake3::hash(key.as_bytes()).to_hex();
    if args.json {
        let (name, hash) = (&args.name, hash.as_str());
        say!("{}", json!({ "name": name, "app": args.app, "key": key, "hash": hash }));
        return Ok(Exit::Success);
    }
    let app = args.app.as_ref().map(|app| format!(", app: {app}")).unwrap_or_default();
    say!("key           {key}");
    say!("              shown this once: give it to the application as its API key\n");
    say!("Paste under `keys:` in backstop.yaml:");
    say!("  - {{ name: {}, hash: {hash}{app} }}", args.name);
    Ok(Exit::Success)
}

/// A name that YAML, headers and metrics all take as it is.
fn plain(name: &str) -> Result<(), UsageError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins && name.len() <= 64 && name.bytes().all(fits) {
        return Ok(());
    }
    let what = "a name begins with a letter and has at most 64 letters, digits, `-`, `_` and `.`";
    Err(UsageError(format!("`{name}` is no name for a key: {what}")))
}
