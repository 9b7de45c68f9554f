import type { MultiLineString, MultiPolygon, Polygon } from 'geojson';
import { renderReport } from './report.js';
import type { ReportData } from './report-data.js';

export interface RenderInput {
  data: ReportData;
  /** Shapes of the map's areas: ids, and GeoJSON geometries as text. */
  shapes?: { ids: string[]; geometries: string[]; borders?: string[] };
}

/** The report as HTML; shapes are read here, in the thread that draws them. */
export function renderReportPage({ data, shapes }: RenderInput): string {
  if (shapes === undefined) return renderReport(data);
  const read = (text: string): Polygon | MultiPolygon => JSON.parse(text) as Polygon | MultiPolygon;
  const areas = new Map(shapes.ids.map((id, i) => [id, read(shapes.geometries[i])]));
  const borders = shapes.borders && outlines(shapes.borders.map(read));
  return renderReport(data, { areas, ...(borders && { borders }) });
}

const outlines = (geometries: (Polygon | MultiPolygon)[]): MultiLineString => ({
  type: 'MultiLineString',
  coordinates: geometries.flatMap((geometry) =>
    geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat(),
  ),
});
