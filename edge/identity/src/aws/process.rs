//! A program that prints keys; run because our own settings name it, never because a profile does.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::in_json;
use crate::pass::Grant;
use crate::source::Asker;
use crate::trouble::Trouble;

/// The most that a program may print.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

pub(super) async fn run(asker: &Asker<'_>, line: &str) -> Result<Grant, Trouble> {
    let mut words = words(line).into_iter();
    let program = words.next().ok_or_else(|| Trouble::setting("`credential_process` is empty"))?;
    let told = |why: &str| Trouble::setting(format!("the program `{program}` {why}"));
    let mut command = Command::new(&program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn().map_err(|_| told("cannot be started"))?;
    let running = async {
        let mut printed = Vec::new();
        if let Some(output) = child.stdout.take() {
            let mut output = output.take(OUTPUT_BYTES_MAX);
            let _read = output.read_to_end(&mut printed).await;
        }
        let status = child.wait().await;
        status.is_ok_and(|status| status.success()).then_some(printed)
    };
    let printed = timeout(asker.deadline(), running).await;
    let printed = printed.map_err(|_| told("did not end in time"))?;
    let printed = printed.ok_or_else(|| told("failed"))?;
    let value: Value = serde_json::from_slice(&printed).unwrap_or_default();
    let grant = (value["Version"] == 1).then(|| in_json(&value, (asker.now(), asker.unix_secs())));
    grant.flatten().ok_or_else(|| told("printed no keys (`Version`: 1)"))
}

/// Words of a command line; double quotes keep spaces together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for letter in line.chars() {
        if letter == '"' {
            (quoted, begun) = (!quoted, true);
        } else if letter.is_whitespace() && !quoted {
            if begun {
                words.push(std::mem::take(&mut word));
            }
            begun = false;
        } else {
            word.push(letter);
            begun = true;
        }
    }
    if begun {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_together_what_stands_in_quotes() {
        assert_eq!(
            words(r#" "/opt/my tools/keys"  --json "" x"#),
            ["/opt/my tools/keys", "--json", "", "x"]
        );
    }
}
