import type { PolygonLayer } from './polygons.js';

/** Which polygons may hold a point: those whose boxes meet its cell of a grid, in ascending order. */
export interface PolygonGrid {
  /** Least longitude and latitude, degrees, and cells a degree. */
  west: number;
  south: number;
  perLon: number;
  perLat: number;
  columns: number;
  rows: number;
  /** Cell c has the polygons start[c] to start[c + 1]. */
  start: Int32Array;
  polygons: Int32Array;
  /** Least longitude, least latitude, greatest longitude, greatest latitude of each polygon, degrees. */
  boxes: Float64Array;
}

/** Cells a polygon: most points then see few polygons that do not hold them. */
const CELLS = 16;

/** Most entries a polygon; where boxes overlap so much that there would be more, the cells grow. */
const ENTRIES = 64;

/** Builds the grid of a layer, in time and memory proportional to its runs and polygons, however these overlap. */
export function buildPolygonGrid(layer: PolygonLayer): PolygonGrid {
  const boxes = polygonBoxes(layer);
  let [west, south, east, north] = [180, 90, -180, -90];
  for (let box = 0; box < boxes.length; box += 4) {
    west = Math.min(west, boxes[box]);
    south = Math.min(south, boxes[box + 1]);
    east = Math.max(east, boxes[box + 2]);
    north = Math.max(north, boxes[box + 3]);
  }
  for (let cells = CELLS * layer.polygons; ; cells >>= 1) {
    // About as high as wide.
    const columns = Math.ceil(Math.sqrt((cells * (east - west + 1)) / (north - south + 1)));
    const rows = Math.ceil(cells / columns);
    const grid = {
      west,
      south,
      perLon: east > west ? columns / (east - west) : 0,
      perLat: north > south ? rows / (north - south) : 0,
      columns,
      rows,
      start: new Int32Array(columns * rows + 1),
      polygons: new Int32Array(0),
      boxes,
    };
    // One row of cells, the least there is, has at most 27 entries a polygon, so this ends.
    if (fill(grid, ENTRIES * layer.polygons)) return grid;
  }
}

/** The cell of a point; for one outside the bounds a cell at their border. It never falls as either coordinate grows. */
export function cellOf({ west, south, perLon, perLat, columns, rows }: PolygonGrid, lon: number, lat: number): number {
  const column = Math.min(columns - 1, Math.max(0, Math.floor((lon - west) * perLon)));
  const row = Math.min(rows - 1, Math.max(0, Math.floor((lat - south) * perLat)));
  return row * columns + column;
}

/** Lists the polygons by cell, unless that would make more than `most` entries. */
function fill(grid: PolygonGrid, most: number): boolean {
  const { boxes, columns, start } = grid;
  const polygons = boxes.length / 4;
  const first = new Int32Array(polygons);
  const last = new Int32Array(polygons);
  for (let polygon = 0; polygon < polygons; polygon++) {
    first[polygon] = cellOf(grid, boxes[polygon * 4], boxes[polygon * 4 + 1]);
    last[polygon] = cellOf(grid, boxes[polygon * 4 + 2], boxes[polygon * 4 + 3]);
  }
  let entries = 0;
  for (let polygon = 0; polygon < polygons; polygon++) {
    const width = (last[polygon] % columns) - (first[polygon] % columns);
    for (let from = first[polygon]; from <= last[polygon]; from += columns) {
      entries += width + 1;
      if (entries > most) return false;
      for (let cell = from; cell <= from + width; cell++) start[cell + 1]++;
    }
  }
  for (let cell = 1; cell < start.length; cell++) start[cell] += start[cell - 1];
  const next = start.slice();
  grid.polygons = new Int32Array(entries);
  for (let polygon = 0; polygon < polygons; polygon++) {
    const width = (last[polygon] % columns) - (first[polygon] % columns);
    for (let from = first[polygon]; from <= last[polygon]; from += columns) {
      for (let cell = from; cell <= from + width; cell++) grid.polygons[next[cell]++] = polygon;
    }
  }
  return true;
}

/** The boxes of the polygons, from those of their runs. */
function polygonBoxes({ polygons, partStart, runStart, runBoxes }: PolygonLayer): Float64Array {
  const boxes = new Float64Array(polygons * 4);
  for (let polygon = 0; polygon < polygons; polygon++) {
    let west = Number.POSITIVE_INFINITY;
    let south = Number.POSITIVE_INFINITY;
    let east = Number.NEGATIVE_INFINITY;
    let north = Number.NEGATIVE_INFINITY;
    const end = runStart[partStart[polygon + 1]] * 4;
    for (let box = runStart[partStart[polygon]] * 4; box < end; box += 4) {
      west = Math.min(west, runBoxes[box]);
      south = Math.min(south, runBoxes[box + 1]);
      east = Math.max(east, runBoxes[box + 2]);
      north = Math.max(north, runBoxes[box + 3]);
    }
    boxes.set([west, south, east, north], polygon * 4);
  }
  return boxes;
}
