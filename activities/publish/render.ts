import type { MultiPolygon, Polygon } from 'geojson';
import { renderReport } from './report.js';
import type { ReportData } from './report-data.js';

export interface RenderInput {
  data: ReportData;
  /** Shapes of the map's areas: ids, and GeoJSON geometries as text. */
  shapes?: { ids: string[]; geometries: string[] };
}

/** The report as HTML; shapes are read here, in the thread that draws them. */
export function renderReportPage({ data, shapes }: RenderInput): string {
  if (shapes === undefined) return renderReport(data);
  const areas = new Map(shapes.ids.map((id, i) => [id, JSON.parse(shapes.geometries[i]) as Polygon | MultiPolygon]));
  return renderReport(data, { areas });
}
