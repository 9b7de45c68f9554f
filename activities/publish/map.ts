import { geoBounds, geoCentroid, geoPath } from 'd3-geo';
import type { LineString, MultiLineString, MultiPolygon, Polygon } from 'geojson';
import type { Bounds } from './bounds.js';
import { formatCount, formatNumber } from './format.js';
import { cut, Html, html } from './html.js';
import { binPoints, type HexBins } from './map-bins.js';
import { breakText, CLASSES, type Classes, classify, LEGEND_HEIGHT, renderLegend } from './map-classes.js';
import { type MapFrame, mapFrame, type ProjectionName } from './map-frame.js';
import { GridPath, windForD3 } from './map-paths.js';
import type { ReportMap } from './report-data.js';

/** Shapes for a choropleth, degrees WGS 84. Not part of the report's data: they are the same in every run. */
export interface Shapes {
  /** By the id of the area. */
  areas: ReadonlyMap<string, Polygon | MultiPolygon>;
  /** Lines drawn over them: borders of states, a coast. */
  borders?: LineString | MultiLineString;
}

const MAX_TEXT = 80;
/** Bytes for all paths of a map. */
const BUDGET = 480_000;
/** Grid lines a pixel, tried in turn until the map is within its budget. */
const GRIDS = [2, 1, 0.5];
const MAX_TITLED = 4000;
const MAX_POINTS = 500;

interface Layer {
  body: Html;
  /** Areas or rows that the projection does not show, or without a shape. */
  hidden: number;
}

type Area = NonNullable<ReportMap['areas']>[number];

const bytesOf = (parts: readonly Html[]): number => parts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);

/** Areas as paths; titled one by one where they are few enough, else one path a class. Undefined where no grid makes them fit. */
const drawAreas = (areas: readonly Area[], shapes: Shapes, frame: MapFrame, classes: Classes): Layer | undefined => {
  const wound = areas.map(({ id }) => {
    const shape = shapes.areas.get(id);
    return shape === undefined ? undefined : windForD3(shape);
  });
  for (const grid of GRIDS) {
    const path = new GridPath(grid);
    const draw = geoPath(frame.projection, path);
    const drawn = areas.flatMap((area, i) => {
      if (wound[i] !== undefined) draw(wound[i]);
      const d = path.take();
      return d === '' ? [] : [{ area, d: new Html(d), step: classes.of(area.value) }];
    });
    const layer = (parts: Html[]): Layer => ({
      body: html`<g class="areas" transform="scale(${1 / grid})">${parts}</g>`,
      hidden: areas.length - drawn.length,
    });
    const titled = drawn
      .slice(0, MAX_TITLED)
      .map(
        ({ area, d, step }) =>
          html`<path class="q${step}" d="${d}"><title>${cut(area.name, 60)}: ${formatNumber(area.value)}</title></path>`,
      );
    if (drawn.length <= MAX_TITLED && bytesOf(titled) <= BUDGET) return layer(titled);
    const merged = ['none', ...CLASSES.map(String)].map((step) => {
      const paths = drawn.filter((one) => one.step === step).map(({ d }) => d);
      return html`<path class="q${step}" d="${paths}"/>`;
    });
    if (bytesOf(merged) <= BUDGET) return layer(merged);
  }
  return undefined;
};

/** Areas too many to be seen one by one, as hexagons of their centroids. */
const binAreas = (areas: readonly Area[], shapes: Shapes, projection: ProjectionName, extent: Bounds): HexBins => {
  const lon = new Float64Array(areas.length).fill(Number.NaN);
  const lat = new Float64Array(areas.length).fill(Number.NaN);
  const value = Float64Array.from(areas, (area) => area.value ?? Number.NaN);
  for (const [i, { id }] of areas.entries()) {
    const shape = shapes.areas.get(id);
    if (shape === undefined) continue;
    const [x, y] = geoCentroid(windForD3(shape));
    lon[i] = x;
    lat[i] = y;
  }
  return binPoints({ lon, lat, value }, { projection, extent });
};

const hexagon = (radius: number): string => {
  const x = (radius * Math.sqrt(3)) / 2;
  const [h, half] = [x.toFixed(2), (radius / 2).toFixed(2)];
  return `M0-${radius.toFixed(2)}L${h}-${half}L${h} ${half}L0 ${radius.toFixed(2)}L-${h} ${half}L-${h}-${half}z`;
};

const drawBins = ({ cells, radius, outside }: NonNullable<ReportMap['bins']>, classes: Classes): Layer => ({
  body: html`<defs><path id="hex" d="${hexagon(radius)}"/></defs><g class="bins">${cells.map(
    ({ x, y, rows, value }) =>
      html`<use href="#hex" x="${x}" y="${y}" class="q${classes.of(value)}"><title>${formatNumber(value)} (${formatCount(rows)} rows)</title></use>`,
  )}</g>`,
  hidden: outside,
});

