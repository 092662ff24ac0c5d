//! `nnlc infer`: outputs of the Runtime network as NumPy files, with a table of them where samples differ in shape.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::{Infer, default_threads};
use super::{FAILED, open_without_data, show};
use crate::driver::{InferOptions, Output, write_whole};

/// Computes and writes the outputs.
pub fn infer(command: &Infer) -> ExitCode {
    let session = match open_without_data(&command.model) {
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
    for outputs in outputs.chunk_by(|a, b| a.name == b.name) {
        if let Err((path, error)) = write(&command.out, outputs) {
            eprintln!("error: `{}` could not be written: {error}", path.display());
            return ExitCode::from(FAILED);
        }
    }
    ExitCode::SUCCESS
}

/// Writes what one output is: an array of all samples, or a data set's table that names an array for each.
fn write(folder: &Path, outputs: &[Output]) -> Result<(), (PathBuf, std::io::Error)> {
    let name = &outputs[0].name;
    if let [output @ Output { sample: None, .. }] = outputs {
        let path = folder.join(format!("{name}.npy"));
        write_npy(&path, output).map_err(|error| (path.clone(), error))?;
        let sizes: Vec<String> = output.shape.iter().map(usize::to_string).collect();
        eprintln!("{}: [{}]", path.display(), sizes.join(", "));
        return Ok(());
    }
    let digits = outputs.len().to_string().len();
    let mut table = format!("{name}\n");
    for (number, output) in (1..).zip(outputs) {
        let file = format!("{name}/{number:0digits$}.npy");
        let path = folder.join(&file);
        write_npy(&path, output).map_err(|error| (path, error))?;
        table += &format!("{file}\n");
    }
    let path = folder.join(format!("{name}.csv"));
    write_whole(&path, table.as_bytes()).map_err(|error| (path.clone(), error))?;
    eprintln!("{}: {} arrays of different shapes", path.display(), outputs.len());
    Ok(())
}

/// Writes a NumPy array: format version 1.0, little-endian f32.
fn write_npy(path: &Path, output: &Output) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let sizes: Vec<String> = output.shape.iter().map(|size| format!("{size},")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes.join(" "));
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    let length = u16::try_from(header.len() + padding + 1).map_err(std::io::Error::other)?;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + padding, b' ');
    bytes.push(b'\n');
    bytes.extend(output.values.iter().flat_map(|value| value.to_le_bytes()));
    write_whole(path, &bytes)
}
