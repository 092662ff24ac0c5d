"""The table of a run of `compare.sh`: the median of each program's rounds in microseconds, and ours as a share of each peer's.

    benches/compare.sh 2 5 > lines; python benches/table.py < lines
"""
import json
import statistics
import sys

rounds = {}
for line in sys.stdin:
    entry = json.loads(line)
    rounds.setdefault(entry["case"], {}).setdefault(entry["peer"], []).append(entry["us"])
peers = list(dict.fromkeys(peer for case in rounds.values() for peer in case if peer != "nnlc"))
print("| case | nnlc |", " | ".join(f"{peer} | ratio" for peer in peers), "|")
print("|---" * (2 + 2 * len(peers)) + "|")
for case, found in rounds.items():
    ours = statistics.median(found["nnlc"]) if "nnlc" in found else None
    cells = [case, f"{ours:,.1f}" if ours else ""]
    for peer in peers:
        theirs = statistics.median(found[peer]) if peer in found else None
        cells += [f"{theirs:,.1f}" if theirs else "", f"{ours / theirs:.2f}" if ours and theirs else ""]
    print("|", " | ".join(cells), "|")
