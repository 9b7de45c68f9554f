import type { Chart, Pipeline } from '../../../config/definition/pipeline.js';
import { GeorefreshError } from '../../../config/errors.js';
import { quoteIdent } from '../../../lake/sql.js';
import type { TableRef } from '../../../lake/types.js';
import type { Cell, ReportChart } from '../report-data.js';

type Read = (table: TableRef, sql: string) => Promise<Record<string, Cell>[]>;

/** Points of a line, and cells of a heat map, at most. */
const MOST = 2000;

/** The charts of the report, from the outputs as they will be published; one of an output that was left out is left out. */
export async function describeCharts(
  { outputs, report }: Pick<Pipeline, 'outputs' | 'report'>,
  tables: Record<string, TableRef>,
  read: Read,
): Promise<ReportChart[]> {
  const charts: ReportChart[] = [];
  for (const chart of report.charts) {
    const ref = tables[`file:${chart.output}.parquet`];
    if (ref === undefined) continue;
    const title = chart.title ?? outputs[chart.output]?.title ?? chart.output;
    charts.push({
      title,
      ...(chart.note !== undefined && { note: chart.note }),
      ...(await contentOf(chart, ref, read)),
    });
  }
  return charts;
}

async function contentOf(chart: Chart, ref: TableRef, read: Read) {
  const names = 'lines' in chart ? [chart.x, ...chart.lines, ...(chart.band ?? [])] : [chart.x, chart.y, chart.value];
  const missing = names.find((name) => !ref.columns.includes(name));
  if (missing !== undefined)
    throw new GeorefreshError(
      'GR-1003',
      `a chart of output ${chart.output} needs column ${missing}; there are ${ref.columns.join(', ')}`,
    );
  const rows = await read(
    ref,
    `select ${[...new Set(names)].map(quoteIdent).join(', ')} from t limit ${'rows' in chart ? (chart.rows ?? MOST) : MOST}`,
  );
  const numbers = (name: string): (number | null)[] => rows.map((row) => numberOf(row[name]));
  if (!('lines' in chart))
    return {
      kind: 'heat' as const,
      x: chart.x,
      y: chart.y,
      value: chart.value,
      cells: rows.map((row) => ({
        x: numberOf(row[chart.x]) ?? 0,
        y: numberOf(row[chart.y]) ?? 0,
        value: numberOf(row[chart.value]),
      })),
    };
  const [kind] = await read(
    ref,
    `select typeof(${quoteIdent(chart.x)}) in ('TIMESTAMP', 'DATE') as is_time from t limit 1`,
  );
  const isTime = kind?.is_time === true;
  return {
    kind: 'lines' as const,
    x: {
      name: chart.x,
      type: isTime ? ('time' as const) : ('number' as const),
      values: rows.map((row) => instantOf(row[chart.x])),
    },
    lines: chart.lines.map((name) => ({ name, values: numbers(name) })),
    ...(chart.band !== undefined && {
      band: { name: chart.band.join(' to '), low: numbers(chart.band[0]), high: numbers(chart.band[1]) },
    }),
  };
}

/** A number as it is, a time in milliseconds. */
const instantOf = (cell: Cell | undefined): number =>
  typeof cell === 'string' ? Date.parse(/[zZ]$/.test(cell) ? cell : `${cell}Z`) : (numberOf(cell) ?? 0);

const numberOf = (cell: Cell | undefined): number | null => (typeof cell === 'number' ? cell : null);
