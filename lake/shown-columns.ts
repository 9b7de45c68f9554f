import { randomUUID } from 'node:crypto';
import { type DuckDBConnection, DuckDBTableFunction, VARCHAR } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { checkLength, duckdbTypeOf, VECTOR_ROWS, VectorWriter } from './column-writer.js';
import type { Columns } from './types.js';

const FUNCTION = 'georefresh_columns';

interface Shown {
  rows: number;
  columns: VectorWriter[];
  types: ReturnType<typeof duckdbTypeOf>[];
  names: string[];
  /** Why a scan was given up: the engine carries no more of it than a message. */
  fault?: unknown;
}

/** Where a scan stands, and which columns it asks for. */
interface Scan {
  at: number;
  columns: number[];
}

/**
 * Columns in memory that SQL reads where they lie, vector by vector and in their order: making a table of them costs
 * more than reading them, and as much memory again. Names are drawn at random, so that none is known to SQL of a pipeline.
 */
export class ShownColumns {
  readonly #shown = new Map<string, Shown>();

  /** Adds the table function to the engine of a connection, for all its connections. */
  constructor(connection: DuckDBConnection) {
    connection.registerTableFunction(
      DuckDBTableFunction.create({
        name: FUNCTION,
        parameterTypes: [VARCHAR],
        supportsProjectionPushdown: true,
        bindFunction: (info) => {
          const name = String(info.getParameter(0));
          const shown = this.#shown.get(name);
          if (shown === undefined) return info.setError('no such columns');
          for (const [k, column] of shown.names.entries()) info.addResultColumn(column, shown.types[k]);
          info.setCardinality(shown.rows, true);
          info.setBindData({ name });
        },
        initFunction: (info) => info.setInitData({ at: 0, columns: info.getColumnIndexes() } satisfies Scan),
        mainFunction: (info, chunk) => {
          const { name } = info.getBindData() as { name: string };
          const shown = this.#shown.get(name);
          if (shown === undefined) return info.setError('no such columns');
          try {
            chunk.rowCount = next(shown, info.getInitData() as Scan, chunk.chunk);
          } catch (error) {
            shown.fault = error;
            info.setError(String(error));
          }
        },
      }),
    );
  }

  /** Shows a table: its name, and SQL that stands where a table may. */
  show(table: Columns): { name: string; relation: string } {
    const name = randomUUID();
    const columns = Object.entries(table.columns);
    for (const [column, values] of columns) checkLength(column, values, table.rows);
    this.#shown.set(name, {
      rows: table.rows,
      names: columns.map(([column]) => column),
      types: columns.map(([, values]) => duckdbTypeOf(values)),
      columns: columns.map(([column, values]) => new VectorWriter(column, values)),
    });
    return { name, relation: `${FUNCTION}('${name}')` };
  }

  faultOf(name: string): unknown {
    return this.#shown.get(name)?.fault;
  }

  hide(name: string): void {
    this.#shown.delete(name);
  }
}

function next({ rows, columns }: Shown, scan: Scan, chunk: duckdb.DataChunk): number {
  const count = Math.min(VECTOR_ROWS, rows - scan.at);
  // Counting rows asks for a column that is none of them.
  for (const [k, column] of scan.columns.entries())
    columns[column]?.write(duckdb.data_chunk_get_vector(chunk, k), scan.at, count);
  scan.at += count;
  return count;
}
