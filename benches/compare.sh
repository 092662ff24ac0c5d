#!/bin/sh
# Ours beside the peers, in one run and closely alternated: ROUNDS rounds of each in turn, one JSON line a measurement.
#
#   JAX_PYTHON=.../python TORCH_PYTHON=.../python ONNX_PYTHON=.../python benches/compare.sh [threads] [rounds] [part of a case's name]
#
# A peer whose Python is not named is left out. Quote ratios of one run only: the machine's speed drifts from minute to minute.
# `benches/table.py` makes the table of the lines.
set -eu
cd "$(dirname "$0")/.."
threads=${1:-2}
rounds=${2:-5}
part=${3:-}
cargo bench --no-run --bench steps 2>/dev/null
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    cargo bench --quiet --bench steps -- "$threads" ${part:+"$part"} | sed 's/{/{"peer": "nnlc", /'
    if [ -n "${JAX_PYTHON:-}" ]; then
        "$JAX_PYTHON" benches/peers/jax_peer.py "$threads" "$part"
        "$JAX_PYTHON" benches/peers/jax_peer.py "$threads" "$part" --variant scan
    fi
    if [ -n "${TORCH_PYTHON:-}" ]; then "$TORCH_PYTHON" benches/peers/torch_peer.py "$threads" "$part" --variant fused; fi
    if [ -n "${ONNX_PYTHON:-}" ]; then "$ONNX_PYTHON" benches/peers/onnx_peer.py "$threads" "$part"; fi
done
