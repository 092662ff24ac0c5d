//! Parquet tables as pandas, pyarrow, polars and Hugging Face's datasets write them: columns of numbers, of lists of numbers, and of encoded
//! pictures. Lists that all have one length are read here; those that differ in it, by `parquet_lists`.
//!
//! Names, types and rows are the footer's; what a sample of lists or a picture is shaped like is seen in the first row. How values are
//! decoded is `parquet_leaf`'s.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::schema::types::{ColumnDescriptor, Type};

use super::binary::{Layout, Number, Reading, fill, load as load_numbers};
use super::column::{Column, misfit};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{open_file, signature};
use super::parquet_leaf::{Leaf, Rows};
use super::shapes::Shapes;
use super::store::{Budget, Sink};
use super::table::{Columns, select};
use super::want::{Want, list};
use super::{cells, parquet_lists, picture};

const MAGIC: &[u8; 4] = b"PAR1";

/// A file whose footer is read.
pub(super) struct Table<'a> {
    pub path: &'a Path,
    pub file: Arc<SerializedFileReader<File>>,
    fields: Vec<Field>,
    /// Rows, by the footer.
    pub rows: usize,
}

/// A column that may be asked for: one leaf of the schema.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The column's name; that of a field of a struct has the struct's in front, `point.x`.
    pub name: String,
    /// The leaf's place in the schema.
    pub leaf: usize,
    pub kind: Kind,
}

/// What a leaf holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number(Number),
    /// A file as `images` reads them.
    Picture,
    /// What is not read here, in words.
    Other(&'static str),
}

/// Reads what the footer says of `columns`, and the shape of the first row.
pub(super) fn header(path: &Path, columns: &Columns) -> Result<Header, DataError> {
    let table = Table::open(path)?;
    let fields = table.asked(columns)?;
    table.header(&fields, columns)
}

/// The shapes of the rows of a column of lists that may differ in length; none for any other column.
pub(super) fn shapes(path: &Path, columns: &Columns, want: &Want) -> Result<Option<Shapes>, DataError> {
    let table = Table::open(path)?;
    let fields = table.asked(columns)?;
    let Some((field, number)) = table.listed(&fields, columns) else { return Ok(None) };
    let first = Header { number, shape: Leaf::new(&table, field).first_shape()?, rows: table.rows };
    // What the footer counts is what rows of the first one's length hold, or they differ.
    if table.counts(field, &first) {
        return Ok(None);
    }
    let shapes = parquet_lists::shapes(&table, field)?;
    table.fitting(field, &shapes, want).map(Some)
}

/// Reads `columns` as a column that feeds `want`.
pub(super) fn load(
    path: &Path,
    columns: &Columns,
    want: &Want,
    raw: bool,
    budget: &Budget,
) -> Result<Column, DataError> {
    let table = Table::open(path)?;
    let fields = table.asked(columns)?;
    if let Some((field, number)) = table.listed(&fields, columns).filter(|_| want.is_open()) {
        let shapes = parquet_lists::shapes(&table, field)?;
        if shapes.differ() {
            let fitted = table.fitting(field, &shapes, want)?;
            return parquet_lists::load(&table, field, number, (&shapes, fitted), (want, raw), budget);
        }
    }
    let header = table.header(&fields, columns)?;
    let named = |error: DataError| match (&fields[..], &error.column) {
        ([only], None) => error.in_column(only.name.as_str()),
        _ => error,
    };
    header.check(path, want).map_err(named)?;
    if fields[0].kind == Kind::Picture {
        return table.pictures(&fields[0], &header, want, raw, budget);
    }
    let mut rows = Rows::new(&table, &fields, &header);
    let layout = Layout { header, big_endian: false, fortran: false, offset: 0 };
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let names = if names.len() > 1 { &names[..] } else { &[] };
    let reading = Reading { path, want, raw, plain: false, budget, names };
    load_numbers(&reading, &layout, &mut rows).map_err(named)
}

