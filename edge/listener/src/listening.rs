use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use backstop_vocabulary::Failure;

use crate::error::ListenerError;
use crate::platform;

/// A bound socket that listens. Connections queue in the kernel from here on, whoever accepts them.
#[derive(Debug)]
pub struct Listening {
    socket: TcpListener,
}

impl Listening {
    /// Binds `addr` and begins to listen, with a queue of 1024 connections.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        // On Unix, std sets SO_REUSEADDR; on Windows it must not be set.
        Self::adopt(TcpListener::bind(addr)?)
    }

    /// Takes a socket that listens already, wherever it came from.
    pub fn adopt(socket: TcpListener) -> io::Result<Self> {
        platform::deepen_queue(&socket)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Takes the listening sockets of the process that offers them at `path`.
    ///
    /// `None` if nobody does: then [`Listening::bind`]. Blocks for at most 5 seconds. Fails with a
    /// `gateway_fault` if the other side breaks off, and where the platform has no hand-over.
    pub fn take_over(path: &Path) -> Result<Option<TakenOver>, Failure> {
        platform::take_over(path).map_err(|source| {
            Failure::from(ListenerError::Handover { path: path.to_owned(), source })
        })
    }

    /// The address in fact bound, with the port that the system chose for port 0.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The socket for the accepting side.
    pub(crate) fn into_tokio(self) -> io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::from_std(self.socket)
    }

    /// A second handle on the same socket, to offer it while this one accepts.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()? })
    }

    #[cfg(unix)]
    pub(crate) fn socket(&self) -> &TcpListener {
        &self.socket
    }
}

/// The listening sockets of a predecessor, which goes on accepting until it is told not to.
#[derive(Debug)]
pub struct TakenOver {
    listenings: Vec<Listening>,
    acknowledge: platform::Acknowledge,
}

impl TakenOver {
    #[cfg(unix)]
    pub(crate) fn new(listenings: Vec<Listening>, acknowledge: platform::Acknowledge) -> Self {
        Self { listenings, acknowledge }
    }

    /// The sockets that were not yet taken, in the order in which they were offered.
    pub fn listenings(&self) -> &[Listening] {
        &self.listenings
    }

    /// Takes the socket bound to this address out of the list. Those left when this is dropped are
    /// closed here.
    pub fn take(&mut self, addr: SocketAddr) -> Option<Listening> {
        let found = self
            .listenings
            .iter()
            .position(|listening| listening.local_addr().is_ok_and(|bound| bound == addr))?;
        Some(self.listenings.remove(found))
    }

    /// Tells the predecessor that we accept now, so that it stops and drains. To be called once the
    /// [`crate::Dealer`] runs; dropped without it, the predecessor carries on as if nothing happened.
    pub fn acknowledge(self) -> io::Result<()> {
        self.acknowledge.send()
    }
}
