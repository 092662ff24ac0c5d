//! HDF5 files as far as trained parameters need them: groups of arrays of floats, in the oldest form of the format, which h5py and
//! NNabla write unless they are told otherwise.
//!
//! Read are superblocks of version 0 and 1, groups by symbol tables, object headers of version 1, arrays that are stored in one piece.
//! Newer files, chunks and compression are faults that say so. Nothing is written. After the HDF5 File Format Specification, version 3.0.

/// What every file begins with.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// How deep groups and their trees may nest, and how many parts a file may have: a damaged one may go in circles.
const DEPTH: usize = 24;
const PARTS: usize = 1 << 20;

/// Types of messages in an object's header.
const DATASPACE: u16 = 0x01;
const DATATYPE: u16 = 0x03;
const LAYOUT: u16 = 0x08;
const FILTERS: u16 = 0x0b;
const CONTINUATION: u16 = 0x10;
const SYMBOL_TABLE: u16 = 0x11;

/// An array of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The groups that it is in and its name: `conv1/conv/W`.
    pub path: String,
    /// The sizes of its axes.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub values: Vec<f32>,
}

/// All arrays of a file, by their paths.
///
/// # Errors
/// When the file is damaged, and when it uses what is not read; the sentence says which.
pub fn arrays(bytes: &[u8]) -> Result<Vec<Array>, String> {
    if !bytes.starts_with(SIGNATURE) {
        return Err("it is no HDF5 file".to_owned());
    }
    let mut file = File { bytes, parts: 0, found: Vec::new() };
    let version = file.number(8, 1)?;
    if version > 1 {
        return Err(format!("it is of HDF5's newer form (superblock {version})"));
    }
    if file.number(13, 1)? != 8 || file.number(14, 1)? != 8 {
        return Err("its addresses are not of 8 bytes".to_owned());
    }
    let root = 56 + if version == 1 { 4 } else { 0 };
    let header = file.address(root + 8)?;
    file.object(header, "", 0)?;
    file.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(file.found)
}

struct File<'b> {
    bytes: &'b [u8],
    parts: usize,
    found: Vec<Array>,
}

/// What an object's header says.
#[derive(Default)]
struct Header {
    dataspace: Option<usize>,
    datatype: Option<usize>,
    layout: Option<usize>,
    table: Option<usize>,
    filtered: bool,
}

