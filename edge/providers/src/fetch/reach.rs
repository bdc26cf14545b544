//! Sockets to addresses that were judged.

use std::io;
use std::net::SocketAddr;

use crate::race::connect_first;
use crate::{BoxFuture, Io};

/// Opens a socket to one of some addresses. It is given what was judged, and looks nothing up.
pub trait Reach: Send + Sync + 'static {
    /// Connects to whichever answers first.
    fn reach(&self, addresses: Vec<SocketAddr>) -> BoxFuture<'_, io::Result<Box<dyn Io>>>;
}

/// Goes out to the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpReach;

impl Reach for TcpReach {
    fn reach(&self, addresses: Vec<SocketAddr>) -> BoxFuture<'_, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            let stream = connect_first(addresses).await?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}
