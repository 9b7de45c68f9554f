"""Data of the training benchmark, from one seed: Parquet for both sides. data.py OUT ROWS FEATURES"""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def make(rows: int, features: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype(np.float32)
    # Two categories, and gaps in three columns.
    x[:, -1] = rng.integers(0, 3, rows)
    x[:, -2] = rng.integers(0, 40, rows)
    for column in (5, 6, 7):
        x[rng.random(rows) < 0.1, column] = np.nan
    known = np.nan_to_num(x)
    level = (known[:, -2] * 17 % 7) / 2
    y = (
        np.sin(known[:, 0] * 2)
        + known[:, 1] * known[:, 2]
        + 0.5 * known[:, 3]
        + np.where(np.isnan(x[:, 5]), 1, known[:, 5])
        + level
        + rng.normal(size=rows) * 0.5
    )
    columns = {f"x{i}": x[:, i] for i in range(features)}
    return pa.table({**columns, "y": y})


if __name__ == "__main__":
    out, rows, features = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for name, count, seed in (("train", rows, 1), ("test", max(rows // 5, 1), 2)):
        pq.write_table(make(count, features, seed), f"{out}/{name}.parquet")