impl<'b> File<'b> {
    fn slice(&self, at: usize, length: usize) -> Result<&'b [u8], String> {
        let end = at.checked_add(length);
        end.and_then(|end| self.bytes.get(at..end)).ok_or_else(|| "it is damaged or cut short".to_owned())
    }

    /// An integer of so many bytes, the least first.
    fn number(&self, at: usize, length: usize) -> Result<u64, String> {
        Ok(self.slice(at, length)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn address(&self, at: usize) -> Result<usize, String> {
        usize::try_from(self.number(at, 8)?).map_err(|_| "it is damaged: an address is too large".to_owned())
    }

    fn expect(&self, at: usize, mark: &[u8]) -> Result<(), String> {
        let there = self.slice(at, mark.len())? == mark;
        if there {
            Ok(())
        } else {
            Err(format!("it is damaged: no {} where one is named", String::from_utf8_lossy(mark)))
        }
    }

    /// Counts a part that is looked at.
    fn part(&mut self, depth: usize) -> Result<(), String> {
        self.parts += 1;
        if depth > DEPTH || self.parts > PARTS {
            Err("it is damaged: its groups go in circles".to_owned())
        } else {
            Ok(())
        }
    }

    /// The group or array whose header is at `at`.
    fn object(&mut self, at: usize, path: &str, depth: usize) -> Result<(), String> {
        self.part(depth)?;
        let header = self.header(at)?;
        if let Some(table) = header.table {
            let names = self.address(table + 8)?;
            self.expect(names, b"HEAP")?;
            let names = self.address(names + 24)?;
            return self.tree(self.address(table)?, names, path, depth + 1);
        }
        match (header.dataspace, header.datatype, header.layout) {
            (Some(space), Some(datatype), Some(layout)) => {
                if header.filtered {
                    return Err(format!("`{path}` is compressed"));
                }
                let array = self.array(path, space, datatype, layout)?;
                self.found.push(array);
                Ok(())
            }
            _ => Err(format!("`{path}` is of HDF5's newer form")),
        }
    }

    fn header(&mut self, at: usize) -> Result<Header, String> {
        if self.number(at, 1)? != 1 {
            return Err("it is of HDF5's newer form (object headers)".to_owned());
        }
        let mut header = Header::default();
        let mut blocks = vec![(at.saturating_add(16), self.number(at + 8, 4)? as usize)];
        while let Some((mut place, length)) = blocks.pop() {
            let end = place.saturating_add(length);
            while place.saturating_add(8) <= end {
                self.part(0)?;
                self.slice(place, 8)?;
                let size = self.number(place + 2, 2)? as usize;
                let body = place + 8;
                match self.number(place, 2)? as u16 {
                    DATASPACE => header.dataspace = Some(body),
                    DATATYPE => header.datatype = Some(body),
                    LAYOUT => header.layout = Some(body),
                    SYMBOL_TABLE => header.table = Some(body),
                    FILTERS => header.filtered = true,
                    CONTINUATION => blocks.push((self.address(body)?, self.address(body + 8)?)),
                    _ => {}
                }
                place = body + size;
            }
        }
        Ok(header)
    }

    /// The entries of a group, from the node of its tree at `at`.
    fn tree(&mut self, at: usize, names: usize, path: &str, depth: usize) -> Result<(), String> {
        self.part(depth)?;
        self.expect(at, b"TREE")?;
        let level = self.number(at + 5, 1)?;
        for i in 0..self.number(at + 6, 2)? as usize {
            let child = self.address(at + 24 + 16 * i + 8)?;
            if level > 0 {
                self.tree(child, names, path, depth + 1)?;
                continue;
            }
            self.expect(child, b"SNOD")?;
            for k in 0..self.number(child + 6, 2)? as usize {
                let entry = child + 8 + 40 * k;
                let name = self.name(names.saturating_add(self.address(entry)?))?;
                let path = if path.is_empty() { name } else { format!("{path}/{name}") };
                self.object(self.address(entry + 8)?, &path, depth + 1)?;
            }
        }
        Ok(())
    }

    fn name(&self, at: usize) -> Result<String, String> {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == 0) {
            Some(length) => Ok(String::from_utf8_lossy(&rest[..length]).into_owned()),
            None => Err("it is damaged or cut short".to_owned()),
        }
    }

    fn array(&self, path: &str, space: usize, datatype: usize, layout: usize) -> Result<Array, String> {
        let rank = self.number(space + 1, 1)? as usize;
        let sizes = space + if self.number(space, 1)? == 1 { 8 } else { 4 };
        let shape = (0..rank).map(|axis| self.address(sizes + 8 * axis)).collect::<Result<Vec<_>, _>>()?;
        let (class, order, width) =
            (self.number(datatype, 1)? & 15, self.number(datatype + 1, 1)? & 1, self.number(datatype + 4, 4)? as usize);
        if class != 1 || order != 0 || !matches!(width, 4 | 8) {
            return Err(format!("`{path}` holds something else than floats of 32 or 64 bits"));
        }
        let (at, size) = match (self.number(layout, 1)?, self.number(layout + 1, 1)?) {
            (3, 0) => (layout + 4, self.number(layout + 2, 2)? as usize),
            (3, 1) => (self.address(layout + 2)?, self.address(layout + 10)?),
            _ => return Err(format!("`{path}` is stored in chunks, or in HDF5's newer form")),
        };
        let count = shape.iter().try_fold(width, |all, size| all.checked_mul(*size));
        if count.is_none_or(|count| count > size) {
            return Err(format!("`{path}` holds fewer elements than its shape has"));
        }
        let bytes = self.slice(at, count.unwrap_or_default())?;
        let float = |bytes: &[u8]| match *bytes {
            [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
            _ => 0.0,
        };
        Ok(Array { path: path.to_owned(), shape, values: bytes.chunks_exact(width).map(float).collect() })
    }
}
