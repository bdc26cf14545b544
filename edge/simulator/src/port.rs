use std::io;
use std::net::SocketAddr;

use backstop_scenarios::Connecting;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::simulator::{Entry, Simulator};
use crate::wire::Severable;

/// What a server says that does not speak TLS as it should.
const GARBAGE: &[u8] = b"\x15\x03\x01\x00\x02\x02\x28";

/// An open TCP port of a simulator.
#[derive(Debug)]
pub struct Port {
    simulator: Simulator,
    entry: Entry,
    listener: TcpListener,
}

impl Port {
    pub(crate) const fn new(simulator: Simulator, entry: Entry, listener: TcpListener) -> Self {
        Self { simulator, entry, listener }
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the future is dropped, which ends every connection.
    pub async fn run(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (simulator, entry) = (self.simulator.clone(), self.entry.clone());
                        connections.spawn(serve(simulator, entry, stream));
                    }
                    Err(error) => tracing::warn!(%error, "cannot accept a connection"),
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn serve(simulator: Simulator, entry: Entry, mut stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let connecting = match &entry {
        Entry::Provider(provider) => simulator.connect(provider),
        Entry::All => Connecting::Accepted,
    };
    match connecting {
        Connecting::Accepted => simulator.serve_connection(stream, entry).await,
        Connecting::Refused | Connecting::NoName => stream.sever(),
        Connecting::BadHandshake => {
            if let Err(error) = spoil_handshake(&mut stream).await {
                tracing::debug!(%error, "cannot send garbage");
            }
        }
    }
}

/// Hears the client out and answers with an alert that fits no handshake.
async fn spoil_handshake(stream: &mut TcpStream) -> io::Result<()> {
    let mut hello = vec![0; 16 << 10];
    let _length = stream.read(&mut hello).await?;
    stream.write_all(GARBAGE).await?;
    stream.shutdown().await
}
