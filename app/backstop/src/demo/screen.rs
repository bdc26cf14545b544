//! Where the demo is seen: a terminal whose last lines change, a pipe, or nowhere.

use std::io::{IsTerminal as _, Write as _, stdout};

use crate::cli;
use crate::out::say;
use crate::platform;

/// The width where no terminal says it.
const WIDTH: usize = 100;

/// How the demo is shown while it runs.
pub(super) enum Screen {
    /// The lines that change, so many of them now.
    Terminal(usize),
    /// One line at a time.
    Lines,
    /// Nothing: only the result is wanted.
    Dark,
}

impl Screen {
    pub(super) fn new(args: &cli::Demo) -> Self {
        if args.json {
            Self::Dark
        } else if stdout().is_terminal() {
            Self::Terminal(0)
        } else {
            Self::Lines
        }
    }

    /// How many characters a line may have.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Terminal(_) => platform::terminal_width().unwrap_or(WIDTH),
            Self::Lines | Self::Dark => WIDTH,
        }
    }

    /// Prints lines that stay.
    pub(super) fn keep(&mut self, lines: &[String]) {
        match self {
            Self::Terminal(_) => {
                self.change(&[]);
                print(lines);
            }
            Self::Lines => print(lines),
            Self::Dark => {}
        }
    }

    /// Replaces the lines that change, where there are such.
    pub(super) fn change(&mut self, lines: &[String]) {
        let width = self.width();
        let Self::Terminal(shown) = self else { return };
        let mut text = String::new();
        if *shown > 0 {
            // Up to where they began, and clear from there on.
            text.push_str(&up(*shown));
        }
        for line in lines {
            text.push_str(&cut(line, width.saturating_sub(1)));
            text.push('\n');
        }
        *shown = lines.len();
        let mut out = stdout().lock();
        // A terminal that is gone takes its viewer with it.
        let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

fn print(lines: &[String]) {
    for line in lines {
        say!("{line}");
    }
}

/// A line that wraps would spoil the count of lines.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn up(lines: usize) -> String {
    format!("\x1b[{lines}A\x1b[0J")
}
