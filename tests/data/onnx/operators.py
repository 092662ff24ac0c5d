"""Writes the networks of single operators beside this file, each with inputs, and what ONNX Runtime makes of them.

    python operators.py          (onnx, onnxruntime, numpy)

A network has a value for each case, all of the same few inputs; its file of arrays holds the inputs and outputs under their names.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(0)
INPUTS = {"x": (3, 4, 6), "s": (5, 4), "v": (8,), "t": (5,), "b": (5, 4)}


def floats(*sizes):
    return (RNG.integers(-64, 64, sizes) / 64).astype(np.float32)


class Network:
    def __init__(self, name, version):
        self.name, self.version = name, version
        self.nodes, self.weights, self.outputs, self.cases = [], [], [], []

    def weight(self, values):
        name = f"w{len(self.weights)}"
        values = np.asarray(values)
        values = values.astype({"f": np.float32, "b": bool}.get(values.dtype.kind, np.int64))
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind, inputs, outputs=1, **attributes):
        inputs = [each if isinstance(each, str) else self.weight(each) for each in inputs]
        names = [f"n{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def out(self, name, value):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(name)

    def case(self, name, kind, inputs, **attributes):
        self.out(name, self.node(kind, inputs, **attributes))

    def model(self):
        read = {name for node in self.nodes for name in node.input}
        kinds = {"t": TensorProto.INT64, "b": TensorProto.BOOL}
        given = [helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), ["N", *sizes])
                 for name, sizes in INPUTS.items() if name in read]
        made = [onnx.ValueInfoProto(name=name) for name in self.outputs]
        graph = helper.make_graph(self.nodes, self.name, given, made, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.version)], ir_version=7)
        return onnx.shape_inference.infer_shapes(model)


def elementwise():
    g = Network("elementwise", 17)
    for kind in ("Relu Sigmoid Tanh Exp Abs Neg Floor Ceil Round Sign Erf Sin Cos Tan Atan Asinh Sinh Cosh Softplus Softsign "
                 "HardSwish Celu Elu Selu LeakyRelu HardSigmoid ThresholdedRelu Identity Dropout").split():
        g.case(kind.lower() + "_y", kind, ["s"])
    positive = g.node("Add", [g.node("Abs", ["s"]), np.float32(0.5)])
    for kind in "Log Sqrt Reciprocal".split():
        g.case(kind.lower() + "_y", kind, [positive])
    inside = g.node("Tanh", ["s"])
    for kind in "Asin Acos Atanh".split():
        g.case(kind.lower() + "_y", kind, [inside])
    g.case("acosh_y", "Acosh", [g.node("Add", [positive, np.float32(1)])])
    g.case("elu_half", "Elu", ["s"], alpha=0.5)
    g.case("celu_half", "Celu", ["s"], alpha=0.5)
    g.case("leaky", "LeakyRelu", ["s"], alpha=0.3)
    g.case("hard", "HardSigmoid", ["s"], alpha=0.25, beta=0.4)
    g.case("prelu_channels", "PRelu", ["x", floats(3, 1, 1)])
    g.case("prelu_last", "PRelu", ["s", floats(4)])
    g.case("clip_both", "Clip", ["s", np.float32(-0.5), np.float32(0.25)])
    g.case("clip_low", "Clip", ["s", np.float32(-0.5)])
    g.case("clip_high", "Clip", ["s", "", np.float32(0.25)])
    g.case("clip_six", "Clip", ["s", np.float32(0), np.float32(6)])
    g.case("shrink", "Shrink", ["s"], lambd=0.3, bias=0.1)
    for kind in "Add Sub Mul Div".split():
        g.case(kind.lower() + "_number", kind, ["s", np.float32(1.5)])
        g.case(kind.lower() + "_from", kind, [np.float32(-1.5), positive])
        g.case(kind.lower() + "_row", kind, ["s", floats(4) + 2])
        g.case(kind.lower() + "_channels", kind, ["x", floats(1, 3, 1, 1) + 2])
        g.case(kind.lower() + "_values", kind, ["s", positive])
    g.case("nested_sub", "Sub", ["s", g.node("Sub", [positive, inside])])
    g.case("nested_div", "Div", ["s", g.node("Mul", [positive, positive])])
    g.case("outer_add", "Add", [g.node("Slice", ["s", [0], [1], [1]]), g.node("Slice", ["s", [0], [1], [2]])])
    g.case("pow_two", "Pow", ["s", np.float32(2)])
    g.case("pow_values", "Pow", [positive, "s"])
    g.case("pow_neg", "Neg", [g.node("Pow", [positive, np.float32(-0.5)])])
    g.case("max_three", "Max", ["s", inside, np.float32(0.1)])
    g.case("min_two", "Min", ["s", floats(5, 4)])
    g.case("sum_three", "Sum", ["s", inside, positive])
    g.case("mean_two", "Mean", ["s", inside])
    truth = {}
    for kind in "Equal Less LessOrEqual Greater GreaterOrEqual".split():
        truth[kind] = g.node(kind, ["s", np.float32(0.25)])
        g.case(kind.lower() + "_y", "Cast", [truth[kind]], to=1)
    for kind in "And Or Xor".split():
        g.case(kind.lower() + "_y", "Cast", [g.node(kind, [truth["Less"], "b"])], to=1)
    g.case("not_y", "Cast", [g.node("Not", [g.node("Or", [truth["Less"], "b"])])], to=1)
    g.case("where_number", "Where", ["b", "s", np.float32(-2)])
    g.case("where_values", "Where", [truth["Less"], inside, "s"])
    g.case("where_row", "Where", [np.array([True, False, True, True]), "s", inside])
    g.case("where_infinite", "Softmax", [g.node("Where", [np.tri(5, 4).astype(bool), "s", np.float32(-np.inf)])])
    g.case("isnan_y", "Cast", [g.node("IsNaN", ["s"])], to=1)
    g.case("class_float", "Cast", ["t"], to=1)
    g.case("class_sum", "Cast", [g.node("Add", [g.node("Mul", ["t", np.int64(3)]), np.int64(-2)])], to=1)
    g.case("class_mod", "Cast", [g.node("Mod", ["t", np.int64(3)])], to=1)
    g.case("class_is", "Cast", [g.node("Equal", ["t", np.int64(2)])], to=1)
    g.case("cut", "Cast", [g.node("Cast", [g.node("Mul", ["s", np.float32(4)])], to=7)], to=1)
    g.case("truth", "Cast", [g.node("Cast", [g.node("Floor", ["s"])], to=9)], to=1)
    half = numpy_helper.from_array(floats(4).astype(np.float16), "half_weight")
    g.weights.append(half)
    g.case("half", "Add", ["s", g.node("Cast", ["half_weight"], to=1)])
    double = numpy_helper.from_array(floats(4).astype(np.float64), "double_weight")
    g.weights.append(double)
    g.case("double", "Mul", ["s", g.node("Cast", ["double_weight"], to=1)])
    g.weights.append(helper.make_tensor("typed_weight", TensorProto.FLOAT, [4], [0.5, -1.5, 2.0, 0.25]))
    g.case("typed", "Mul", ["s", "typed_weight"])
    return g


def moves():
    g = Network("moves", 17)
    g.case("flatten_one", "Flatten", ["x"])
    g.case("flatten_neg", "Flatten", ["x"], axis=-3)
    g.case("reshape_open", "Reshape", ["x", [0, -1]])
    g.case("reshape_first_open", "Reshape", ["x", [-1, 12, 6]])
    g.case("reshape_keep", "Reshape", ["x", [0, 0, 24]])
    shape = g.node("Shape", ["x"])
    first = g.node("Unsqueeze", [g.node("Gather", [shape, np.int64(0)], axis=0), [0]])
    g.case("reshape_computed", "Reshape", ["x", g.node("Concat", [first, [4, 18]], axis=0)])
    merged = g.node("Reshape", ["s", g.node("Concat", [g.node("Mul", [first, [5]]), [4]], axis=0)])
    rows = g.node("Relu", [merged])
    g.case("merged", "Reshape", [rows, [-1, 5, 4]])
    g.case("transpose_last", "Transpose", ["x"], perm=[0, 1, 3, 2])
    g.case("transpose_turn", "Transpose", ["x"], perm=[0, 2, 3, 1])
    there = g.node("Transpose", ["s"], perm=[1, 0, 2])
    g.case("samples_second", "Transpose", [g.node("Add", [there, floats(5, 1, 4)])], perm=[1, 0, 2])
    g.case("samples_last", "Transpose", [g.node("Mul", [g.node("Transpose", ["x"], perm=[1, 2, 3, 0]), floats(6, 1)])],
           perm=[3, 0, 1, 2])
    g.case("unsqueeze_two", "Unsqueeze", ["s", [1, -1]])
    g.case("squeeze_it", "Squeeze", [g.node("Unsqueeze", ["s", [1, 4]]), [1]])
    g.case("expand_it", "Expand", [g.node("Unsqueeze", ["s", [1]]), [1, 3, 5, 4]])
    token = g.node("Expand", [floats(1, 2, 4), g.node("Concat", [first, [2, 4]], axis=0)])
    g.case("token", "Concat", [token, "s"], axis=1)
    zeros = g.node("ConstantOfShape", [g.node("Concat", [first, [1, 4]], axis=0)],
                   value=helper.make_tensor("value", TensorProto.FLOAT, [1], [0.5]))
    g.case("filled", "Concat", ["s", zeros], axis=1)
    g.case("tile_it", "Tile", ["s", [1, 2, 3]])
    g.case("concat_two", "Concat", ["s", g.node("Neg", ["s"])], axis=-1)
    g.case("slice_step", "Slice", ["x", [0, 1], [4, 6], [2, 3], [3, 2]])
    g.case("slice_back", "Slice", ["s", [-1], [-100], [1], [-1]])
    g.case("slice_end", "Slice", ["s", [-3], [2 ** 62], [1]])
    for index, part in enumerate(g.node("Split", ["x"], outputs=3, axis=1)):
        g.out(f"even_{index}", part)
    for index, part in enumerate(g.node("Split", ["x", [1, 4, 1]], outputs=3, axis=-1)):
        g.out(f"uneven_{index}", part)
    g.case("gather_one", "Gather", ["s", np.int64(-1)], axis=1)
    g.case("gather_row", "Gather", ["s", np.array([1, 2])], axis=1)
    g.case("gather_some", "Gather", ["s", np.array([3, 0, 3])], axis=2)
    g.case("gather_square", "Gather", ["s", np.array([[3, 0], [-1, 2]])], axis=1)
    g.case("looked_up", "Gather", [floats(5, 3), "t"])
    g.case("pad_zeros", "Pad", ["x", [0, 0, 1, 2, 0, 0, 0, 1]])
    g.case("pad_value", "Pad", ["s", [0, 1, 0, 0, 0, 2], np.float32(-1.5)])
    g.case("to_space", "DepthToSpace", [g.node("Reshape", ["x", [0, 12, 3, 2]])], blocksize=2)
    g.case("to_space_crd", "DepthToSpace", [g.node("Reshape", ["x", [0, 12, 3, 2]])], blocksize=2, mode="CRD")
    g.case("to_depth", "SpaceToDepth", ["x"], blocksize=2)
    whole = g.node("Cast", [g.node("Shape", ["x"], start=1)], to=1)
    g.case("by_size", "Div", ["s", g.node("Sqrt", [g.node("Gather", [whole, np.int64(1)], axis=0)])])
    steps = g.node("Cast", [g.node("Range", [np.int64(0), np.int64(4), np.int64(1)])], to=1)
    g.case("by_range", "Add", ["s", steps])
    return g


def reductions():
    g = Network("reductions", 17)
    for kind in "Mean Max Min Prod L1 L2 LogSumExp SumSquare".split():
        g.case(f"{kind.lower()}_keep", f"Reduce{kind}", ["x"], axes=[2, -1])
        g.case(f"{kind.lower()}_drop", f"Reduce{kind}", ["s"], axes=[1], keepdims=0)
    g.case("sum_keep", "ReduceSum", ["x", [1]])
    g.case("sum_last", "ReduceSum", ["x", [-1]], keepdims=0)
    g.case("log_sum", "ReduceLogSum", [g.node("Exp", ["s"])], axes=[2])
    g.case("softmax_last", "Softmax", ["s"])
    g.case("softmax_first", "Softmax", ["s"], axis=1)
    g.case("log_softmax_it", "LogSoftmax", ["x"], axis=2)
    g.case("largest", "Cast", [g.node("ArgMax", ["s"], axis=1, keepdims=0)], to=1)
    g.case("smallest", "Cast", [g.node("ArgMin", ["s"], axis=-1)], to=1)
    values, places = g.node("TopK", ["s", [2]], outputs=2)
    g.out("top_values", values)
    g.case("top_places", "Cast", [places], to=1)
    g.case("running", "CumSum", ["s", np.int64(1)])
    g.case("running_last", "CumSum", ["s", np.int64(-1)])
    g.case("einsum_it", "Einsum", ["s", "s"], equation="bij,bkj->bik")
    g.case("einsum_weight", "Einsum", ["s", floats(4, 3)], equation="nij,jk->nki")
    g.case("product_self", "MatMul", ["s", g.node("Transpose", ["s"], perm=[0, 2, 1])])
    several = g.node("Slice", ["x", [0], [4], [3]])
    g.case("product_stack", "MatMul", [g.node("Unsqueeze", ["s", [1]]), several])
    g.case("product_front", "MatMul", [floats(2, 5), "s"])
    g.case("product_vector", "MatMul", ["s", floats(4)])
    tall = g.node("Unsqueeze", [g.node("Slice", ["x", [0, 0], [1, 4], [1, 2]]), [1]])
    g.case("product_stretched", "MatMul", [g.node("Unsqueeze", ["s", [1]]), g.node("Squeeze", [tall, [1]])])
    g.case("product_vector_left", "MatMul", [floats(4), "x"])
    g.case("product_four", "MatMul", ["x", g.node("Transpose", ["x"], perm=[0, 1, 3, 2])])
    return g


def layers():
    g = Network("layers", 17)
    g.case("gemm_plain", "Gemm", ["v", floats(8, 3), floats(3)])
    g.case("gemm_turned", "Gemm", ["v", floats(3, 8), floats(1, 3)], transB=1, alpha=0.5, beta=2.0)
    g.case("gemm_bare", "Gemm", ["v", floats(8, 3)])
    g.case("matmul_bias", "Add", [floats(3), g.node("MatMul", ["s", floats(4, 3)])])
    shared = g.weight(floats(4, 4))
    g.case("matmul_shared", "MatMul", [g.node("MatMul", ["s", shared]), shared])
    g.case("conv_plain", "Conv", ["x", floats(2, 3, 3, 3), floats(2)])
    g.case("conv_same", "Conv", ["x", floats(2, 3, 2, 3)], auto_pad="SAME_UPPER", strides=[2, 2])
    g.case("conv_lower", "Conv", ["x", floats(2, 3, 2, 2), floats(2)], auto_pad="SAME_LOWER")
    g.case("conv_uneven", "Conv", ["x", floats(2, 3, 3, 2), floats(2)], pads=[1, 0, 2, 1], strides=[1, 2])
    g.case("conv_dilated", "Conv", ["x", floats(2, 3, 2, 2), floats(2)], dilations=[2, 3], pads=[1, 1, 1, 1])
    g.case("conv_groups", "Conv", ["x", floats(6, 1, 3, 3), floats(6)], group=3, pads=[1, 1, 1, 1])
    g.case("conv_line", "Conv", ["s", floats(2, 5, 3), floats(2)], pads=[1, 1])
    g.case("up_plain", "ConvTranspose", ["x", floats(3, 2, 2, 2), floats(2)], strides=[2, 2])
    g.case("up_pads", "ConvTranspose", ["x", floats(3, 2, 3, 3), floats(2)], strides=[2, 2], pads=[1, 1, 1, 1])
    g.case("up_more", "ConvTranspose", ["x", floats(3, 2, 3, 3), floats(2)], strides=[2, 2], pads=[1, 1, 1, 1],
           output_padding=[1, 1])
    g.case("up_groups", "ConvTranspose", ["x", floats(3, 2, 3, 3)], group=3, dilations=[2, 1])
    g.case("batch_norm", "BatchNormalization", ["x", floats(3), floats(3), floats(3), np.abs(floats(3)) + 0.5], epsilon=1e-3)
    g.case("batch_norm_flat", "BatchNormalization", ["v", floats(8), floats(8), floats(8), np.abs(floats(8)) + 0.5])
    g.case("layer_norm", "LayerNormalization", ["s", floats(4), floats(4)])
    g.case("layer_norm_two", "LayerNormalization", ["x", floats(4, 6)], axis=2, epsilon=1e-3)
    g.case("instance_norm", "InstanceNormalization", ["x", floats(3), floats(3)])
    g.case("max_pool", "MaxPool", ["x"], kernel_shape=[2, 2], strides=[2, 2])
    g.case("max_pool_pads", "MaxPool", ["x"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 1])
    g.case("max_pool_uneven", "MaxPool", ["x"], kernel_shape=[2, 2], pads=[0, 1, 1, 0])
    g.case("max_pool_ceil", "MaxPool", ["x"], kernel_shape=[3, 4], strides=[2, 3], ceil_mode=1)
    g.case("max_pool_same", "MaxPool", ["x"], kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER")
    g.case("average_pool", "AveragePool", ["x"], kernel_shape=[2, 3], strides=[2, 3])
    g.case("average_pool_pads", "AveragePool", ["x"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    g.case("average_pool_counted", "AveragePool", ["x"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    g.case("global_average", "GlobalAveragePool", ["x"])
    g.case("global_max", "GlobalMaxPool", ["x"])
    nearest = dict(mode="nearest")
    g.case("resize_floor", "Resize", ["x", "", np.array([1, 1, 2, 3], np.float32)],
           coordinate_transformation_mode="asymmetric", nearest_mode="floor", **nearest)
    g.case("resize_half", "Resize", ["x", "", np.array([1, 1, 3, 2], np.float32)], **nearest)
    g.case("resize_linear", "Resize", ["x", "", "", g.node("Concat", [g.node("Shape", ["x"], end=2), [7, 9]], axis=0)],
           mode="linear", coordinate_transformation_mode="half_pixel")
    g.case("resize_corners", "Resize", ["x", "", np.array([1, 1, 2, 2], np.float32)],
           mode="linear", coordinate_transformation_mode="align_corners")
    steps = g.node("Transpose", ["s"], perm=[1, 0, 2])
    back = g.node("LSTM", [steps, floats(1, 12, 4), floats(1, 12, 3), floats(1, 24)], outputs=3, hidden_size=3,
                  direction="reverse")
    g.case("lstm_back", "Transpose", [g.node("Squeeze", [back[0], [1]])], perm=[1, 0, 2])
    g.case("lstm_state", "Squeeze", [back[1], [0]])
    g.case("lstm_cell", "Squeeze", [back[2], [0]])
    both = g.node("GRU", [steps, floats(2, 9, 4), floats(2, 9, 3), floats(2, 18)], outputs=2, hidden_size=3,
                  direction="bidirectional", linear_before_reset=1)
    g.case("gru_both", "Transpose", [both[0]], perm=[2, 0, 1, 3])
    g.case("gru_states", "Transpose", [both[1]], perm=[1, 0, 2])
    relu = g.node("RNN", [steps, floats(1, 3, 4), floats(1, 3, 3)], outputs=2, hidden_size=3, activations=["Relu"])
    g.case("rnn_relu", "Squeeze", [relu[1], [0]])
    return g


def old():
    """Operators whose operands were attributes."""
    g = Network("old", 9)
    g.case("clip_it", "Clip", ["s"], min=-0.5, max=0.5)
    g.case("slice_it", "Slice", ["s"], starts=[1], ends=[4], axes=[1])
    g.case("squeeze_it", "Squeeze", [g.node("Unsqueeze", ["s"], axes=[1])], axes=[1])
    g.case("pad_it", "Pad", ["s"], pads=[0, 1, 0, 0, 0, 1], value=0.25)
    g.case("sum_it", "ReduceSum", ["s"], axes=[2], keepdims=0)
    g.case("softmax_old", "Softmax", ["s"])
    g.case("split_sizes", "Concat", g.node("Split", ["s"], outputs=2, axis=1, split=[2, 3])[::-1], axis=1)
    g.case("dropout_it", "Dropout", ["s"], ratio=0.3)
    g.case("upsampled", "Upsample", ["x", np.array([1, 1, 2, 2], np.float32)], mode="nearest")
    return g


def new():
    """Operators whose attributes became operands, and operators that are new."""
    g = Network("new", 21)
    for kind in "Mean Max Min Prod L1 L2 LogSumExp SumSquare".split():
        g.case(f"{kind.lower()}_it", f"Reduce{kind}", ["x", [2, -1]], keepdims=0)
    for index, part in enumerate(g.node("Split", ["s"], outputs=3, axis=1, num_outputs=3)):
        g.out(f"part_{index}", part)
    g.case("gelu_exact", "Gelu", ["s"])
    g.case("gelu_tanh", "Gelu", ["s"], approximate="tanh")
    g.case("mish_it", "Mish", ["s"])
    g.case("group_norm", "GroupNormalization", [g.node("Reshape", ["x", [0, 6, 4, 3]]), floats(6), floats(6)], num_groups=3)
    g.case("pad_axes", "Pad", ["s", [1, 2], np.float32(0.5), [-1]])
    return g


FAMILIES = [elementwise, moves, reductions, layers, old, new]


def arrays(path, tensors):
    """Writes a safetensors file."""
    import json
    header, data = {}, b""
    for name, values in tensors.items():
        kind = "F32" if values.dtype == np.float32 else "I32"
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def keep(path, feeds):
    """Runs the network at `path` and writes inputs and outputs beside it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    made = session.run(None, {value.name: feeds[value.name] for value in session.get_inputs()})
    tensors = {value.name: feeds[value.name] for value in session.get_inputs()}
    tensors |= {value.name: values for value, values in zip(session.get_outputs(), made)}
    as_kept = {name: values if values.dtype == np.float32 else values.astype(np.int32) for name, values in tensors.items()}
    arrays(path.with_suffix(".arrays.safetensors"), as_kept)


def main():
    for family in FAMILIES:
        network = family()
        path = HERE / f"{network.name}.onnx"
        onnx.save(network.model(), path)
        feeds = {name: floats(2, *sizes) * 2 for name, sizes in INPUTS.items()}
        feeds["t"] = RNG.integers(0, 5, (2, 5))
        feeds["b"] = RNG.random((2, 5, 4)) > 0.5
        keep(path, feeds)
        print(path.name, path.stat().st_size, len(network.outputs))


if __name__ == "__main__":
    sys.exit(main())
