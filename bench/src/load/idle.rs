use std::io::Read as _;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Load, say, streams};

/// Opens the streams, says `go` when each has its first piece, and holds them until standard input
/// ends.
pub(super) fn hold(load: &Load) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let held = runtime.block_on(open(load))?;
    say("go")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

async fn open(load: &Load) -> anyhow::Result<Vec<TcpStream>> {
    /// Streams opened at once, so that nothing overflows while they are.
    const AT_ONCE: usize = 100;
    let mut held = Vec::with_capacity(load.connections);
    while held.len() < load.connections {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE.min(load.connections - held.len()) {
            let (request, address) = (load.request(), load.address);
            opening.spawn(async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.write_all(&request).await?;
                let mut buffer = Vec::with_capacity(4 << 10);
                streams::first_text(&mut stream, &mut buffer).await?;
                anyhow::Ok(stream)
            });
        }
        while let Some(stream) = opening.join_next().await {
            held.push(stream??);
        }
    }
    Ok(held)
}
