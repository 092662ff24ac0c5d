#!/bin/sh
# Ours beside the peers, in one run and closely alternated: ROUNDS rounds of each in turn, one JSON line a measurement.
#
#   JAX_PYTHON=.../python TORCH_PYTHON=.../python benches/compare.sh [threads] [rounds]
#
# A peer whose Python is not named is left out. Quote ratios of one run only: the machine's speed drifts from minute to minute.
set -eu
cd "$(dirname "$0")/.."
threads=${1:-2}
rounds=${2:-5}
cargo bench --no-run --bench steps 2>/dev/null
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    cargo bench --quiet --bench steps -- "$threads" | sed 's/{/{"peer": "nnlc", /'
    if [ -n "${JAX_PYTHON:-}" ]; then "$JAX_PYTHON" benches/peers/peer.py jax "$threads"; fi
    if [ -n "${TORCH_PYTHON:-}" ]; then "$TORCH_PYTHON" benches/peers/peer.py torch "$threads"; fi
done
