//! What is known of models: the catalogue built in, and what `backstop models refresh` collected.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use backstop_catalogue::{Catalogue, Collected};
use backstop_settings::{Finding, Severity};

/// The largest file of collected facts.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The catalogue with what was collected on top; a file that cannot be used is left out and told of,
/// because no gateway should stand still for want of a price.
pub(crate) fn catalogue(path: &str) -> (Catalogue, Vec<Finding>) {
    match collected(Path::new(path)) {
        Ok(collected) => (Catalogue::built_in().with(&collected), Vec::new()),
        Err(error) => {
            tracing::warn!("{error:#}: going on without it");
            let finding = Finding {
                severity: Severity::Warning,
                code: "bad_catalogue",
                place: String::new(),
                what: format!("{error:#}: the gateway goes on with what is built in"),
                cure: "run `backstop models refresh` anew, or delete the file".to_owned(),
            };
            (Catalogue::built_in(), vec![finding])
        }
    }
}

/// What was collected; nothing where there is no file yet.
pub(crate) fn collected(path: &Path) -> anyhow::Result<Collected> {
    let what = || format!("cannot read what was collected of models in `{}`", path.display());
    match read(path) {
        Ok(text) => Collected::read(&text).map_err(anyhow::Error::msg).with_context(what),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Collected::default()),
        Err(error) => Err(error).with_context(what),
    }
}

/// The text of a file of bounded size.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large"));
    }
    fs::read_to_string(path)
}
