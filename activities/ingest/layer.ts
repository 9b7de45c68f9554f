import type { Session } from '../../lake/session.js';
import { quoteIdent } from '../../lake/sql.js';
import type { Columns } from '../../lake/types.js';
import { textColumn } from '../features/builders/columns.js';
import type { Layer } from '../features/geo/layers.js';
import { cellName, jsonPath } from './cell.js';
import { crossesItself } from './crossing.js';
import type { Records } from './records.js';

/** The polygons of a file as records: their properties are the cells. They become a table when they are first read. */
export function layerRecords(layer: Layer, rows: number, session: Session, crossing: boolean): Records {
  const table = session.temporaryName();
  let made: Promise<void> | undefined;
  const make = (): Promise<void> => {
    made ??= session.createTable(table, columnsOf(layer, rows, crossing));
    return made;
  };
  const cell = (column: string): string =>
    `json_extract_string(properties, ${jsonPath(column)}) as ${cellName(column)}`;
  const shape = ['_row', '0 as _file', 'id', 'geometry', '_fault', '_crossing'];
  return {
    columns: ['id', 'geometry'],
    inOrder: true,
    // A property that no polygon has is missing in each of them, which the contract sees.
    demand: () => undefined,
    count: async () => [rows],
    cells: async (columns, { of } = {}) => {
      await make();
      const cells = [...new Set(columns.map(cell)), ...(of === undefined ? [] : ['properties as raw'])];
      return `select ${[...shape, ...cells].join(', ')} from ${quoteIdent(table)}${of === undefined ? '' : ` semi join ${of} using (_row)`}`;
    },
    explain: (error) => error,
    close: async () => void (await session.run(`drop table if exists ${quoteIdent(table)}`)),
  };
}

/** One row a feature: its id, properties and geometry as JSON text, or the reason why it is no polygon. */
function columnsOf({ features, faults }: Layer, rows: number, crossing: boolean): Columns {
  const broken = new Map(faults.map((fault) => [fault.index, fault]));
  const good = features[Symbol.iterator]();
  const records = Array.from({ length: rows }, (_, row) => {
    const fault = broken.get(row);
    if (fault !== undefined)
      return { id: fault.id, ...told(fault.properties), geometry: null, fault: fault.reason, crossing: null };
    const { id, properties, geometry } = good.next().value ?? features[0];
    const named = id ?? text(properties.id) ?? text(properties.name) ?? String(row + 1);
    const at = crossing ? crossesItself(geometry) : undefined;
    return {
      id: named,
      fault: null,
      ...told(properties),
      geometry: JSON.stringify(geometry),
      crossing: at === undefined ? null : `its outline crosses itself near ${at[0].toFixed(6)}, ${at[1].toFixed(6)}`,
    };
  });
  return {
    rows,
    columns: {
      _row: { type: 'integer', values: Float64Array.from({ length: rows }, (_, row) => row + 1) },
      id: textColumn(rows, (row) => records[row].id),
      properties: textColumn(rows, (row) => records[row].properties),
      geometry: textColumn(rows, (row) => records[row].geometry),
      _fault: textColumn(rows, (row) => records[row].fault),
      _crossing: textColumn(rows, (row) => records[row].crossing),
    },
  };
}

/** A character in two halves of which one is missing, as JSON text shows it: the engine takes no such text. */
const HALF = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/** Properties as JSON text, and what is wrong with them where they cannot be kept as they are. */
function told(properties: Record<string, unknown>): { properties: string; fault?: string } {
  const json = JSON.stringify(properties);
  return HALF.test(json) ? { properties: '{}', fault: 'its properties hold half a character' } : { properties: json };
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
