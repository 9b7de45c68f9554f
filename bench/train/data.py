"""Data of the training benchmark, from one seed: Parquet for both sides. data.py OUT ROWS FEATURES SEED"""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def make(rows: int, features: int, seed: int) -> pa.Table:
    """Friedman's first function (1991), on features between 0 and 1, with levels and gaps that count.

    Every term shows in the mean over the others. With a bare product of centred features no first split gains anything: which
    trees come of it is chance, and LightGBM's own loss varied by a factor of two from seed to seed.
    """
    rng = np.random.default_rng(seed)
    x = rng.random(size=(rows, features)).astype(np.float32)
    # Two categories, and gaps in three columns.
    x[:, -1] = rng.integers(0, 3, rows)
    x[:, -2] = rng.integers(0, 40, rows)
    for column in (5, 6, 7):
        x[rng.random(rows) < 0.1, column] = np.nan
    known = np.nan_to_num(x)
    level = (known[:, -2] * 17 % 7) / 2
    y = (
        10 * np.sin(np.pi * known[:, 0] * known[:, 1])
        + 20 * (known[:, 2] - 0.5) ** 2
        + 10 * known[:, 3]
        + 5 * known[:, 4]
        + np.where(np.isnan(x[:, 5]), 2, known[:, 5])
        + level
        + rng.normal(size=rows)
    )
    columns = {f"x{i}": x[:, i] for i in range(features)}
    return pa.table({**columns, "y": y})


if __name__ == "__main__":
    out, rows, features, seed = sys.argv[1], *map(int, sys.argv[2:5])
    for name, count, own in (("train", rows, 2 * seed), ("test", max(rows // 5, 1), 2 * seed + 1)):
        pq.write_table(make(count, features, own), f"{out}/{name}.parquet")