impl<'a> Table<'a> {
    /// Opens the file and reads its footer.
    fn open(path: &'a Path) -> Result<Table<'a>, DataError> {
        let mut file = open_file(path)?;
        check_magic(path, &mut file)?;
        let file = SerializedFileReader::new(file).map_err(|error| damaged(path, "the file's footer", &error))?;
        check_places(path, file.metadata())?;
        let schema = file.metadata().file_metadata().schema_descr();
        let mut names = Vec::new();
        schema.root_schema().get_fields().iter().for_each(|field| gather(field, "", &mut names));
        let field = |(leaf, name)| Field { name, leaf, kind: kind(&schema.column(leaf)) };
        let fields = names.into_iter().enumerate().map(field).filter(|field| !field.name.is_empty()).collect();
        let rows = usize::try_from(file.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Table { path, file: Arc::new(file), fields, rows })
    }

    /// The fields that `columns` name, each of a type and a compression that are read here.
    fn asked(&self, columns: &Columns) -> Result<Vec<Field>, DataError> {
        let names: Vec<String> = self.fields.iter().map(|field| field.name.clone()).collect();
        let places = select(self.path, &names, columns)?.places;
        let fields: Vec<Field> = places.into_iter().map(|place| self.fields[place].clone()).collect();
        if fields.is_empty() {
            let error = DataError::new(self.path, DataErrorKind::Name, "an empty list names no column");
            return Err(error);
        }
        for field in &fields {
            if let Kind::Other(what) = field.kind {
                let message = format!("the column holds {what}, numbers and pictures are read here");
                return Err(self.fault(field, DataErrorKind::Unsupported, message));
            }
            if let Some(method) = self.unknown_compression(field.leaf) {
                let message = format!("the column is compressed by {method}, which is not read here");
                let error = self.fault(field, DataErrorKind::Unsupported, message);
                return Err(error.help("write the file with `compression=\"zstd\"`"));
            }
        }
        Ok(fields)
    }

    /// The first compression of a leaf's chunks that is not read here.
    fn unknown_compression(&self, leaf: usize) -> Option<&'static str> {
        let groups = self.file.metadata().row_groups().iter();
        groups.map(|group| group.column(leaf).compression()).find_map(|method| match method {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::ZSTD(_)
            | Compression::LZ4
            | Compression::LZ4_RAW => None,
            Compression::BROTLI(_) => Some("Brotli"),
            Compression::LZO => Some("LZO"),
        })
    }

    fn header(&self, fields: &[Field], columns: &Columns) -> Result<Header, DataError> {
        let empty = Header { number: Number::F32, shape: Vec::new(), rows: self.rows };
        if self.rows == 0 {
            return Ok(empty);
        }
        if let Columns::One(_) = columns
            && let [field] = fields
        {
            return self.column_header(field);
        }
        let mut numbers = Vec::new();
        for field in fields {
            let Header { number, shape, .. } = self.column_header(field)?;
            if !shape.is_empty() {
                let message = format!("a row of the column is {}; only single numbers make a vector", list(&shape));
                let error = self.fault(field, DataErrorKind::Shape, message);
                return Err(error.help("name that column alone"));
            }
            numbers.push(number);
        }
        let alike = numbers.iter().all(|number| *number == numbers[0]);
        let number = if alike { numbers[0] } else { Number::F64 };
        Ok(Header { number, shape: vec![fields.len()], rows: self.rows })
    }

    /// What the footer and the first row say of one column.
    fn column_header(&self, field: &Field) -> Result<Header, DataError> {
        let number = match field.kind {
            Kind::Number(number) => number,
            _ => {
                let first = Leaf::new(self, field).pictures(1)?;
                let picture =
                    picture::header_in(self.path, first[0].data()).map_err(|error| self.row_of(field, error, 1))?;
                return Ok(Header { rows: self.rows, ..picture });
            }
        };
        let shape = Leaf::new(self, field).first_shape()?;
        let header = Header { number, shape, rows: self.rows };
        if !header.shape.is_empty() && !self.counts(field, &header) {
            // Some row is of another length: which, its own levels tell.
            let mut rows = Rows::new(self, std::slice::from_ref(field), &header);
            std::io::copy(&mut rows, &mut std::io::sink()).map_err(|error| DataError::from_io(self.path, &error))?;
        }
        Ok(header)
    }

    /// Whether the footer counts as many numbers as rows of the first one's shape have.
    fn counts(&self, field: &Field, first: &Header) -> bool {
        let groups = self.file.metadata().row_groups().iter();
        let held: i64 = groups.map(|group| group.column(field.leaf).num_values()).sum();
        usize::try_from(held).ok() == first.shape.iter().product::<usize>().checked_mul(self.rows)
    }

