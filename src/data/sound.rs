//! Sounds: WAV files, one sample each, as `[length, channels]`.
//!
//! Whole numbers of 8, 16, 24 or 32 bits become -1 to 1, divided by the largest magnitude of their depth (32768 of 16 bits); numbers
//! of 32 bits with a fraction stay what they are. A sound is taken as it is stored: its rate is not changed, nor looked at.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

use hound::{Error, SampleFormat, WavReader};

use super::binary::Number;
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{open_file, signature};

/// What the sound is: a sample of so many moments and channels.
///
/// # Errors
/// What is no WAV file, or one that is damaged, cut short or of a kind that is not read.
pub(super) fn header(path: &Path) -> Result<Header, DataError> {
    let reader = open(path)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    let (moments, promised) =
        (reader.duration() as usize, u64::from(reader.len()) * u64::from(spec.bits_per_sample / 8));
    let mut file = reader.into_inner();
    let there = file.stream_position().and_then(|begin| Ok(file.get_ref().metadata()?.len().saturating_sub(begin)));
    let there = there.map_err(|error| DataError::from_io(path, &error))?;
    if promised > there {
        let message = format!("the sound is cut short: its header promises {promised} bytes, it has {there}");
        return Err(DataError::new(path, DataErrorKind::Truncated, message).help("fetch or write the file again"));
    }
    if moments == 0 {
        return Err(DataError::new(path, DataErrorKind::Malformed, "the sound has no length"));
    }
    Ok(Header { number: Number::F32, shape: vec![moments, channels], rows: 1 })
}

/// The sound's elements, channel fastest, as [`header`] says: from -1 to 1, or the whole numbers themselves if `raw`.
///
/// # Errors
/// Those of [`header`].
pub(super) fn read(path: &Path, raw: bool) -> Result<(Header, Vec<u8>), DataError> {
    let header = header(path)?;
    let refuse = |error| fault(path, error);
    let mut reader = open(path)?;
    let spec = reader.spec();
    let values: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>().map_err(refuse)?,
        SampleFormat::Int => {
            let largest = if raw { 1.0 } else { 2f64.powi(i32::from(spec.bits_per_sample) - 1) };
            let scaled = |value: i32| (f64::from(value) / largest) as f32;
            reader.samples::<i32>().map(|value| value.map(scaled)).collect::<Result<_, _>>().map_err(refuse)?
        }
    };
    Ok((header, values.into_iter().flat_map(f32::to_ne_bytes).collect()))
}

fn open(path: &Path) -> Result<WavReader<BufReader<File>>, DataError> {
    WavReader::new(BufReader::new(open_file(path)?)).map_err(|error| fault(path, error))
}

fn fault(path: &Path, error: Error) -> DataError {
    let damaged = |why: &str| DataError::new(path, DataErrorKind::Malformed, format!("the sound is damaged: {why}"));
    match error {
        // The crate knows no other way to say that a file ends.
        Error::IoError(error) if error.kind() == std::io::ErrorKind::Other => damaged("it ends too early"),
        Error::IoError(error) => DataError::from_io(path, &error),
        Error::FormatError("no RIFF tag found" | "no WAVE tag found") => no_sound(path),
        Error::FormatError(why) if why.starts_with("bits per sample") => unsupported(path, why),
        Error::FormatError(why) => damaged(why).help("save it with 16 bits (PCM)"),
        _ => unsupported(path, "it is compressed"),
    }
}

fn unsupported(path: &Path, why: &str) -> DataError {
    let message = format!("this kind of sound is not read here: {why}");
    DataError::new(path, DataErrorKind::Unsupported, message).help("save it with 16 bits (PCM)")
}

fn no_sound(path: &Path) -> DataError {
    let error = DataError::new(path, DataErrorKind::Malformed, "this is not a WAV file");
    let mut start = [0; 16];
    let read = open_file(path).ok().and_then(|mut file| super::binary::fill(&mut file, &mut start).ok());
    match signature(&start[..read.unwrap_or(0)]) {
        Some(what) => error.help(format!("it looks like {what}")),
        None => error,
    }
}
