//! Where settings come from: a file, or the environment and a local model server.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_settings::{
    Finding, Settings, SettingsError, catalogue_file, discover, read, render_errors,
};

use crate::exit::UsageError;
use crate::out::say;
use crate::{environment, knowledge, local_models};

/// The most that a journal in memory keeps: nobody reads it.
const MEMORY_JOURNAL_BYTES_MAX: u64 = 1 << 20;

/// Settings, and where they come from.
pub(crate) struct Configuration {
    pub(crate) settings: Settings,
    pub(crate) source: Source,
    /// What was found, when nothing was written; and what is wrong beside the settings.
    pub(crate) findings: Vec<Finding>,
    /// Where what was collected of models lies.
    pub(crate) collected: String,
}

/// Where settings come from.
pub(crate) enum Source {
    File(PathBuf),
    Environment,
}

impl Source {
    /// What people know it by.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Environment => "the environment".to_owned(),
        }
    }
}

/// Settings that cannot be used, with everything that is wrong.
#[derive(Debug)]
pub(crate) struct BadSettings {
    pub(crate) file: String,
    pub(crate) errors: Vec<SettingsError>,
}

impl std::fmt::Display for BadSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "these settings cannot be used")?;
        render_errors(&self.file, &self.errors).lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for BadSettings {}

impl Configuration {
    /// The named file, else `backstop.yaml` here, else the environment.
    pub(crate) fn find(named: Option<&Path>) -> anyhow::Result<Self> {
        match named.map(Path::to_path_buf).or_else(default_file) {
            Some(path) => Self::read(&path),
            None => Ok(Self::discovered()),
        }
    }

    /// The settings of a file; every error at once when it is wrong.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            UsageError(format!("cannot read settings `{}`: {error}", path.display()))
        })?;
        let env = environment::read();
        let collected = catalogue_file(&text, &env);
        let (catalogue, findings) = knowledge::catalogue(&collected);
        let settings = read(&text, &env, &catalogue)
            .map_err(|errors| BadSettings { file: path.display().to_string(), errors })?;
        Ok(Self { settings, source: Source::File(path.to_path_buf()), findings, collected })
    }

    /// Settings from the environment and a local Ollama.
    pub(crate) fn discovered() -> Self {
        let mut env = environment::read();
        let local = local_models::find(&env, Duration::from_millis(500));
        local_models::note_address(&mut env);
        let collected = catalogue_file("", &env);
        let (catalogue, mut findings) = knowledge::catalogue(&collected);
        let (settings, found) = discover(&env, &local, &catalogue);
        findings.extend(found);
        Self { settings, source: Source::Environment, findings, collected }
    }

    /// The settings for a gateway of one command's own.
    pub(crate) fn settings_alone(self) -> Settings {
        alone(self.settings)
    }

    /// Prints what the gateway will do.
    pub(crate) fn announce(&self) {
        match &self.source {
            Source::File(path) => say!("settings      {}", path.display()),
            Source::Environment => {
                say!("settings      none; found in the environment:");
                for finding in &self.findings {
                    say!("  {}", line(finding));
                }
            }
        }
    }
}

/// No doors but any free port, no callers' keys, no trickle (nobody is there to learn from it), and
/// no store, because the store of a gateway that serves is its alone.
pub(crate) fn alone(mut settings: Settings) -> Settings {
    settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    (settings.console, settings.tls, settings.store) = (None, None, None);
    settings.keys.clear();
    settings.limits.journal_bytes_max = MEMORY_JOURNAL_BYTES_MAX;
    for route in &mut settings.routes {
        route.policy.trickle = 0.0;
    }
    settings
}

fn line(finding: &Finding) -> String {
    let mut text = finding.what.clone();
    if !finding.cure.is_empty() {
        let _ = write!(text, ": {}", finding.cure);
    }
    text
}

/// The settings file of this folder, if there is one.
pub(crate) fn default_file() -> Option<PathBuf> {
    ["backstop.yaml", "backstop.yml"].into_iter().map(PathBuf::from).find(|path| path.exists())
}
