"""The data preparation of ev-sites in Python, as the yardstick of the benchmark.

From the raw files to the same tables: stations located (county, tract), and tract features at three cutoffs (train,
score, backtest) with their targets. Written to be fast with the usual libraries: pyarrow's CSV reader, a shapely
STRtree for points in counties, vectorised joins, and for distances either scikit-learn's BallTree (haversine) or
scipy's cKDTree on unit vectors (--index). Prints one JSON object: seconds by part (imports not counted), column sums
for agreement checks, versions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import scipy
import shapely
import sklearn
from scipy.spatial import cKDTree
from sklearn.neighbors import BallTree

EARTH_M = 6_371_008.8
MILE_M = 1_609.344
EDGE_M = 5_000.0
STATION_MILES = (1, 5, 10, 25)
TRACT_MILES = (5, 25)
NEW = 183_461
BACKTEST = 150_000
BACKTEST_LAST = 171_475
COUNTY_COLUMNS = ["TotPop", "MedInc", "PovP", "UnempP", "EduP", "NoIntP", "VacantP", "RentalP"]
RURALITY = {"Urban": 0.0, "Suburban": 1.0, "Rural": 2.0}
SPATIAL = ("assign", "nearest_tract", "radii", "nearest")

seconds: dict[str, float] = {}


@contextmanager
def timed(part: str):
    """Adds the wall time of a block to its part."""
    start = perf_counter()
    yield
    seconds[part] = seconds.get(part, 0.0) + perf_counter() - start


# --- load


def read_csv(path: Path, types: dict[str, pa.DataType]) -> pd.DataFrame:
    """Reads only the named columns, typed; `NA` and empty cells are null."""
    convert = pacsv.ConvertOptions(
        include_columns=list(types), column_types=types, null_values=["", "NA"], strings_can_be_null=True
    )
    return pacsv.read_csv(path, convert_options=convert).to_pandas()


def load_counties(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """County polygons of a TopoJSON, and their FIPS as integers; rings of fewer than four points are dropped."""
    topology = json.loads(path.read_bytes())
    scale, shift = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    arcs = [np.cumsum(arc, axis=0) * scale + shift for arc in topology["arcs"]]

    def ring(indexes: list[int]) -> np.ndarray:
        parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indexes]
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])

    shapes, fips = [], []
    for geometry in topology["objects"]["counties"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        rings = [[r for r in map(ring, polygon) if len(r) >= 4] for polygon in polygons]
        kept = [shapely.Polygon(outer[0], outer[1:]) for outer in rings if outer]
        if kept:
            shapes.append(kept[0] if len(kept) == 1 else shapely.MultiPolygon(kept))
            fips.append(int(geometry["id"]))
    return np.array(shapes, dtype=object), np.array(fips)


def load(root: Path) -> dict:
    f64, i64, text = pa.float64(), pa.int64(), pa.string()
    tract_files = {
        "tract-2019": {"RxMinDis": f64, "RxTmDr": f64, "RxCntDr": f64, "NoIntP": f64},
        "tract-ruca-2010": {"Rurality": text, "Ruca1": f64, "Ruca2": f64},
        "tract-sdoh-2014": dict.fromkeys(["LimMobInd", "MicaInd", "NeighbTyp", "SocEcAdvIn", "UrbCoreInd"], f64),
    }
    return {
        "stations": read_csv(root / "afdc_us_points_2022.csv", {"ID": i64, "Latitude": f64, "Longitude": f64}),
        "tracts": read_csv(
            root / "census_tracts_2019_tiger.csv", {"GEOID": i64, "ALAND": i64, "INTPTLAT": text, "INTPTLON": text}
        ),
        "shapes": load_counties(root / "us-atlas/counties-10m.json"),
        "counties": read_csv(root / "oeps_county_latest.csv", {"GEOID": i64, **dict.fromkeys(COUNTY_COLUMNS, f64)}),
        "crosswalk": read_csv(root / "cbsatocountycrosswalk.csv", {"fipscounty": i64, "cbsa": text}),
        "context": {name: read_csv(root / f"oeps/{name}.csv", {"FIPS": i64, **t}) for name, t in tract_files.items()},
        "eligible": read_csv(root / "30c_eligibility_by_tract.csv", {"tract_geoid": i64, "is_eligible": i64}),
    }


# --- spatial


def haversine(lat1, lon1, lat2, lon2) -> np.ndarray:
    """Great-circle metres between points in degrees."""
    p1, p2 = np.radians(lat1), np.radians(lat2)
    h = np.sin((p2 - p1) / 2) ** 2 + np.cos(p1) * np.cos(p2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * np.arcsin(np.sqrt(h))


def metres_to_edge(lon: float, lat: float, shape) -> float:
    """Metres from a point to the nearest edge of a county; the foot is found in the plane that touches the point."""
    rings, owner = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shape)), return_index=True)
    same = owner[1:] == owner[:-1]
    squeeze = np.array([np.cos(np.radians(lat)), 1.0])
    a, b = (rings[:-1][same] - (lon, lat)) * squeeze, (rings[1:][same] - (lon, lat)) * squeeze
    d = b - a
    t = np.clip(-(a * d).sum(axis=1) / np.maximum((d * d).sum(axis=1), 1e-300), 0.0, 1.0)
    foot = (a + d * t[:, None]) / squeeze + (lon, lat)
    return float(haversine(lat, lon, foot[:, 1], foot[:, 0]).min())


def assign_counties(lon: np.ndarray, lat: np.ndarray, shapes: np.ndarray, fips: np.ndarray) -> np.ndarray:
    """County of each point: the polygon it lies in, else the nearest one whose edge is within 5 km, else -1."""
    tree = shapely.STRtree(shapes)
    points = shapely.points(lon, lat)
    rows, hits = tree.query(points, predicate="intersects")
    # A point on a shared edge hits both counties: the lower FIPS, whatever the order of the index.
    county = np.full(len(lon), np.iinfo(np.int64).max)
    np.minimum.at(county, rows, fips[hits])
    county[county == np.iinfo(np.int64).max] = -1

    astray = np.flatnonzero(county < 0)
    dy = np.degrees(EDGE_M / EARTH_M) * 1.01
    dx = dy / np.cos(np.radians(np.abs(lat[astray]) + dy))
    boxes = shapely.box(lon[astray] - dx, lat[astray] - dy, lon[astray] + dx, lat[astray] + dy)
    best = np.full(len(lon), EDGE_M)
    for row, hit in tree.query(boxes).T:
        at = astray[row]
        metres = metres_to_edge(lon[at], lat[at], shapes[hit])
        if metres <= best[at]:
            best[at], county[at] = metres, fips[hit]
    return county


class BallIndex:
    """scikit-learn's BallTree, great-circle distances; small leaves and breadth first make it 2 and 5 times faster."""

    def __init__(self, lat: np.ndarray, lon: np.ndarray):
        self.tree = BallTree(self.encode(lat, lon), leaf_size=10, metric="haversine")

    @staticmethod
    def encode(lat, lon) -> np.ndarray:
        return np.radians(np.column_stack([lat, lon]))

    def count(self, at: np.ndarray, miles: float) -> np.ndarray:
        return self.tree.query_radius(at, miles * MILE_M / EARTH_M, count_only=True)

    def nearest_m(self, at: np.ndarray) -> np.ndarray:
        return self.tree.query(at, k=1, breadth_first=True)[0][:, 0] * EARTH_M

    @classmethod
    def nearest_in_group(cls, lat, lon, group, to_lat, to_lon, to_group) -> np.ndarray:
        """Row of the nearest target of the same group: among the eight nearest of all, else of its whole group."""
        rows = cls(to_lat, to_lon).tree.query(cls.encode(lat, lon), k=min(8, len(to_lat)), breadth_first=True)[1]
        same = to_group[rows] == group[:, None]
        found = np.where(same.any(axis=1), rows[np.arange(len(rows)), same.argmax(axis=1)], -1)
        members = pd.Series(np.arange(len(to_lat))).groupby(to_group).indices
        left = np.flatnonzero(found < 0)
        for key, positions in pd.Series(left).groupby(group[left]).indices.items():
            if key not in members:
                continue
            mine, theirs = left[positions], members[key]
            metres = haversine(lat[mine][:, None], lon[mine][:, None], to_lat[theirs], to_lon[theirs])
            found[mine] = theirs[metres.argmin(axis=1)]
        return found


