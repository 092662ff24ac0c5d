"""The auto-encoder of `benches/steps.rs` applied by ONNX Runtime.

    python onnx_peer.py [threads] [part of a case's name]
"""
from common import SIZES, Cases, options

chosen = options(["run"])
import numpy as np                                                 # noqa: E402
import onnxruntime                                                 # noqa: E402
from onnx import TensorProto, helper, numpy_helper                 # noqa: E402

RNG = np.random.default_rng(0)
cases = Cases("onnxruntime", chosen)


def session(batch):
    weights, nodes, last = [], [], "x"
    for number, (rows, columns) in enumerate(SIZES):
        for name, sizes in ((f"w{number}", (rows, columns)), (f"b{number}", (columns,))):
            weights.append(numpy_helper.from_array((RNG.random(sizes, dtype=np.float32) - 0.5) / 16, name))
        nodes += [helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"z{number}"]),
                  helper.make_node("Sigmoid", [f"z{number}"], [f"h{number}"])]
        last = f"h{number}"
    given, made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (batch, 784)) for name in ("x", last))
    graph = helper.make_graph(nodes, "auto-encoder", [given], [made], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = chosen.threads
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


for batch in (1, 256):
    case = f"auto-encoder applied, batch {batch}"
    if cases.wants(case):
        runner, x = session(batch), RNG.random((batch, 784), dtype=np.float32)
        cases.report(case, lambda: runner.run(None, {"x": x}))
