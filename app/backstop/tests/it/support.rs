//! What every test here needs: children whose output is read, a client that hides nothing.

mod children;
mod client;
mod folder;
mod recorder;

pub(crate) use children::{Backstop, Running};
pub(crate) use client::{Answer, Ending, ask, read};
pub(crate) use folder::Folder;
pub(crate) use recorder::Recorder;

use serde_json::{Value, json};

/// Simulated providers in a child.
pub(crate) struct Simulation {
    pub(crate) child: Running,
    described: Value,
}

impl Simulation {
    /// Healthy and quick providers: `anthropic`, `openai` and `local`.
    pub(crate) fn healthy() -> Self {
        Self::start(&["--first-token-ms", "1", "--tokens-per-second", "5000"])
    }

    /// `backstop simulate --listen 127.0.0.1:0 --json` with these arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Backstop::new(&["simulate", "--listen", "127.0.0.1:0", "--json"]);
        command.args(args);
        let mut child = command.start();
        let described = serde_json::from_str(&child.line_with("\"providers\"")).unwrap();
        Self { child, described }
    }

    fn field(&self, provider: &str, field: &str) -> String {
        let all = self.described["providers"].as_array().unwrap();
        let one = all.iter().find(|it| it["name"] == provider).unwrap();
        one[field].as_str().unwrap().to_owned()
    }

    /// Host and port of a provider.
    pub(crate) fn address(&self, provider: &str) -> String {
        self.field(provider, "address")
    }

    /// Its base URL as `backstop.yaml` wants it.
    pub(crate) fn base_url(&self, provider: &str) -> String {
        self.field(provider, "base_url")
    }

    fn control(&self, method: &str, what: &str, body: &str) -> Value {
        let answer = ask(
            &self.address("anthropic"),
            &format!("{method} /simulator/{what}"),
            &[("content-type", "application/json")],
            body.as_bytes(),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Replaces all faults: one behaviour or a list of them, as `PUT /simulator/behaviour` takes.
    pub(crate) fn behave(&self, behaviours: &Value) {
        self.control("PUT", "behaviour", &behaviours.to_string());
    }

    /// Every request of this provider sees this symptom from now on; other faults end.
    pub(crate) fn fail(&self, provider: &str, symptom: &str) {
        self.behave(&json!({ "provider": provider, "symptom": symptom }));
    }

    /// Ends all faults.
    pub(crate) fn mend(&self) {
        self.control("DELETE", "behaviour", "");
    }

    /// How many requests this provider got, whatever became of them.
    pub(crate) fn requests(&self, provider: &str) -> u64 {
        let counts = self.control("GET", "requests", "");
        counts[provider]
            .as_object()
            .map_or(0, |counts| counts.values().map(|count| count.as_u64().unwrap()).sum())
    }
}

/// A gateway in a child.
pub(crate) struct Gateway {
    pub(crate) child: Running,
    /// Host and port for applications.
    pub(crate) address: String,
    /// Host and port for operators.
    pub(crate) console: String,
    /// Its folder: settings and store.
    pub(crate) folder: Folder,
}

impl Gateway {
    /// A gateway with these settings (less `listen`, `console` and `store`, which are added) in a
    /// folder of its own.
    pub(crate) fn with_settings(settings: &str) -> Self {
        let folder = Folder::new();
        folder.write("backstop.yaml", &settings_at_free_ports(settings));
        Self::in_folder(folder)
    }

    /// A gateway with the settings file of this folder.
    pub(crate) fn in_folder(folder: Folder) -> Self {
        let (child, address, console) = serve(&folder, Backstop::new(&["serve"]));
        Self { child, address, console, folder }
    }

    /// A gateway with these settings that logs more than usual, and whose log nobody reads.
    #[cfg(unix)]
    pub(crate) fn unheard(settings: &str) -> Self {
        let folder = Folder::new();
        folder.write("backstop.yaml", &settings_at_free_ports(settings));
        let mut command = Backstop::new(&["serve"]);
        command.current_dir(folder.path()).env("BACKSTOP_LOG", "debug");
        let (child, address, console) = addresses(command.start_unheard());
        Self { child, address, console, folder }
    }

    /// A gateway with the settings file of this folder, and these variables.
    pub(crate) fn with_variables(folder: Folder, variables: &[(&str, &str)]) -> Self {
        let mut command = Backstop::new(&["serve"]);
        command.envs(variables.iter().copied());
        let (child, address, console) = serve(&folder, command);
        Self { child, address, console, folder }
    }

    /// A gateway with these settings that may have so many files and sockets open.
    #[cfg(unix)]
    pub(crate) fn with_descriptors(most: u32, settings: &str) -> Self {
        let folder = Folder::new();
        folder.write("backstop.yaml", &settings_at_free_ports(settings));
        let (child, address, console) =
            serve(&folder, Backstop::with_descriptors(most, &["serve"]));
        Self { child, address, console, folder }
    }

    /// Another process takes this one's place in the same folder; gives the process before it.
    #[cfg(unix)]
    pub(crate) fn take_over(&mut self) -> Running {
        let (child, address, console) =
            serve(&self.folder, Backstop::new(&["serve", "--take-over"]));
        assert_eq!((&address, &console), (&self.address, &self.console));
        std::mem::replace(&mut self.child, child)
    }

    /// A gateway whose ladder is the three providers of a healthy simulation, for Claude models and
    /// for GPT models.
    pub(crate) fn before(simulation: &Simulation) -> Self {
        Self::with_settings(&usual_settings(simulation))
    }

    /// Asks a question in the Messages dialect.
    pub(crate) fn messages(&self, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
        ask(&self.address, "POST /v1/messages", &headers, body.to_string().as_bytes())
    }

    /// A page of the console.
    pub(crate) fn page(&self, path: &str) -> Answer {
        ask(&self.console, &format!("GET {path}"), &[], b"")
    }
}

/// Starts a gateway; gives its addresses for applications and for operators as well.
fn serve(folder: &Folder, mut command: Backstop) -> (Running, String, String) {
    command.current_dir(folder.path());
    addresses(command.start())
}

/// Reads where a gateway that has just been started can be reached.
fn addresses(mut child: Running) -> (Running, String, String) {
    let after = |line: String| line.split("http://").nth(1).unwrap().to_owned();
    let address = after(child.line_with("applications "));
    let console = after(child.line_with("operators "));
    let console = console.split('/').next().unwrap().to_owned();
    (child, address, console)
}

/// The same settings on any free ports of loopback, with a store beside them.
pub(crate) fn settings_at_free_ports(settings: &str) -> String {
    format!("listen: 127.0.0.1:0\nconsole: 127.0.0.1:0\nstore: backstop.db\n{settings}")
}

/// Settings for the three providers of a healthy simulation.
pub(crate) fn usual_settings(simulation: &Simulation) -> String {
    format!(
        "providers:
  anthropic: {{ api_key: sk-ant-test, base_url: '{}' }}
  openai: {{ api_key: sk-test, base_url: '{}' }}
  local: {{ dialect: openai_chat, base_url: '{}' }}
routes:
  - name: claude
    models: [claude-*]
    ladder:
      - targets: [anthropic/*]
      - targets: [openai/gpt-5.6]
      - targets: [local/qwen3]
  - name: gpt
    models: [gpt-*]
    ladder:
      - targets: [openai/*]
      - targets: [anthropic/claude-sonnet-5]
      - targets: [local/qwen3]
",
        simulation.base_url("anthropic"),
        simulation.base_url("openai"),
        simulation.base_url("local"),
    )
}