class VectorIndex:
    """scipy's cKDTree on unit vectors: a chord is as long as its arc is wide."""

    threads = -1

    def __init__(self, lat: np.ndarray, lon: np.ndarray):
        self.tree = cKDTree(self.encode(lat, lon))

    @staticmethod
    def encode(lat, lon) -> np.ndarray:
        phi, lam = np.radians(lat), np.radians(lon)
        return np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])

    def count(self, at: np.ndarray, miles: float) -> np.ndarray:
        chord = 2 * np.sin(miles * MILE_M / EARTH_M / 2)
        return self.tree.query_ball_point(at, chord, return_length=True, workers=self.threads)

    def nearest_m(self, at: np.ndarray) -> np.ndarray:
        return 2 * EARTH_M * np.arcsin(self.tree.query(at, k=1, workers=self.threads)[0] / 2)

    @classmethod
    def nearest_in_group(cls, lat, lon, group, to_lat, to_lon, to_group) -> np.ndarray:
        """Row of the nearest target of the same group: groups lie apart along a fourth axis, further than any chord."""
        keys = np.unique(to_group)
        at = np.searchsorted(keys, group).clip(max=len(keys) - 1)
        tree = cKDTree(np.column_stack([cls.encode(to_lat, to_lon), 4.0 * np.searchsorted(keys, to_group)]))
        rows = tree.query(np.column_stack([cls.encode(lat, lon), 4.0 * at]), k=1, workers=cls.threads)[1]
        return np.where(keys[at] == group, rows, -1)


