"""Runs what `nnlc export` wrote in the program that it was written for, and compares.

    NNLC_EXPORTS=/tmp/exports cargo test --test it export::
    python tests/frameworks/judge.py /tmp/exports/onnx

The folder holds one folder for each case: the exported files, and `case.safetensors` with what is fed (`in.PLACE.NAME`) and what comes out
(`out.PLACE.NAME`). Needs NumPy and the program itself: onnxruntime, torch, jax, or nnabla's `nbla` on the path.
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np


def load(path):
    """The tensors of a safetensors file by name, truth values as such."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    truths = header.pop("__metadata__", {}).get("bool", "").split()
    tensors = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        dtype = {"F32": np.float32, "I32": np.int32}[entry["dtype"]]
        tensor = np.frombuffer(body[start:stop], dtype).reshape(entry["shape"])
        tensors[name] = tensor.astype(bool) if name in truths else tensor
    return tensors


def onnx(folder, fed):
    """Outputs by name, of ONNX Runtime. Its optimiser is left on, as users have it."""
    import onnxruntime
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    fed = {name: x.astype(np.int64) if x.dtype == np.int32 else x for name, x in fed.items()}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, fed)))


def pytorch(folder, fed):
    """Outputs in order, of PyTorch."""
    import importlib.util
    import torch
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    fed = {name: torch.from_numpy(x.astype(np.int64) if x.dtype == np.int32 else x.copy()) for name, x in fed.items()}
    with torch.no_grad():
        results = module.Runtime.load()(**fed)
    return [result.numpy() for result in (results if isinstance(results, tuple) else [results])]


def stablehlo(folder, fed):
    """Outputs in order, of XLA."""
    import jax
    from jax._src.interpreters import mlir
    from jax._src.lib import xla_client
    from jax._src.lib.mlir import ir
    with mlir.make_ir_context():
        module = ir.Module.parse((folder / "model.mlir").read_text())
        device = jax.devices("cpu")[0]
        devices = xla_client.DeviceList((device,))
        program = device.client.compile_and_load(module, devices, xla_client.CompileOptions())
    fed = [jax.device_put(x, device) for x in fed.values()]
    results = program.execute_sharded(fed).disassemble_into_single_device_arrays()
    return [np.asarray(result[0]) for result in results]


def nnp(folder, fed):
    """Outputs in order, of NNabla."""
    import zipfile
    from google.protobuf import text_format
    import nnabla
    from nnabla.utils import nnabla_pb2, nnp_graph
    nnabla.clear_parameters()
    path = folder / "model.nnp"
    text = zipfile.ZipFile(path).read("network.nntxt").decode()
    (executor,) = text_format.Parse(text, nnabla_pb2.NNablaProtoBuf()).executor
    batch = next(iter(fed.values())).shape[0] if fed and next(iter(fed.values())).ndim else 1
    network = nnp_graph.NnpLoader(str(path)).get_network(executor.network_name, batch_size=batch)
    for name, x in fed.items():
        if network.variables[name] is not None:  # What nothing reads is left out.
            network.variables[name].d = x
    outputs = [network.variables[output.variable_name] for output in executor.output_variable]
    nnabla.forward_all(outputs)
    return [output.d.copy() for output in outputs]


def distance(found, expected):
    """The largest difference relative to the largest value, or infinity where shapes or special values differ."""
    if found.shape != expected.shape:
        return math.inf
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    special = ~np.isfinite(expected)
    if not np.array_equal(found[special], expected[special], equal_nan=True):
        return math.inf
    both = np.where(special, 0, found), np.where(special, 0, expected)
    scale = max(np.abs(both[1]).max(initial=0), 1e-3)
    return np.abs(both[0] - both[1]).max(initial=0) / scale


def main(folder, limit=2e-5):
    run = {"onnx": onnx, "pytorch": pytorch, "stablehlo": stablehlo, "nnp": nnp}[folder.name]
    worst, failed, count = (0, "none"), 0, 0
    for case in sorted(path for path in folder.iterdir() if path.is_dir()):
        tensors = load(case / "case.safetensors")
        fed, wanted = (
            {name.split(".", 2)[2]: tensor for name, tensor in sorted(tensors.items()) if name.startswith(side)}
            for side in ("in.", "out."))
        count += 1
        try:
            found = run(case, fed)
            if isinstance(found, list):
                found = dict(zip(wanted, found, strict=True))
            off = max(distance(np.asarray(found[name]), expected) for name, expected in wanted.items())
        except Exception as error:  # A judge that refuses is a failure, told with its reason.
            print(f"{case.name}: {type(error).__name__}: {str(error)[:300]}")
            failed += 1
            continue
        worst = max(worst, (off, case.name))
        if not off <= limit:
            print(f"{case.name}: off by {off:.2e}")
            failed += 1
    print(f"{folder.name}: {count - failed} of {count} cases agree to {limit}; the worst, {worst[1]}, is off by {worst[0]:.1e}")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(pathlib.Path(sys.argv[1]))))