    /// The field of a single column of lists, and what its numbers are.
    fn listed<'f>(&self, fields: &'f [Field], columns: &Columns) -> Option<(&'f Field, Number)> {
        match (fields, columns) {
            ([field], Columns::One(_)) if self.rows > 0 && Leaf::new(self, field).is_list() => match field.kind {
                Kind::Number(number) => Some((field, number)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The `shapes` of a column's rows as they fit `want`.
    fn fitting(&self, field: &Field, shapes: &Shapes, want: &Want) -> Result<Shapes, DataError> {
        let fit = |shape: &[usize]| want.fit(shape).map_err(|fault| misfit(self.path, DataErrorKind::Shape, fault));
        let first = |error: DataError| {
            let row = (0..self.rows).find(|row| want.fit(shapes.of(*row)).is_err()).unwrap_or(0);
            self.row_of(field, error, row + 1)
        };
        shapes.map(fit).map_err(first)
    }

    /// Decodes the pictures of a column.
    fn pictures(
        &self,
        field: &Field,
        first: &Header,
        want: &Want,
        raw: bool,
        budget: &Budget,
    ) -> Result<Column, DataError> {
        const AT_A_TIME: usize = 16;
        let shape = first.check(self.path, want)?;
        let (mut sink, mut leaf) = (Sink::new(self.path, budget), Leaf::new(self, field));
        let mut row = 0;
        while row < self.rows {
            for bytes in leaf.pictures(AT_A_TIME.min(self.rows - row))? {
                row += 1;
                let elements = picture::read_in(self.path, bytes.data()).and_then(|(header, planes)| {
                    picture::alike(self.path, &header, Path::new("that of row 1"), first)?;
                    cells::elements(self.path, &planes, header.number, want)
                });
                sink.push(&elements.map_err(|error| self.row_of(field, error, row))?)?;
            }
        }
        let form = picture::form(first.number, want, raw);
        Ok(Column::packed(want.element, shape, self.rows, form, sink.finish()?))
    }

    /// A fault of the column `field`.
    pub fn fault(&self, field: &Field, kind: DataErrorKind, message: String) -> DataError {
        DataError::new(self.path, kind, message).in_column(field.name.as_str())
    }

    /// `error` in the row, counted from 1, of the column `field`.
    fn row_of(&self, field: &Field, error: DataError, row: usize) -> DataError {
        error.at_row(row).in_column(field.name.as_str())
    }
}

/// Refuses what does not begin and end as a Parquet file does.
fn check_magic(path: &Path, file: &mut File) -> Result<(), DataError> {
    let fault = |error: std::io::Error| DataError::from_io(path, &error);
    let (mut start, mut end) = ([0; 16], [0; 4]);
    let filled = fill(file, &mut start).map_err(fault)?;
    if filled == 0 {
        return Err(DataError::new(path, DataErrorKind::Truncated, "the file is empty"));
    }
    if !start.starts_with(MAGIC) {
        if start.starts_with(b"PARE") {
            return Err(DataError::new(path, DataErrorKind::Unsupported, "the Parquet file is encrypted"));
        }
        let message = "this is no Parquet file: it does not begin with `PAR1`";
        let error = DataError::new(path, DataErrorKind::Malformed, message);
        return Err(match signature(&start[..filled]) {
            _ if start.starts_with(&[0x1f, 0x8b]) => error.help("unpack it with `gunzip` first"),
            Some(what) => error.help(format!("it looks like {what}")),
            None => error,
        });
    }
    let size = file.seek(SeekFrom::End(0)).map_err(fault)?;
    if size >= 12 {
        file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut end)).map_err(fault)?;
    }
    if end != *MAGIC {
        let message = format!("the file is cut short: after {size} bytes it has no footer yet");
        return Err(DataError::new(path, DataErrorKind::Truncated, message).help("fetch or write the file again"));
    }
    file.rewind().map_err(fault)
}

/// Refuses a footer that puts a column outside the file, on which the library would panic.
fn check_places(path: &Path, metadata: &ParquetMetaData) -> Result<(), DataError> {
    let size = path.metadata().map_err(|error| DataError::from_io(path, &error))?.len();
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    let sound = metadata.row_groups().iter().all(|group| {
        group.num_columns() == leaves
            && group.columns().iter().all(|chunk| {
                let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
                let end = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
                chunk.data_page_offset() >= 0
                    && end.and_then(|(start, length)| start.checked_add(length)).is_some_and(|end| end <= size)
            })
    });
    if sound {
        return Ok(());
    }
    let message = "the file's footer is damaged: it puts a column outside the file";
    Err(DataError::new(path, DataErrorKind::Malformed, message).help("fetch or write the file again"))
}

/// What the library of Parquet says is wrong with `part` of the file.
pub(super) fn damaged(path: &Path, part: &str, error: &ParquetError) -> DataError {
    let reason = match error {
        ParquetError::General(reason) | ParquetError::NYI(reason) | ParquetError::EOF(reason) => reason.clone(),
        other => other.to_string(),
    };
    DataError::new(path, DataErrorKind::Malformed, format!("{part} cannot be read: {reason}"))
        .help("fetch or write the file again")
}

/// The names of the columns that the leaves below `node` are, in order. Lists add nothing to a name. The struct of a picture is known by
/// its field `bytes`; beside it stands the name of a file, which is no column.
fn gather(node: &Type, within: &str, found: &mut Vec<String>) {
    let name = if within.is_empty() { node.name().to_owned() } else { format!("{within}.{}", node.name()) };
    if node.is_primitive() {
        found.push(name);
        return;
    }
    let is_picture = node.get_fields().iter().any(|field| {
        field.is_primitive() && field.name() == "bytes" && field.get_physical_type() == Physical::BYTE_ARRAY
    });
    for field in node.get_fields() {
        let first = found.len();
        match listed(node, field) {
            Some(element) => gather_as(element, &name, found),
            None => gather(field, &name, found),
        }
        if is_picture {
            let bytes = field.name() == "bytes";
            found[first..].iter_mut().for_each(|leaf| *leaf = if bytes { name.clone() } else { String::new() });
        }
    }
}

/// As [`gather`], under the name of the list that `node` is the element of.
fn gather_as(node: &Type, name: &str, found: &mut Vec<String>) {
    let first = found.len();
    gather(node, "", found);
    let own = node.name();
    for leaf in &mut found[first..] {
        *leaf = leaf.strip_prefix(own).map_or(String::new(), |rest| format!("{name}{rest}"));
    }
}

/// The element of the list `node`, whose only field is `repeated`; none if it is no list.
fn listed<'t>(node: &Type, repeated: &'t Type) -> Option<&'t Type> {
    let info = node.get_basic_info();
    let is_list =
        matches!(info.logical_type_ref(), Some(LogicalType::List)) || info.converted_type() == ConvertedType::LIST;
    if !is_list {
        return None;
    }
    // Older writers leave out the level between the list and its element.
    match repeated {
        Type::GroupType { fields, .. } if fields.len() == 1 => Some(&fields[0]),
        other => Some(other),
    }
}