const drawBorders = (borders: Shapes['borders'], frame: MapFrame): Html | undefined => {
  if (borders === undefined) return undefined;
  const path = new GridPath(2);
  geoPath(frame.projection, path)(borders);
  return html`<path class="borders" transform="scale(0.5)" d="${new Html(path.take())}"/>`;
};

const drawPoints = (points: ReportMap['points'], frame: MapFrame): Layer => {
  let hidden = 0;
  const circles: Html[] = [];
  // Backwards, so that the first of a ranking lies on top.
  for (const { lon, lat, name } of (points?.items ?? []).slice(0, MAX_POINTS).reverse()) {
    const at = frame.projection([lon, lat]);
    if (at === null || !Number.isFinite(at[0]) || !Number.isFinite(at[1])) {
      hidden++;
      continue;
    }
    circles.push(
      html`<circle cx="${at[0].toFixed(1)}" cy="${at[1].toFixed(1)}" r="4"><title>${cut(name, 80)}</title></circle>`,
    );
  }
  return { body: html`<g class="top">${circles}</g>`, hidden };
};

const extentOf = ({ areas, bins }: ReportMap, shapes: Shapes | undefined): Bounds => {
  if (bins !== undefined) return bins.extent;
  const shown = (areas ?? []).flatMap(({ id }) => shapes?.areas.get(id) ?? []);
  if (shown.length === 0) return [-180, -85, 180, 85];
  const [[west, south], [east, north]] = geoBounds({ type: 'GeometryCollection', geometries: shown.map(windForD3) });
  return [west, south, east, north];
};

/**
 * The map of a report as SVG: a choropleth of areas with shapes, or hexagon bins, coloured on a perceptually uniform scale
 * of at most seven classes with about equal numbers of members, and points on top. Undefined where there is nothing to draw.
 * At most 480 kB of paths whatever is given: areas too many for that become hexagons. `note` says what is not shown.
 */
export const renderMap = (map: ReportMap, shapes?: Shapes): { svg: Html; note: string } | undefined => {
  const areas = shapes === undefined ? undefined : map.areas;
  if (areas === undefined && map.bins === undefined && map.points === undefined) return undefined;
  const extent = extentOf(map, shapes);
  const frame = mapFrame(map.projection, extent);
  const members = areas ?? map.bins?.cells ?? [];
  const classes = classify(members.map(({ value }) => value));
  let ground: Layer = { body: html``, hidden: 0 };
  if (areas !== undefined && shapes !== undefined) {
    const layer = drawAreas(areas, shapes, frame, classes);
    if (layer === undefined) {
      const { areas: _tooMany, ...rest } = map;
      return renderMap({ ...rest, bins: binAreas(areas, shapes, map.projection, extent) }, shapes);
    }
    ground = layer;
  } else if (map.bins !== undefined) ground = drawBins(map.bins, classes);
  const points = drawPoints(map.points, frame);
  const blank = members.some(({ value }) => value === null);
  const height = frame.height + LEGEND_HEIGHT;
  const svg = html`<svg class="map" viewBox="0 0 ${frame.width} ${height}" role="img" aria-labelledby="map-title map-desc">
<title id="map-title">${cut(map.title, MAX_TEXT)}</title><desc id="map-desc">${describe(map, classes)}</desc>
${renderLegend(cut(map.label, MAX_TEXT), classes, { blank, points: map.points?.label })}
<g transform="translate(0 ${LEGEND_HEIGHT})">${ground.body}${drawBorders(shapes?.borders, frame)}${points.body}</g></svg>`;
  const rows = (map.bins?.cells.reduce((sum, cell) => sum + cell.rows, 0) ?? 0) + (map.bins?.outside ?? 0);
  const note = [
    map.areas === undefined || areas === undefined
      ? missing('rows', ground.hidden, rows)
      : missing('areas', ground.hidden, areas.length),
    missing('points', points.hidden, Math.min(MAX_POINTS, map.points?.items.length ?? 0)),
  ];
  return { svg, note: note.join(' ').trim() };
};

/** What a map cannot show is said, not left out in silence. */
const missing = (what: string, hidden: number, all: number): string =>
  hidden === 0 ? '' : `${formatCount(hidden)} of ${formatCount(all)} ${what} lie outside this map or have no shape.`;

const describe = ({ label, areas, bins, points }: ReportMap, { breaks }: Classes): string => {
  const members =
    areas === undefined ? `hexagons: ${formatCount(bins?.cells.length ?? 0)}` : `areas: ${formatCount(areas.length)}`;
  const [low = 0, high = 0] = [breaks[0], breaks[breaks.length - 1]];
  const range = breaks.length === 0 ? 'no values' : `values from ${breakText(low)} to ${breakText(high)}`;
  const top = points === undefined ? '' : `; ${points.label}, points: ${formatCount(points.items.length)}`;
  return cut(`${label}; ${members}, ${range}${top}.`, 4 * MAX_TEXT);
};