# --- features


def locate(raw: dict, index) -> tuple[pd.DataFrame, dict[str, int]]:
    """Stations with county and tract (row of the tract table); the others are dropped and counted."""
    stations = raw["stations"]
    lat, lon = stations["Latitude"].to_numpy(), stations["Longitude"].to_numpy()
    with timed("assign"):
        usable = lon != 0
        county = np.full(len(stations), -1)
        county[usable] = assign_counties(lon[usable], lat[usable], *raw["shapes"])
    with timed("nearest_tract"):
        kept = np.flatnonzero(county >= 0)
        tracts = raw["tracts"]
        to = (tracts["lat"].to_numpy(), tracts["lon"].to_numpy(), tracts["county"].to_numpy())
        tract = index.nearest_in_group(lat[kept], lon[kept], county[kept], *to)
        kept, tract = kept[tract >= 0], tract[tract >= 0]
        located = pd.DataFrame(
            {
                "id": stations["ID"].to_numpy()[kept],
                "lat": lat[kept],
                "lon": lon[kept],
                "county": county[kept],
                "tract": tract,
            }
        )
    return located, {"raw": len(stations), "longitude_0": int((~usable).sum()), "kept": len(located)}


def fixed_features(raw: dict, tract_index, at: np.ndarray) -> pd.DataFrame:
    """The columns of a tract that do not depend on the cutoff."""
    tracts = raw["tracts"]
    with timed("radii"):
        near = {f"tracts_{miles}mi": tract_index.count(at, miles) for miles in TRACT_MILES}
    with timed("joins"):
        frame = tracts[["geoid", "county", "lat", "lon", "aland_m2"]].assign(**near)
        prefixes = {"tract-2019": "t19_", "tract-ruca-2010": "ruca_", "tract-sdoh-2014": "sdoh_"}
        for name, table in raw["context"].items():
            frame = frame.join(table.set_index("FIPS").add_prefix(prefixes[name]), on="geoid")
        frame["ruca_Rurality"] = frame["ruca_Rurality"].map(RURALITY)
        frame = frame.join(raw["counties"].set_index("GEOID").add_prefix("c_"), on="county")
        frame = frame.join(raw["eligible"].set_index("tract_geoid")["is_eligible"].rename("eligible_30c"), on="geoid")
        crosswalk = raw["crosswalk"].drop_duplicates("fipscounty").set_index("fipscounty")
        frame = frame.join(crosswalk["cbsa"], on="county")
        frame["tracts_county"] = frame.groupby("county")["geoid"].transform("size")
    return frame


