//! The messages of an ONNX file, as far as networks of tensors need them: the fields of `onnx.proto3` of ONNX 1.16 by their numbers.
//! Fields that are not listed (functions, training, sparse and quantised tensors) are skipped when a file is read.

use prost::Message;

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// The version of the format itself.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// That program's version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// What it is, for people.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    /// The sets of operators that its nodes are of.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    /// Further facts by name.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

/// A set of operators at a version.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    /// Empty for ONNX's own.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Its version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A fact by name.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// What it says.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A network.
#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    /// Its nodes, each after those that it reads.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants by name: weights above all.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    /// What it is, for people.
    #[prost(string, tag = "10")]
    pub doc_string: String,
    /// What is fed. Older files list their initializers here as well.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    /// What it gives.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
    /// The types of values within.
    #[prost(message, repeated, tag = "13")]
    pub value_info: Vec<ValueInfo>,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// The names of its operands; an empty one is an optional operand left out.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// The names of its results.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Its own name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Its constants.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
    /// What it is, for people.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// The operator's set; empty for ONNX's own.
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// A constant of a node. Which field holds it is said by `kind`, in files older than ONNX 1.2 by its presence.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// An integer.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// A text.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub s: Option<Vec<u8>>,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub t: Option<Tensor>,
    /// A network, as the branches of `If`.
    #[prost(message, optional, tag = "6")]
    pub g: Option<Graph>,
    /// Numbers.
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    /// Integers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// Texts.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub strings: Vec<Vec<u8>>,
    /// Which of the fields.
    #[prost(enumeration = "AttributeKind", tag = "20")]
    pub kind: i32,
}

/// Which field of an [`Attribute`] holds its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum AttributeKind {
    /// Not said.
    Undefined = 0,
    /// `f`.
    Float = 1,
    /// `i`.
    Int = 2,
    /// `s`.
    String = 3,
    /// `t`.
    Tensor = 4,
    /// `g`.
    Graph = 5,
    /// `floats`.
    Floats = 6,
    /// `ints`.
    Ints = 7,
    /// `strings`.
    Strings = 8,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// Its sizes.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// What its elements are.
    #[prost(enumeration = "ElementType", tag = "2")]
    pub data_type: i32,
    /// Elements, when they are floats that are not raw.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Elements, when they are integers of at most 32 bits or booleans that are not raw.
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    /// Elements, when they are 64-bit integers that are not raw.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// Its name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Elements of any type, little-endian, one after another.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
    /// Elements, when they are doubles that are not raw.
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    /// Where the elements are, when another file holds them.
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<Entry>,
    /// 1 when another file holds the elements.
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

/// What the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ElementType {
    /// Not said.
    Undefined = 0,
    /// 32-bit floats.
    Float = 1,
    /// Bytes.
    Uint8 = 2,
    /// Signed bytes.
    Int8 = 3,
    /// Unsigned integers of 16 bits.
    Uint16 = 4,
    /// Integers of 16 bits.
    Int16 = 5,
    /// Integers of 32 bits.
    Int32 = 6,
    /// Integers of 64 bits.
    Int64 = 7,
    /// Texts.
    String = 8,
    /// Truth values, a byte each.
    Bool = 9,
    /// 16-bit floats.
    Float16 = 10,
    /// 64-bit floats.
    Double = 11,
    /// Unsigned integers of 32 bits.
    Uint32 = 12,
    /// Unsigned integers of 64 bits.
    Uint64 = 13,
    /// 16-bit floats with the exponent of 32-bit ones.
    Bfloat16 = 16,
}

/// A value's name and type.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
}

/// A type. Those of sequences, maps and options are not read.
#[derive(Clone, PartialEq, Message)]
pub struct Type {
    /// A tensor's.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// A tensor's type.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// What its elements are.
    #[prost(enumeration = "ElementType", tag = "1")]
    pub elem_type: i32,
    /// Its sizes; none when even their number is open.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// Sizes.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// One for each axis.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// A size.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    /// A number or a name; none when it is open.
    #[prost(oneof = "Size", tags = "1, 2")]
    pub size: Option<Size>,
}

/// What a size is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Size {
    /// Known.
    #[prost(int64, tag = "1")]
    Value(i64),
    /// The same wherever this name stands, known when the network runs.
    #[prost(string, tag = "2")]
    Param(String),
}
