//! The command as a child: signals in, exit status out, as a shell would have it.

use std::ffi::OsString;
use std::io::{Error, ErrorKind};
use std::process::ExitStatus;

use tokio::process::Command;

use crate::exit::Exit;
use crate::platform::{self, Signals};

/// What shells answer for a command that does not exist.
const NOT_FOUND: u8 = 127;
/// What shells answer for a command that cannot be run.
const NOT_EXECUTABLE: u8 = 126;

/// Runs it to its end with these variables beside its own.
pub(super) async fn run(command: &[OsString], variables: Vec<(&str, String)>) -> Exit {
    let Some((program, args)) = command.split_first() else { return Exit::Usage };
    // Listening before the child exists: a signal in between must reach it, not end us.
    let mut signals = Signals::new();
    let mut child = match Command::new(program).args(args).envs(variables).spawn() {
        Ok(child) => child,
        Err(error) => return cannot_start(program, &error),
    };
    loop {
        let id = child.id();
        tokio::select! {
            ended = child.wait() => return match ended {
                Ok(status) => Exit::Child(code(status)),
                Err(error) => {
                    eprintln!("backstop: cannot wait for the command: {error}");
                    Exit::Failure
                }
            },
            signal = signals.next() => {
                if let Some(id) = id {
                    signal.forward(id);
                }
            }
        }
    }
}

fn cannot_start(program: &OsString, error: &Error) -> Exit {
    let program = program.display();
    if error.kind() == ErrorKind::NotFound {
        eprintln!("backstop: there is no command `{program}`");
        return Exit::Child(NOT_FOUND);
    }
    eprintln!("backstop: cannot run `{program}`: {error}");
    Exit::Child(NOT_EXECUTABLE)
}

fn code(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| platform::ending_signal(status).map(|it| 128 + it));
    // Windows has longer codes: what does not fit is a failure all the same.
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(1)
}