def features_at(fixed: pd.DataFrame, at: np.ndarray, located: pd.DataFrame, index, existing, target) -> pd.DataFrame:
    """Features that see only the stations of `existing`, and the number of those of `target` in the tract."""
    with timed("radii"):
        seen = index(located["lat"].to_numpy()[existing], located["lon"].to_numpy()[existing])
        counts = {f"existing_{miles}mi": seen.count(at, miles) for miles in STATION_MILES}
    with timed("nearest"):
        counts["nearest_existing_m"] = seen.nearest_m(at)
    with timed("joins"):
        tract = located["tract"].to_numpy()
        counts["existing_tract"] = np.bincount(tract[existing], minlength=len(fixed))
        frame = fixed.assign(**counts)
        frame["existing_county"] = frame.groupby("county")["existing_tract"].transform("sum")
        frame["existing_county_per_tract"] = frame["existing_county"] / frame["tracts_county"]
        frame["new_stations"] = np.bincount(tract[target], minlength=len(fixed))
    return frame.drop(columns="tracts_county")


def write(frame: pd.DataFrame, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def sums(frame: pd.DataFrame) -> dict[str, float]:
    return {name: float(frame[name].sum()) for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, required=True, help="folder with ev_sites/ in it")
    parser.add_argument("--out", type=Path, required=True, help="folder for the Parquet tables")
    parser.add_argument("--index", choices=["balltree", "ckdtree"], default="ckdtree")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="for the CSV reader and the cKDTree")
    args = parser.parse_args()
    pa.set_cpu_count(args.threads)
    VectorIndex.threads = args.threads
    index = BallIndex if args.index == "balltree" else VectorIndex
    args.out.mkdir(parents=True, exist_ok=True)

    started = perf_counter()
    with timed("load"):
        raw = load(args.inputs / "ev_sites")
        tracts = raw["tracts"]
        raw["tracts"] = pd.DataFrame(
            {
                "geoid": tracts["GEOID"],
                "county": tracts["GEOID"] // 1_000_000,
                # Text because no reader takes the sign and padding of +34.0726595 and -085.8991944 for a number.
                "lat": tracts["INTPTLAT"].astype(float),
                "lon": tracts["INTPTLON"].astype(float),
                "aland_m2": tracts["ALAND"],
            }
        ).sort_values("geoid", ignore_index=True)

    located, rows = locate(raw, index)
    with timed("radii"):
        tract_index = index(raw["tracts"]["lat"].to_numpy(), raw["tracts"]["lon"].to_numpy())
        at = index.encode(raw["tracts"]["lat"].to_numpy(), raw["tracts"]["lon"].to_numpy())
    fixed = fixed_features(raw, tract_index, at)
    ids = located["id"].to_numpy()
    tables = {
        name: features_at(fixed, at, located, index, existing, target)
        for name, existing, target in (
            ("train", ids < NEW, ids >= NEW),
            ("score", np.ones(len(ids), dtype=bool), np.zeros(len(ids), dtype=bool)),
            ("backtest", ids < BACKTEST, (ids >= BACKTEST) & (ids <= BACKTEST_LAST)),
        )
    }
    with timed("write"):
        write(located.assign(geoid=raw["tracts"]["geoid"].to_numpy()[located["tract"]]), args.out / "stations.parquet")
        for name, frame in tables.items():
            write(frame, args.out / f"tracts_{name}.parquet")
    seconds["total"] = perf_counter() - started
    seconds["spatial"] = sum(seconds[part] for part in SPATIAL)

    print(
        json.dumps(
            {
                "peer": f"pandas+{args.index}",
                "seconds": {part: round(value, 4) for part, value in seconds.items()},
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "rows": {
                    **rows,
                    "tracts": len(fixed),
                    "tracts_with_new": int((tables["train"]["new_stations"] > 0).sum()),
                },
                "checks": {name: sums(frame) for name, frame in tables.items()},
                "versions": {
                    "python": platform.python_version(),
                    **{m.__name__: m.__version__ for m in (np, pd, pa, scipy, shapely, sklearn)},
                },
                "threads": args.threads,
            }
        )
    )


if __name__ == "__main__":
    main()
