//! Files that are there whole or not at all: written beside their place, then renamed into it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes `bytes` at `path`, replacing what stood there only once the new file is whole and on the disk. A file that stood there
/// leaves its permissions to the new one; a link stays, and the file that it leads to is replaced.
///
/// # Errors
/// What the system says when the folder is missing or not writable, or the disk is full; then nothing is left behind.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let partial = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()
    };
    let written = write().and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The first error is the one to tell; a partial file that cannot be removed either changes nothing.
        let _ = fs::remove_file(&partial);
    }
    written
}
