//! `nnlc infer`: outputs of the Runtime network as NumPy files.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::args::{Infer, default_threads};
use super::{FAILED, open, show};
use crate::driver::{InferOptions, Output};

/// Computes and writes the outputs.
pub fn infer(command: &Infer) -> ExitCode {
    let session = match open(&command.model, true, &[]) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let options = InferOptions {
        weights: command.weights.clone(),
        inputs: command.input.clone(),
        outputs: command.output.clone(),
        threads: command.threads.unwrap_or_else(default_threads),
        seed: command.seed,
    };
    let outputs = match session.infer(&options) {
        Ok(outputs) => outputs,
        Err(diagnostics) => {
            show(&diagnostics, &session.sources, command.model.message_format);
            return ExitCode::from(FAILED);
        }
    };
    for output in outputs {
        let path = command.out.join(format!("{}.npy", output.name));
        if let Err(error) = write_npy(&path, &output) {
            eprintln!("error: `{}` could not be written: {error}", path.display());
            return ExitCode::from(FAILED);
        }
        let sizes: Vec<String> = output.shape.iter().map(usize::to_string).collect();
        eprintln!("{}: [{}]", path.display(), sizes.join(", "));
    }
    ExitCode::SUCCESS
}

/// Writes a NumPy array (format version 1.0, little-endian f32), beside its place and then renamed.
fn write_npy(path: &Path, output: &Output) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let sizes: Vec<String> = output.shape.iter().map(|size| format!("{size},")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes.join(" "));
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    let length = u16::try_from(header.len() + padding + 1).map_err(std::io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = std::io::BufWriter::new(&mut file);
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    out.write_all(&vec![b' '; padding])?;
    out.write_all(b"\n")?;
    for value in &output.values {
        out.write_all(&value.to_le_bytes())?;
    }
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}
