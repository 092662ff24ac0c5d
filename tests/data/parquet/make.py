"""Writes the Parquet files of this folder, with what people write such files with; `tests/it/parquet.rs` reads them.

    pip install pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0 pillow
    python make.py

Column `TYPE` holds, in row i (from 0), 3 i - 20 (3 i if unsigned), of fractions 0.25 (3 i - 20); `flag` whether i is a multiple of 3; `label` i mod 10;
`vector` (i, -i, i / 2); `matrix` the bytes (i, i + 1, i + 2), (2 i, 0, 255).
"""

import io

import numpy
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

ROWS = range(60)
columns = {}
for name in ["int8", "int16", "int32", "int64"]:
    columns[name] = pa.array([i - 20 if name == "int8" else 3 * i - 20 for i in ROWS], getattr(pa, name)())
for name in ["uint8", "uint16", "uint32", "uint64"]:
    columns[name] = pa.array([3 * i for i in ROWS], getattr(pa, name)())
for name in ["float16", "float32", "float64"]:
    columns[name] = pa.array(numpy.array([0.25 * (3 * i - 20) for i in ROWS], name))
columns["flag"] = pa.array([i % 3 == 0 for i in ROWS])
columns["label"] = pa.array([i % 10 for i in ROWS])
columns["vector"] = pa.array([[float(i), float(-i), i / 2] for i in ROWS], pa.list_(pa.float32()))
columns["fixed"] = pa.array([[float(i), float(-i), i / 2] for i in ROWS], pa.list_(pa.float64(), 3))
columns["matrix"] = pa.array([[[i, i + 1, i + 2], [2 * i, 0, 255]] for i in ROWS], pa.list_(pa.list_(pa.uint8())))
columns["point"] = pa.array([{"x": float(i), "y": 2 * i} for i in ROWS])
table = pa.table(columns)

for method in ["none", "snappy", "zstd", "gzip", "lz4", "brotli"]:
    pq.write_table(table, f"{method}.parquet", compression=method, row_group_size=25)
pq.write_table(table, "pages_v2.parquet", compression="zstd", row_group_size=25, data_page_version="2.0", data_page_size=64)
pq.write_table(table, "plain.parquet", use_dictionary=False, row_group_size=25)
polars.from_arrow(table.drop_columns(["float16"])).write_parquet("polars.parquet")
flat = {name: table[name].to_numpy() for name in table.column_names[:13]}
pandas.DataFrame({**flat, "vector": list(numpy.array(table["vector"].to_pylist()))}).to_parquet("pandas.parquet")

# As Hugging Face's datasets hold pictures: a struct of an encoded file and its name. Pixel (row, column) of picture i is (i, row, column).
pictures = []
for i in range(5):
    pixels = numpy.array([[[i, row, column] for column in range(4)] for row in range(3)], "u1")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    pictures.append({"bytes": file.getvalue(), "path": f"{i}.png"})
small = io.BytesIO()
Image.fromarray(numpy.zeros((2, 4, 3), "u1")).save(small, "PNG")
pq.write_table(
    pa.table({
        "image": pa.array(pictures),
        "file": pa.array([picture["bytes"] for picture in pictures]),
        "unequal": pa.array([{"bytes": small.getvalue() if i == 3 else p["bytes"], "path": None} for i, p in enumerate(pictures)]),
        "damaged": pa.array([b"no picture" if i == 2 else p["bytes"] for i, p in enumerate(pictures)]),
        "missing": pa.array([None if i == 4 else p for i, p in enumerate(pictures)]),
        "label": pa.array(range(5)),
    }),
    "pictures.parquet",
)

pq.write_table(
    pa.table({
        "null": pa.array([1.0, 2.0, None, 4.0]),
        "nan": pa.array([1.0, float("nan"), 2.0, 3.0]),
        "ragged": pa.array([[1.0, 2.0], [3.0, 4.0], [5.0], [6.0, 7.0]]),
        "shifted": pa.array([[1.0, 2.0], [3.0], [4.0, 5.0, 6.0], [7.0, 8.0]]),
        "empty": pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], []]),
        "holes": pa.array([[1.0, 2.0], [None, 4.0], [5.0, 6.0], [7.0, 8.0]]),
        "within": pa.array([[[1.0, 2.0], [3.0]], [[1.0], [2.0]], [[1.0], [2.0]], [[1.0], [2.0]]]),
        "text": pa.array(["a", "b", "c", "d"]),
        "price": pa.array([1, 2, 3, 4], pa.decimal128(5, 2)),
        "day": pa.array([1, 2, 3, 4], pa.date32()),
        "label": pa.array([0, 1, 2, 3]),
    }),
    "faults.parquet",
)
pq.write_table(pa.table({"a": pa.array([], pa.float32())}), "no_rows.parquet")
