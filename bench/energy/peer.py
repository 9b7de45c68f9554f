"""Bronze to gold in Python: the yardstick of the benchmark, in pandas and in polars.

Reads the operators' files and those of PJM's zones, gives them types, drops all but the last of equal hours, brings local
time to UTC, and writes silver, daily, monthly, system_hourly and pjm_hourly as Parquet. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path
from time import perf_counter

RAW, CATEGORY = "raw demand (MW)", "category"
CLEANED, FORECAST = "cleaned demand (MW)", "forecast demand (MW)"
NULLS = ["", "MISSING", "EMPTY"]
NAMES = {"date_time": "ts", RAW: "raw_mw", CLEANED: "cleaned_mw", FORECAST: "forecast_mw"}
ZONE = "America/New_York"


def with_pandas(source: Path, out: Path) -> dict[str, float]:
    import pandas as pd

    nulls = {RAW: NULLS, FORECAST: NULLS}
    parts = []
    for path in sorted((source / "eia930" / "ba").glob("*.csv")):
        part = pd.read_csv(path, na_values=nulls, keep_default_na=False, parse_dates=["date_time"])
        part.insert(0, "ba", path.stem)
        parts.append(part)
    silver = pd.concat(parts, ignore_index=True).rename(columns=NAMES)
    silver = silver.drop_duplicates(["ba", "ts"], keep="last").sort_values(["ba", "ts"], ignore_index=True)
    silver.to_parquet(out / "silver.parquet", index=False)

    good = silver["forecast_mw"] > 0
    frame = silver.assign(
        error=(silver["forecast_mw"] - silver["cleaned_mw"]).abs().where(good),
        base=silver["cleaned_mw"].where(good),
        bad=~good,
        not_okay=silver["category"] != "OKAY",
        day=silver["ts"].dt.floor("D"),
        month=silver["ts"].dt.to_period("M").dt.to_timestamp(),
    )
    sums: dict[str, float] = {}
    for name, period in (("daily", "day"), ("monthly", "month")):
        groups = frame.groupby(["ba", period], sort=False)
        gold = groups.agg(
            energy_mwh=("cleaned_mw", "sum"),
            peak_mw=("cleaned_mw", "max"),
            mean=("cleaned_mw", "mean"),
            error=("error", "sum"),
            base=("base", "sum"),
            forecast_bad_hours=("bad", "sum"),
            not_okay_share=("not_okay", "mean"),
        )
        gold["peak_hour"] = frame.loc[groups["cleaned_mw"].idxmax(), "ts"].to_numpy()
        gold["load_factor"] = gold["mean"] / gold["peak_mw"]
        gold["forecast_wape"] = (gold["error"] / gold["base"]).where(gold["base"] > 0)
        gold = gold.drop(columns=["mean", "error", "base"]).reset_index()
        gold.to_parquet(out / f"{name}.parquet", index=False)
        sums[name] = float(gold["energy_mwh"].sum())
    system = frame.groupby("ts")["cleaned_mw"].agg(demand_mw="sum", operators="count").reset_index()
    system.to_parquet(out / "system_hourly.parquet", index=False)

    zones = []
    for path in sorted((source / "pjm").glob("*_hourly.csv")):
        zone = pd.read_csv(path, header=None, skiprows=1, names=["ts", "mw"], parse_dates=["ts"])
        local = zone["ts"] - pd.Timedelta(hours=1)
        # The first of two equal stamps is in daylight time.
        ts = local.dt.tz_localize(ZONE, ambiguous=~local.duplicated().to_numpy(), nonexistent="NaT")
        zones.append(pd.DataFrame({"zone": path.stem.removesuffix("_hourly"), "ts": ts.dt.tz_convert("UTC"), "mw": zone["mw"]}))
    pjm = pd.concat(zones, ignore_index=True).drop_duplicates(["zone", "ts"], keep="last")
    pjm = pjm.sort_values(["zone", "ts"], ignore_index=True)
    pjm.to_parquet(out / "pjm_hourly.parquet", index=False)
    return {**sums, "pjm": len(pjm)}


def with_polars(source: Path, out: Path) -> dict[str, float]:
    import polars as pl

    mw = [pl.col(name).replace({mark: None for mark in NULLS}).cast(pl.Float64) for name in (RAW, FORECAST)]
    parts = [
        pl.scan_csv(path, infer_schema=False).with_columns(pl.lit(path.stem).alias("ba"))
        for path in sorted((source / "eia930" / "ba").glob("*.csv"))
    ]
    silver = (
        pl.concat(parts)
        .with_columns(
            *mw, pl.col(CLEANED).cast(pl.Float64), pl.col("date_time").str.to_datetime("%Y-%m-%d %H:%M:%S")
        )
        .rename(NAMES)
        .unique(["ba", "ts"], keep="last", maintain_order=True)
        .sort("ba", "ts")
        .collect()
    )
    silver.write_parquet(out / "silver.parquet")
    good = pl.col("forecast_mw") > 0
    cleaned = pl.col("cleaned_mw")
    sums: dict[str, float] = {}
    for name, period, width in (("daily", "day", "1d"), ("monthly", "month", "1mo")):
        gold = (
            silver.lazy()
            .with_columns(pl.col("ts").dt.truncate(width).alias(period))
            .group_by("ba", period)
            .agg(
                cleaned.sum().alias("energy_mwh"),
                cleaned.max().alias("peak_mw"),
                pl.col("ts").get(cleaned.arg_max()).alias("peak_hour"),
                (cleaned.mean() / cleaned.max()).alias("load_factor"),
                (pl.col("forecast_mw") - cleaned).abs().filter(good).sum().alias("error"),
                cleaned.filter(good).sum().alias("base"),
                (pl.len() - good.fill_null(False).sum()).alias("forecast_bad_hours"),
                (pl.col("category") != "OKAY").mean().alias("not_okay_share"),
            )
            .with_columns(pl.when(pl.col("base") > 0).then(pl.col("error") / pl.col("base")).alias("forecast_wape"))
            .drop("error", "base")
            .sort("ba", period)
            .collect()
        )
        gold.write_parquet(out / f"{name}.parquet")
        sums[name] = float(gold["energy_mwh"].sum())
    system = silver.group_by("ts").agg(cleaned.sum().alias("demand_mw"), pl.len().alias("operators")).sort("ts")
    system.write_parquet(out / "system_hourly.parquet")

    zones = []
    for path in sorted((source / "pjm").glob("*_hourly.csv")):
        zone = pl.scan_csv(path, has_header=False, skip_rows=1, new_columns=["ts", "mw"], infer_schema=False)
        local = pl.col("ts").str.to_datetime("%Y-%m-%d %H:%M:%S") - pl.duration(hours=1)
        zones.append(
            zone.with_columns(
                pl.lit(path.stem.removesuffix("_hourly")).alias("zone"),
                local.alias("ts"),
                pl.col("mw").str.strip_chars().cast(pl.Float64),
            ).with_columns(
                pl.col("ts").dt.replace_time_zone(
                    ZONE,
                    ambiguous=pl.when(pl.col("ts").is_first_distinct()).then(pl.lit("earliest")).otherwise(pl.lit("latest")),
                    non_existent="null",
                )
            )
        )
    pjm = pl.concat(zones).with_columns(pl.col("ts").dt.convert_time_zone("UTC"))
    pjm = pjm.unique(["zone", "ts"], keep="last", maintain_order=True).sort("zone", "ts").collect()
    pjm.select("zone", "ts", "mw").write_parquet(out / "pjm_hourly.parquet")
    return {**sums, "pjm": pjm.height}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["pandas", "polars"])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.what == "pandas":
        import pandas  # noqa: F401, imports are not counted
        import pyarrow.parquet  # noqa: F401
    else:
        import polars  # noqa: F401
    start = perf_counter()
    sums = (with_pandas if given.what == "pandas" else with_polars)(given.source, given.out)
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_rss_mb": peak, "sums": sums}))


if __name__ == "__main__":
    main()
