//! Where a column's elements are: in memory as small as they came, or in a file of which a minibatch's rows are read at a time.
//!
//! Memory is taken from a [`Budget`]. What does not fit goes through a [`Sink`] into a temporary file without a name, which the
//! system removes when the run ends; a plain file of fixed-size numbers is read where it lies. Knows nothing of inputs.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::binary::{Number, stored};
use super::error::{DataError, DataErrorKind};
use super::memory;

/// How much memory columns may take together, in bytes. A column that does not fit any more is read from disk, which changes no
/// result.
#[derive(Debug)]
pub struct Budget {
    left: Cell<u64>,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: u64) -> Budget {
        Budget { left: Cell::new(bytes) }
    }

    /// Half of the memory that this process may still take, or 2 GiB where the system does not say.
    pub fn of_machine() -> Budget {
        Budget::new(memory::free().map_or(2 << 30, |bytes| bytes / 2))
    }

    /// The bytes that are left.
    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// Whether `bytes` are left.
    pub(super) fn holds(&self, bytes: u64) -> bool {
        self.left.get() >= bytes
    }

    /// Takes `bytes` if there are as many left.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let rest = self.left.get().checked_sub(bytes);
        self.left.set(rest.unwrap_or(self.left.get()));
        rest.is_some()
    }

    /// Gives back what a column took that is no longer needed.
    pub(super) fn give_back(&self, bytes: u64) {
        self.left.set(self.left.get() + bytes);
    }
}

/// How one element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub number: Number,
    pub big_endian: bool,
    /// Whether it stands for itself divided by the largest value of its type: 255 or 65535.
    pub intensity: bool,
}

impl Form {
    /// `number` in this program's own byte order.
    pub fn own(number: Number) -> Form {
        Form { number, big_endian: false, intensity: false }
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        self.number.size()
    }

    /// Elements as f32: intensities as 0..1.
    pub fn decode_f32(self, bytes: &[u8], out: &mut [f32]) {
        let elements = out.iter_mut().zip(bytes.chunks_exact(self.size()));
        match self.number {
            Number::U8 if self.intensity => elements.for_each(|(to, byte)| *to = f32::from(byte[0]) / 255.0),
            Number::U8 => elements.for_each(|(to, byte)| *to = f32::from(byte[0])),
            Number::F32 if !self.big_endian => {
                elements.for_each(|(to, word)| *to = f32::from_le_bytes([word[0], word[1], word[2], word[3]]));
            }
            number => {
                let scale = if self.intensity { 65535.0 } else { 1.0 };
                elements.for_each(|(to, word)| *to = stored(number, word, self.big_endian).as_f32() / scale);
            }
        }
    }

    /// Elements as i32; real numbers lose their fraction.
    pub fn decode_i32(self, bytes: &[u8], out: &mut [i32]) {
        for (to, word) in out.iter_mut().zip(bytes.chunks_exact(self.size())) {
            *to = stored(self.number, word, self.big_endian).as_i32();
        }
    }
}

/// The bytes of all rows.
#[derive(Debug)]
pub(super) enum Bytes {
    /// In memory.
    Memory(Vec<u8>),
    /// In a file, from `offset` on; `path` is the user's own file, for messages.
    Disk { file: File, offset: u64, path: PathBuf },
}

impl Bytes {
    /// The `length` bytes from `start`, read into `scratch` if they are not in memory.
    pub fn part<'a>(&'a self, start: usize, length: usize, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], DataError> {
        match self {
            Bytes::Memory(bytes) => Ok(&bytes[start..start + length]),
            Bytes::Disk { file, offset, path } => {
                scratch.resize(length, 0);
                let read = file.read_exact_at(scratch, offset + start as u64);
                read.map_err(|error| DataError::from_io(path, &error))?;
                Ok(scratch)
            }
        }
    }

    /// How much of a budget they hold.
    pub fn memory(&self) -> u64 {
        match self {
            Bytes::Memory(bytes) => bytes.len() as u64,
            Bytes::Disk { .. } => 0,
        }
    }
}

/// Takes a column's bytes piece by piece, into memory while the budget lasts, then into a temporary file.
pub(super) struct Sink<'b> {
    /// The file that is read, for messages.
    path: PathBuf,
    budget: &'b Budget,
    memory: Vec<u8>,
    spool: Option<BufWriter<File>>,
}

impl<'b> Sink<'b> {
    /// An empty sink for what is read from `path`.
    pub fn new(path: &Path, budget: &'b Budget) -> Sink<'b> {
        Sink { path: path.to_path_buf(), budget, memory: Vec::new(), spool: None }
    }

    /// Adds `bytes`.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        if self.spool.is_none() {
            if self.budget.take(bytes.len() as u64) {
                self.memory.extend_from_slice(bytes);
                return Ok(());
            }
            self.unload().map_err(|error| self.unwritable(&error))?;
        }
        match &mut self.spool {
            Some(spool) => spool.write_all(bytes).map_err(|error| self.unwritable(&error)),
            None => Ok(()),
        }
    }

    /// Moves what is in memory to a temporary file.
    fn unload(&mut self) -> io::Result<()> {
        let mut spool = BufWriter::with_capacity(1 << 16, tempfile::tempfile()?);
        spool.write_all(&self.memory)?;
        self.budget.give_back(self.memory.len() as u64);
        self.memory = Vec::new();
        self.spool = Some(spool);
        Ok(())
    }

    /// All that was added.
    pub fn finish(mut self) -> Result<Bytes, DataError> {
        let Some(spool) = self.spool.take() else { return Ok(Bytes::Memory(std::mem::take(&mut self.memory))) };
        let file = spool.into_inner().map_err(|error| self.unwritable(error.error()))?;
        Ok(Bytes::Disk { file, offset: 0, path: std::mem::take(&mut self.path) })
    }

    fn unwritable(&self, error: &io::Error) -> DataError {
        let message = format!("it does not fit in memory, and no temporary file can hold it: {error}");
        DataError::new(&self.path, DataErrorKind::Unreadable, message)
            .help("set `TMPDIR` to a folder on a larger disk, or free some memory")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_budget_is_read_back_from_disk() {
        let budget = Budget::new(10);
        let mut sink = Sink::new(Path::new("a.idx"), &budget);
        (0u8..20).for_each(|byte| sink.push(&[byte, byte]).unwrap());
        let bytes = sink.finish().unwrap();
        assert!(matches!(bytes, Bytes::Disk { .. }));
        assert_eq!((bytes.memory(), budget.left.get()), (0, 10));
        assert_eq!(bytes.part(8, 4, &mut Vec::new()).unwrap(), [4, 4, 5, 5]);
        let mut sink = Sink::new(Path::new("a.idx"), &budget);
        sink.push(&[1, 2, 3]).unwrap();
        let bytes = sink.finish().unwrap();
        assert_eq!((bytes.memory(), budget.left.get()), (3, 7));
        assert_eq!(bytes.part(1, 2, &mut Vec::new()).unwrap(), [2, 3]);
    }

    #[test]
    fn a_file_that_shrank_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [1, 2, 3]).unwrap();
        let bytes = Bytes::Disk { file: File::open(&path).unwrap(), offset: 1, path };
        assert_eq!(bytes.part(0, 2, &mut Vec::new()).unwrap(), [2, 3]);
        assert_eq!(bytes.part(1, 2, &mut Vec::new()).unwrap_err().kind, DataErrorKind::Truncated);
    }
}
