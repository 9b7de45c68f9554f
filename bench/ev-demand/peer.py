"""The hourly forecast in Python, and windows over many series in pandas and polars: the yardsticks of the benchmark.

`job` spreads sessions over hours and reads the wide files, makes the features, fits linear regression, a tree, XGBoost
(if it is there) and LightGBM, and writes features and test predictions of both forms. `windows` reads a Parquet file of
series, hours and values, and writes it with three lags, three rolling means and a rolling deviation. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path
from time import perf_counter

LAGS = (1, 24, 168)
MEANS = (3, 24, 168)
HOUR = 3600


def windows_pandas(source: Path, target: Path) -> None:
    import pandas as pd

    frame = pd.read_parquet(source)
    frame = frame.sort_values(["series", "ts"])
    group = frame.groupby("series", sort=False, observed=True)["value"]
    for lag in LAGS:
        frame[f"lag_{lag}"] = group.shift(lag)
    shifted = group.shift(1)
    by = shifted.groupby(frame["series"], sort=False, observed=True)
    for width in MEANS:
        frame[f"mean_{width}"] = by.rolling(width).mean().reset_index(level=0, drop=True)
    frame["std_24"] = by.rolling(24).std().reset_index(level=0, drop=True)
    frame.to_parquet(target, index=False)


def windows_polars(source: Path, target: Path) -> None:
    import polars as pl

    value = pl.col("value")
    frame = pl.read_parquet(source).sort("series", "ts")
    frame = frame.with_columns(
        *[value.shift(lag).over("series").alias(f"lag_{lag}") for lag in LAGS],
        *[value.shift(1).rolling_mean(width).over("series").alias(f"mean_{width}") for width in MEANS],
        value.shift(1).rolling_std(24).over("series").alias("std_24"),
    )
    frame.write_parquet(target)


def sessions(path: Path):
    import numpy as np
    import pandas as pd

    table = pd.read_csv(path, parse_dates=["ConnectionStartDateTime", "ChargingStartDateTime", "ChargingEndDateTime"])
    start, end, connected = (
        table[name].dt.tz_localize(None).astype("datetime64[s]").astype("int64").to_numpy()
        for name in ("ChargingStartDateTime", "ChargingEndDateTime", "ConnectionStartDateTime")
    )
    first = start // HOUR
    count = np.maximum(first, -(-end // HOUR) - 1) - first + 1
    row = np.repeat(np.arange(len(table)), count)
    hour = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    inside = np.minimum(end[row], (hour + 1) * HOUR) - np.maximum(start[row], hour * HOUR)
    share = np.where(end[row] > start[row], inside / np.maximum(1, end[row] - start[row]), 1.0)
    energy = table["Energy"].to_numpy()[row] * share
    grid = pd.DataFrame({"h": np.arange(hour.min(), hour.max() + 1)})
    at = hour - grid["h"].iloc[0]
    grid["kwh"] = np.bincount(at, energy, len(grid))
    grid["charging"] = np.bincount(at, minlength=len(grid))
    begun = connected // HOUR - grid["h"].iloc[0]
    grid["n_sessions"] = np.bincount(begun[(begun >= 0) & (begun < len(grid))], minlength=len(grid))
    grid["ts"] = pd.to_datetime(grid["h"] * HOUR, unit="s")
    month = grid["ts"].dt.to_period("M")
    unobserved = grid.groupby(month)["charging"].transform("sum") == 0
    grid["avg_kwh"] = np.where(grid["charging"] > 0, grid["kwh"] / grid["charging"].clip(lower=1), 0)
    grid.loc[unobserved, ["kwh", "n_sessions", "avg_kwh"]] = np.nan
    grid["series"] = "caltech"
    return grid


def stations(root: Path):
    import pandas as pd

    parts = []
    for city in ("MEL", "SPO"):
        wide = pd.read_csv(root / city / "volume.csv", index_col=0, parse_dates=True)
        long = wide.rename_axis("ts").reset_index().melt(id_vars="ts", var_name="station", value_name="kwh")
        long["series"] = city + "-" + long["station"]
        parts.append(long)
    return pd.concat(parts).sort_values(["series", "ts"], ignore_index=True)


def features(grid, extra: list[str]):
    import numpy as np

    series = grid.groupby("series", sort=False)
    for name in extra:
        grid[f"{name}_lag1"] = series[name].shift(1)
    hour, weekday, month = grid["ts"].dt.hour, grid["ts"].dt.dayofweek, grid["ts"].dt.month
    grid["hour_of_day"], grid["day_of_week"], grid["month"] = hour, weekday, month
    grid["is_weekend"] = (weekday >= 5).astype(int)
    for name, part, period in (("hour", hour, 24), ("dow", weekday, 7), ("month", month, 12)):
        grid[f"{name}_sin"] = np.sin(2 * np.pi * part / period)
        grid[f"{name}_cos"] = np.cos(2 * np.pi * part / period)
    kwh = series["kwh"]
    for lag in (1, 24, 168):
        grid[f"lag_{lag}"] = kwh.shift(lag)
    grid["diff_lag1"] = grid["lag_1"] - kwh.shift(2)
    before = grid["lag_1"].groupby(grid["series"], sort=False)
    for width in (3, 6, 24, 168):
        grid[f"roll_mean_{width}h"] = before.rolling(width).mean().reset_index(level=0, drop=True)
    grid["roll_std_24h"] = before.rolling(24).std().reset_index(level=0, drop=True)
    keys = [grid["series"], hour, weekday]
    total = grid["kwh"].fillna(0).groupby(keys).cumsum() - grid["kwh"].fillna(0)
    seen = grid["kwh"].notna().astype(int).groupby(keys).cumsum() - grid["kwh"].notna().astype(int)
    grid["hour_dow_mean"] = total / seen.where(seen > 0)
    return grid.dropna(subset=["kwh", "lag_1", "lag_24", "lag_168", "diff_lag1", "roll_mean_168h", "roll_std_24h"])


def fit(table, columns: list[str], out: Path) -> dict[str, float]:
    import lightgbm as lgb
    import numpy as np
    from sklearn.linear_model import LinearRegression
    from sklearn.tree import DecisionTreeRegressor

    table.to_parquet(out / "features.parquet", index=False)
    hours = np.sort(table["ts"].unique())
    edge = hours[int(0.8 * len(hours))]
    train, test = table[table["ts"] < edge], table[table["ts"] >= edge]
    boosting = {"n_estimators": 300, "learning_rate": 0.05, "n_jobs": 2, "verbose": -1, "random_state": 42}
    models = {
        "linear": LinearRegression(),
        "tree": DecisionTreeRegressor(max_depth=8, random_state=42),
        "boost_depthwise": lgb.LGBMRegressor(num_leaves=64, max_depth=6, **boosting),
        "boost_leafwise": lgb.LGBMRegressor(num_leaves=31, **boosting),
    }
    errors = {}
    predicted = test[["series", "ts", "kwh"]].copy()
    for name, model in models.items():
        model.fit(train[columns], train["kwh"])
        predicted[name] = model.predict(test[columns])
        errors[name] = float((predicted[name] - predicted["kwh"]).abs().mean())
    predicted.to_parquet(out / "test_predictions.parquet", index=False)
    return errors


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["windows-pandas", "windows-polars", "sessions", "stations"])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.what == "windows-polars":
        import polars  # noqa: F401, imports are not counted
    else:
        import pandas  # noqa: F401
    errors: dict[str, float] = {}
    calendar = [f"{name}_{wave}" for name in ("hour", "dow", "month") for wave in ("sin", "cos")]
    columns = ["hour_of_day", "day_of_week", "month", "is_weekend", *calendar]
    columns += ["lag_1", "lag_24", "lag_168", "diff_lag1", "roll_mean_3h", "roll_mean_6h", "roll_mean_24h"]
    columns += ["roll_std_24h", "roll_mean_168h", "hour_dow_mean"]
    if given.what in ("sessions", "stations"):
        import lightgbm  # noqa: F401
        import sklearn.linear_model  # noqa: F401
        import sklearn.tree  # noqa: F401
    start = perf_counter()
    if given.what == "windows-pandas":
        windows_pandas(given.source, given.out / "pandas.parquet")
    elif given.what == "windows-polars":
        windows_polars(given.source, given.out / "polars.parquet")
    elif given.what == "sessions":
        extra = ["n_sessions", "avg_kwh"]
        errors = fit(features(sessions(given.source), extra), [*(f"{name}_lag1" for name in extra), *columns], given.out)
    else:
        errors = fit(features(stations(given.source), []), columns, given.out)
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_rss_mb": peak, "errors": errors}))


if __name__ == "__main__":
    main()
