use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::trouble::Trouble;

/// The largest file of keys or tokens.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads a small file of text, away from the runtime's own threads: a disk may hang.
pub(crate) async fn read(what: &'static str, path: &str) -> Result<String, Trouble> {
    let path = PathBuf::from(path);
    let reading = tokio::task::spawn_blocking(move || read_now(what, &path));
    reading.await.unwrap_or_else(|_| Err(Trouble::setting(format!("cannot read {what}"))))
}

/// The same where the file need not be there.
pub(crate) async fn read_if_there(
    what: &'static str,
    path: Option<&String>,
) -> Result<Option<String>, Trouble> {
    let Some(path) = path else { return Ok(None) };
    let there = PathBuf::from(path);
    let is_there = tokio::task::spawn_blocking(move || there.exists()).await.unwrap_or(false);
    if is_there { read(what, path).await.map(Some) } else { Ok(None) }
}

fn read_now(what: &'static str, path: &Path) -> Result<String, Trouble> {
    let fault = |why: std::io::Error| Trouble::file(what, path, &why);
    let mut text = String::new();
    let file = File::open(path).map_err(fault)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(fault)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Trouble::file(what, path, &"it is larger than a mebibyte"));
    }
    Ok(text)
}
