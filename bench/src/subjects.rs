//! The proxies under test, and the way to each.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::canned::Dialect;
use crate::process::Running;

/// One way from the applications to the provider.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) dialect: Dialect,
    pub(crate) model: &'static str,
    /// Which of the proxies it goes through, if any.
    pub(crate) proxy: Option<usize>,
}

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) running: Running,
    pub(crate) start_ms: f64,
    pub(crate) rest_mb: f64,
}

/// What is needed to start the proxies.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) cores: String,
    pub(crate) threads: usize,
    pub(crate) upstream: SocketAddr,
    pub(crate) gateway: PathBuf,
    pub(crate) folder: PathBuf,
}

/// How long a proxy may take to its first answer.
const START_MAX: Duration = Duration::from_secs(20);

impl Stage {
    /// nginx as a reverse proxy, if it is installed.
    pub(crate) fn nginx(&self) -> anyhow::Result<Option<(Proxy, SocketAddr)>> {
        let found = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
        let Some(program) = found.into_iter().map(Path::new).find(|path| path.exists()) else {
            return Ok(None);
        };
        let address = free()?;
        let folder = self.folder.join("nginx");
        fs::create_dir_all(&folder)?;
        let config = folder.join("nginx.conf");
        fs::write(&config, self.nginx_config(&folder, address))?;
        let arguments = [
            "-p".to_owned(),
            folder.display().to_string(),
            "-c".to_owned(),
            config.display().to_string(),
        ];
        self.start(program, &arguments, (Dialect::Openai, address))
            .map(|proxy| Some((proxy, address)))
    }

    fn nginx_config(&self, folder: &Path, address: SocketAddr) -> String {
        let (threads, upstream) = (self.threads, self.upstream);
        let folder = folder.display();
        format!(
            "daemon off; worker_processes {threads}; worker_rlimit_nofile 20000;
error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections 9000; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream provider {{ server {upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {address} backlog=4096;
    location / {{
      proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"
        )
    }

    /// The bare proxy, in one of its styles.
    pub(crate) fn floor(&self, style: &str) -> anyhow::Result<(Proxy, SocketAddr)> {
        let program = std::env::current_exe()?;
        let address = free()?;
        let arguments = [
            "floor".to_owned(),
            format!("--listen={address}"),
            format!("--upstream={}", self.upstream),
            format!("--style={style}"),
            format!("--threads={}", self.threads),
        ];
        Ok((self.start(&program, &arguments, (Dialect::Openai, address))?, address))
    }

    /// The gateway, everything on.
    pub(crate) fn gateway(&self) -> anyhow::Result<(Proxy, SocketAddr)> {
        let (address, console) = (free()?, free()?);
        let folder = self.folder.join(format!("gateway-{}", address.port()));
        fs::create_dir_all(&folder)?;
        let config = folder.join("backstop.yaml");
        fs::write(&config, self.gateway_config(&folder, (address, console)))?;
        let arguments = ["serve".to_owned(), format!("--config={}", config.display())];
        let proxy = self.start(&self.gateway, &arguments, (Dialect::Openai, address))?;
        Ok((proxy, address))
    }

    fn gateway_config(
        &self,
        folder: &Path,
        (address, console): (SocketAddr, SocketAddr),
    ) -> String {
        let (threads, upstream) = (self.threads, self.upstream);
        let store = folder.join("journal.db");
        let store = store.display();
        format!(
            "listen: {address}
console: {console}
store: {store}
limits: {{ threads: {threads} }}
providers:
  openai: {{ base_url: 'http://{upstream}/v1', api_key: secret, proxy: none }}
  anthropic: {{ base_url: 'http://{upstream}', api_key: secret, proxy: none }}
routes:
  - name: chat
    models: ['gpt-*']
    ladder: [ {{ targets: ['openai/*'] }}, {{ targets: [anthropic/claude-bench] }} ]
    trickle: 0%
  - name: messages
    models: [claude-bench]
    ladder: [ {{ targets: ['anthropic/*'] }}, {{ targets: [openai/gpt-bench] }} ]
    trickle: 0%
  - name: crossing
    models: [claude-cross]
    ladder: [ {{ targets: [openai/gpt-bench] }}, {{ targets: [anthropic/claude-bench] }} ]
    trickle: 0%
"
        )
    }

    fn start(
        &self,
        program: &Path,
        arguments: &[String],
        (dialect, address): (Dialect, SocketAddr),
    ) -> anyhow::Result<Proxy> {
        let began = Instant::now();
        let running = Running::start(&self.cores, program, arguments)?;
        first_answer(dialect, address).with_context(|| program.display().to_string())?;
        let start_ms = began.elapsed().as_secs_f64() * 1000.0;
        Ok(Proxy { rest_mb: running.memory(), running, start_ms })
    }
}

/// Asks until there is an answer.
fn first_answer(dialect: Dialect, address: SocketAddr) -> anyhow::Result<()> {
    use std::io::{Read as _, Write as _};
    let request = dialect.request("gpt-bench", None);
    let until = Instant::now() + START_MAX;
    while Instant::now() < until {
        let Ok(mut stream) = std::net::TcpStream::connect(address) else {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        };
        stream.set_read_timeout(Some(START_MAX))?;
        stream.write_all(&request)?;
        let mut answer = [0; 1024];
        let bytes = stream.read(&mut answer)?;
        let answer = &answer[..bytes];
        anyhow::ensure!(
            crate::wire::is_ok(answer),
            "the first answer is an error: {}",
            String::from_utf8_lossy(answer)
        );
        return Ok(());
    }
    anyhow::bail!("no answer within {START_MAX:?}")
}

/// An address nobody listens on now.
fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// What nginx says it is.
pub(crate) fn nginx_version() -> String {
    let output = Command::new("/usr/sbin/nginx").arg("-v").output();
    output.map_or_else(
        |_| "nginx".to_owned(),
        |output| String::from_utf8_lossy(&output.stderr).trim().replace("nginx version: ", ""),
    )
}
