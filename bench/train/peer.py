"""LightGBM and scikit-learn on the same files. peer.py TASK FOLDER THREADS; prints one JSON object."""

import json
import resource
import sys
import time
from importlib.metadata import version

import numpy as np
import pyarrow.parquet as pq

task, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    table = pq.read_table(f"{folder}/{name}.parquet")
    y = table["y"].to_numpy()
    columns = [table[f"x{i}"].to_numpy() for i in range(table.num_columns - 1)]
    return np.column_stack(columns).astype(np.float32), y


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


x, y = read("train")
test, truth = read("test")
last = x.shape[1]
started, used = time.perf_counter(), cpu()
if task == "boost" or task == "score":
    import lightgbm as lgb

    started, used = time.perf_counter(), cpu()
    params = dict(objective="regression", num_leaves=31, learning_rate=0.1, max_bin=255, num_threads=threads, verbose=-1)
    data = lgb.Dataset(x, y, categorical_feature=[last - 2, last - 1], params=params)
    model = lgb.train(params, data, 100)
    names = ["lightgbm"]
else:
    from sklearn.ensemble import RandomForestRegressor

    started, used = time.perf_counter(), cpu()
    model = RandomForestRegressor(int(sys.argv[4]), n_jobs=threads, random_state=1).fit(x, y)
    names = ["scikit-learn"]
seconds, cpu_seconds = time.perf_counter() - started, cpu() - used
if task == "score":
    started, used = time.perf_counter(), cpu()
    predicted = model.predict(x, num_threads=threads)
    seconds, cpu_seconds = time.perf_counter() - started, cpu() - used
predicted = model.predict(test)
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpu": cpu_seconds,
            "mse": float(np.mean((predicted - truth) ** 2)),
            "variance": float(np.var(truth)),
            "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "versions": {name: version(name) for name in names},
        }
    )
)
