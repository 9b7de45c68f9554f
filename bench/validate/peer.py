"""The same validation with pandera on pandas: read, check all rules, write good and broken rows. Prints one JSON object."""

import json
import resource
import sys
import time
from importlib.metadata import version

import pandas as pd
import pandera.pandas as pa
import pyarrow

path, out = sys.argv[1], sys.argv[2]

schema = pa.DataFrameSchema(
    {
        "id": pa.Column("int64", unique=True, report_duplicates="exclude_first"),
        "code": pa.Column("string", pa.Check.str_matches(r"C[0-9]{8}$")),
        "kind": pa.Column("string", pa.Check.isin(["fast", "slow", "rapid"])),
        "lat": pa.Column("float64", pa.Check.in_range(-90, 90)),
        "lon": pa.Column("float64", pa.Check.in_range(-180, 180)),
        "power": pa.Column("float64", pa.Check.in_range(0, 400)),
        "share": pa.Column("float64", pa.Check.in_range(0, 1)),
        "start": pa.Column("datetime64[us]"),
        "end": pa.Column("datetime64[us]"),
    },
    checks=pa.Check(lambda frame: frame["end"] >= frame["start"], name="in_order"),
)

started, used = time.perf_counter(), time.process_time()
frame = pd.read_csv(path, dtype={"code": "string", "kind": "string"}, parse_dates=["start", "end"], date_format="%Y-%m-%d %H:%M:%S")
frame["start"] = frame["start"].astype("datetime64[us]")
frame["end"] = frame["end"].astype("datetime64[us]")
try:
    schema.validate(frame, lazy=True)
    cases = pd.DataFrame({"index": []})
except pa.errors.SchemaErrors as errors:
    cases = errors.failure_cases
broken = frame.index.isin(cases["index"].dropna().astype("int64").unique())
frame[~broken].to_parquet(f"{out}/good.parquet", compression="zstd")
frame[broken].to_parquet(f"{out}/broken.parquet", compression="zstd")
cases.astype("string").to_parquet(f"{out}/cases.parquet", compression="zstd")
seconds = time.perf_counter() - started
cpu = time.process_time() - used

print(
    json.dumps(
        {
            "rows": len(frame),
            "failed": int(broken.sum()),
            "seconds": seconds,
            "cpuSeconds": cpu,
            "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "versions": {"pandera": version("pandera"), "pandas": pd.__version__, "pyarrow": pyarrow.__version__},
        }
    )
)