/// What a leaf holds, by its types.
fn kind(leaf: &ColumnDescriptor) -> Kind {
    let logical = leaf.logical_type_ref();
    let other = match (logical, leaf.converted_type()) {
        (Some(LogicalType::String | LogicalType::Enum | LogicalType::Json), _)
        | (None, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON) => Some("text"),
        (Some(LogicalType::Decimal { .. }), _) | (None, ConvertedType::DECIMAL) => Some("decimal fractions"),
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Some("dates"),
        (Some(LogicalType::Time { .. } | LogicalType::Timestamp { .. }), _)
        | (
            None,
            ConvertedType::TIME_MILLIS
            | ConvertedType::TIME_MICROS
            | ConvertedType::TIMESTAMP_MILLIS
            | ConvertedType::TIMESTAMP_MICROS
            | ConvertedType::INTERVAL,
        ) => Some("times"),
        (Some(LogicalType::Uuid), _) => Some("identifiers"),
        (Some(LogicalType::Unknown), _) => Some("nothing but nulls"),
        _ => None,
    };
    if let Some(other) = other {
        return Kind::Other(other);
    }
    let number = match (leaf.physical_type(), width(leaf)) {
        (Physical::BOOLEAN, _) => Number::Bool,
        (Physical::INT32, Some((8, true))) => Number::I8,
        (Physical::INT32, Some((8, false))) => Number::U8,
        (Physical::INT32, Some((16, true))) => Number::I16,
        (Physical::INT32, Some((16, false))) => Number::U16,
        (Physical::INT32, Some((_, false))) => Number::U32,
        (Physical::INT32, _) => Number::I32,
        (Physical::INT64, Some((_, false))) => Number::U64,
        (Physical::INT64, _) => Number::I64,
        (Physical::FLOAT, _) => Number::F32,
        (Physical::DOUBLE, _) => Number::F64,
        (Physical::FIXED_LEN_BYTE_ARRAY, _) if matches!(logical, Some(LogicalType::Float16)) => Number::F16,
        (Physical::BYTE_ARRAY, _) if leaf.max_rep_level() == 0 => return Kind::Picture,
        (Physical::INT96, _) => return Kind::Other("times"),
        _ => return Kind::Other("bytes"),
    };
    Kind::Number(number)
}

/// The width of integers in bits, and whether they have a sign, if the schema says so.
fn width(leaf: &ColumnDescriptor) -> Option<(i8, bool)> {
    if let Some(LogicalType::Integer(int)) = leaf.logical_type_ref() {
        return Some((int.bit_width, int.is_signed));
    }
    Some(match leaf.converted_type() {
        ConvertedType::INT_8 => (8, true),
        ConvertedType::INT_16 => (16, true),
        ConvertedType::UINT_8 => (8, false),
        ConvertedType::UINT_16 => (16, false),
        ConvertedType::UINT_32 => (32, false),
        ConvertedType::UINT_64 => (64, false),
        _ => return None,
    })
}
