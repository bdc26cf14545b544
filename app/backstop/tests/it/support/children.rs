//! The binary as a child: started with a clean environment, read line by line, ended by its id.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a test waits for something that should come; only a broken binary needs it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command line of the binary under test, without the variables of whoever runs the tests.
pub(crate) struct Backstop(Command);

impl Backstop {
    pub(crate) fn new(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
        command.args(args).env_clear();
        for kept in ["PATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        // A model server on the machine that runs the tests is no part of them.
        command.env("OLLAMA_HOST", "127.0.0.1:1");
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        Self(command)
    }

    /// The same, allowed to have no more than so many files and sockets open.
    #[cfg(unix)]
    pub(crate) fn with_descriptors(most: u32, args: &[&str]) -> Self {
        let plain = Self::new(args);
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {most} && exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(plain.get_program()).args(plain.get_args());
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self(command)
    }

    /// Runs it to its end, with this on standard input.
    pub(crate) fn finish(mut self, input: &[u8]) -> Output {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A child that does not read its input must not stop the test.
        let writer = thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        let _ignored = writer.join().unwrap();
        output
    }

    /// Starts it and reads what it says.
    pub(crate) fn start(self) -> Running {
        let mut running = self.start_unheard();
        let errors = running.child.stderr.take().unwrap();
        running.reader = Some(collect(errors, Arc::clone(&running.errors)));
        running
    }

    /// Starts it and reads its standard output; standard error is a pipe that nobody empties.
    pub(crate) fn start_unheard(mut self) -> Running {
        self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Running { child, lines, errors: Arc::default(), reader: None }
    }
}

impl Deref for Backstop {
    type Target = Command;

    fn deref(&self) -> &Command {
        &self.0
    }
}

impl DerefMut for Backstop {
    fn deref_mut(&mut self) -> &mut Command {
        &mut self.0
    }
}

fn collect(
    mut from: impl Read + Send + 'static,
    into: Arc<Mutex<String>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    })
}

/// A child that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Running {
    /// The next line of standard output that contains this; lines before it are dropped.
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(error) => {
                    panic!("no line with `{part}`: {error}\n{seen:#?}\n{}", self.errors())
                }
            }
        }
    }

    /// The lines of standard output that were not read yet, until it ends.
    #[cfg(unix)]
    pub(crate) fn last_lines(&mut self) -> Vec<String> {
        self.lines.iter().collect()
    }

    /// Closes our end of its standard output with its first line.
    #[cfg(unix)]
    pub(crate) fn stop_reading(&mut self) {
        let (_sender, nothing) = channel();
        // The reading thread ends with the line it cannot hand over, and with it the pipe.
        drop(std::mem::replace(&mut self.lines, nothing));
    }

    /// What it wrote to standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, as `kill` knows it.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(OsStr::new(name)).arg(self.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end; what it wrote to standard error is complete then.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}
