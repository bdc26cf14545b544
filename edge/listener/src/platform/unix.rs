use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_vocabulary::Failure;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::UnixListener;

use crate::error::ListenerError;
use crate::{Listening, TakenOver};

/// Connections that wait in the kernel while we are busy.
const QUEUE_CONNECTIONS: i32 = 1024;
/// Sockets that one hand-over can carry.
const SOCKETS_MAX: usize = 8;
/// What goes with the sockets: the version of this exchange.
const HELLO: &[u8] = b"1";
/// What the successor sends once it accepts.
const ACCEPTING: u8 = b'!';
/// Sockets come in closed to our own children, where the system can do that at once.
#[cfg(not(target_vendor = "apple"))]
const RECEIVING: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const RECEIVING: RecvFlags = RecvFlags::empty();
/// How long a successor waits for its predecessor, and the other way round.
const PATIENCE: Duration = Duration::from_secs(5);

/// std listens with a queue of 128; to listen again on the same socket only changes the length.
pub(crate) fn deepen_queue(socket: &TcpListener) -> io::Result<()> {
    Ok(rustix::net::listen(socket, QUEUE_CONNECTIONS)?)
}

/// Offers listening sockets to a successor process, over a Unix socket that only this user may open.
///
/// ```text
/// successor                     predecessor
///     │ ───── connects ─────────────▶ │  both accept: no connection is refused
///     │ ◀──── sockets (SCM_RIGHTS) ── │
///     │ ───── "accepting" ──────────▶ │  stops accepting, drains
/// ```
#[derive(Debug)]
pub struct Handover {
    door: UnixListener,
    path: PathBuf,
}

impl Handover {
    /// Opens the door at `path`, in place of a predecessor's. Needs a tokio runtime with IO.
    pub fn offer(path: &Path) -> Result<Self, Failure> {
        open_door(path)
            .map(|door| Self { door, path: path.to_owned() })
            .map_err(|source| ListenerError::Handover { path: path.to_owned(), source }.into())
    }

    /// Resolves once a successor has the sockets and accepts on them: then stop accepting and drain.
    ///
    /// A successor that gives up halfway is forgotten; the next one is served.
    pub async fn taken(&self, listenings: &[Listening]) {
        loop {
            match self.serve_one(listenings).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), %error, "a hand-over did not happen");
                    // Whatever is wrong with the door must not keep a core busy.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn serve_one(&self, listenings: &[Listening]) -> io::Result<()> {
        let (mut successor, _address) = self.door.accept().await?;
        let talk = async {
            successor.writable().await?;
            successor.async_io(Interest::WRITABLE, || send_sockets(&successor, listenings)).await?;
            successor.read_u8().await
        };
        match tokio::time::timeout(PATIENCE, talk).await {
            Ok(Ok(ACCEPTING)) => Ok(()),
            Ok(Ok(_)) => Err(io::ErrorKind::InvalidData.into()),
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Bound under another name, closed to others, and only then put in its place: there is no moment
/// in which somebody else could come in.
fn open_door(path: &Path) -> io::Result<UnixListener> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(name);
    // Left by a process of the same id that died at this very point, if it exists at all.
    let _removed = std::fs::remove_file(&unfinished);
    let door = UnixListener::bind(&unfinished)?;
    std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&unfinished, path)?;
    Ok(door)
}

fn send_sockets(successor: impl AsFd, listenings: &[Listening]) -> io::Result<()> {
    let sockets: Vec<BorrowedFd<'_>> =
        listenings.iter().take(SOCKETS_MAX).map(|listening| listening.socket().as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(successor, &[IoSlice::new(HELLO)], &mut control, SendFlags::empty())?;
    Ok(())
}

/// The successor's side of [`Handover`].
pub(crate) fn take_over(path: &Path) -> io::Result<Option<TakenOver>> {
    let predecessor = match UnixStream::connect(path) {
        Ok(predecessor) => predecessor,
        // No door, or one whose process is gone.
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    predecessor.set_read_timeout(Some(PATIENCE))?;
    predecessor.set_write_timeout(Some(PATIENCE))?;
    let sockets = receive_sockets(&predecessor)?;
    let listenings = sockets
        .into_iter()
        .map(|socket| Listening::adopt(TcpListener::from(socket)))
        .collect::<io::Result<Vec<_>>>()?;
    Ok(Some(TakenOver::new(listenings, Acknowledge(predecessor))))
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn receive_sockets(predecessor: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut hello = [0; HELLO.len()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut spaces = [IoSliceMut::new(&mut hello)];
    let received = recvmsg(predecessor, &mut spaces, &mut control, RECEIVING)?;
    if received.bytes != HELLO.len() || hello != HELLO {
        let reason = "the running process speaks another version of the hand-over";
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    let mut sockets = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            sockets.extend(rights);
        }
    }
    for socket in &sockets {
        fcntl_setfd(socket, FdFlags::CLOEXEC)?;
    }
    Ok(sockets)
}

/// The way back to the predecessor.
#[derive(Debug)]
pub(crate) struct Acknowledge(UnixStream);

impl Acknowledge {
    pub(crate) fn send(mut self) -> io::Result<()> {
        self.0.write_all(&[ACCEPTING])
    }
}
