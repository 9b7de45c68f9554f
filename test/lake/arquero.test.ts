import { desc, op } from 'arquero';
import { describe, expect, it } from 'vitest';
import { fromArquero, toArquero } from '../../lake/arquero.js';
import type { Columns } from '../../lake/types.js';

const table: Columns = {
  rows: 4,
  columns: {
    county: { type: 'text', codes: Int32Array.of(0, 1, -1, 0), dictionary: ['06037', '36061'] },
    stations: { type: 'integer', values: Float64Array.of(3, Number.NaN, 5, 1) },
    open: { type: 'boolean', values: Uint8Array.of(1, 0, 255, 1) },
    at: { type: 'timestamp', values: Float64Array.of(0, 1, 2, Number.NaN) },
  },
};

describe('a table in arquero', () => {
  it('comes back as it went, with its types named', () => {
    expect(
      fromArquero(toArquero(table), { county: 'text', stations: 'integer', open: 'boolean', at: 'timestamp' }),
    ).toEqual(table);
  });

  it('rolls up by text, leaving missing numbers out, and gives shared memory in the order asked for', () => {
    const rolled = toArquero(table)
      .groupby('county')
      .rollup({ stations: op.sum('stations'), rows: op.count() })
      .orderby(desc('rows'), 'county');
    const columns = fromArquero(rolled);
    expect(columns.columns.county).toMatchObject({ codes: Int32Array.of(0, -1, 1), dictionary: ['06037', '36061'] });
    expect(columns.columns.rows).toMatchObject({ type: 'double', values: Float64Array.of(2, 1, 1) });
    expect(columns.columns.stations).toMatchObject({ values: Float64Array.of(4, 5, Number.NaN) });
    expect((columns.columns.rows as { values: Float64Array }).values.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('keeps only the rows that a filter leaves', () => {
    const kept = toArquero(table).filter((row: { open: boolean | null }) => row.open);
    expect(fromArquero(kept)).toMatchObject({ rows: 2, columns: { stations: { values: Float64Array.of(3, 1) } } });
  });

  it('follows an order that is no inverse of itself', () => {
    const ordered = toArquero(table).orderby('stations');
    expect(fromArquero(ordered).columns.county).toMatchObject({
      codes: Int32Array.of(0, 1, 1, -1),
      dictionary: ['36061', '06037'],
    });
  });

  it('refuses a column of mixed types', () => {
    expect(() => fromArquero(toArquero(table), { county: 'double' })).toThrow(/county/);
  });
});
