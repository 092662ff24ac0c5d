//! The message that holds trained values: `parameter.protobuf` of an archive.

use prost::Message;

/// The file: the field of NNabla's outermost message that holds parameters.
#[derive(Clone, PartialEq, Message)]
pub struct Parameters {
    /// All of them.
    #[prost(message, repeated, tag = "200")]
    pub parameter: Vec<Parameter>,
}

/// One parameter.
#[derive(Clone, PartialEq, Message)]
pub struct Parameter {
    /// Its name, as the network's variables have it: `conv1/conv/W`.
    #[prost(string, tag = "1")]
    pub variable_name: String,
    /// The sizes of its axes.
    #[prost(message, optional, tag = "20")]
    pub shape: Option<Shape>,
    /// Its elements, row-major.
    #[prost(float, repeated, tag = "100")]
    pub data: Vec<f32>,
    /// Whether it is trained.
    #[prost(bool, tag = "101")]
    pub need_grad: bool,
}

/// Sizes of axes.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// One for each axis.
    #[prost(int64, repeated, tag = "1")]
    pub dim: Vec<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_sizes_are_packed() {
        let shape = Some(Shape { dim: vec![2, 1] });
        let parameter = Parameter { variable_name: "W".into(), shape, data: vec![1.5, -2.0], need_grad: true };
        let bytes = Parameters { parameter: vec![parameter.clone()] }.encode_to_vec();
        assert_eq!(Parameters::decode(bytes.as_slice()).unwrap().parameter, [parameter]);
        let packed = [0xa2, 0x01, 4, 0x0a, 2, 2, 1];
        assert!(bytes.windows(packed.len()).any(|part| part == packed), "{bytes:x?}");
    }
}
