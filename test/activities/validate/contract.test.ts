import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cellName } from '../../../activities/ingest/cell.js';
import type { Records } from '../../../activities/ingest/records.js';
import { rowsOf } from '../../../activities/publish/steps/outputs.js';
import { contractSql } from '../../../activities/validate/contract.js';
import { judge } from '../../../activities/validate/judge.js';
import { isLayer, polygonSource, type RecordSource, recordSource } from '../../../config/definition/source.js';
import type { Lake } from '../../../lake/lake.js';
import { openLake } from '../../../lake/lake.js';
import { quoteIdent } from '../../../lake/sql.js';
import type { Columns } from '../../../lake/types.js';
import { temporaryHome } from '../../support/home.js';
import { judgeRows } from './judge.js';

let lake: Lake;
beforeAll(async () => {
  lake = await openLake({ home: await temporaryHome(), scratchBytes: 1 << 28, memoryLimit: '512MB', threads: 2 });
});
afterAll(() => lake.close());

const textOf = (cells: readonly (string | null)[]): Columns['columns'][string] => {
  const dictionary = [...new Set(cells)].filter((cell) => cell !== null);
  return {
    type: 'text',
    codes: Int32Array.from(cells, (cell) => (cell === null ? -1 : dictionary.indexOf(cell))),
    dictionary,
  };
};

/** The rows in the file's order, each with its rule, reason and typed columns. */
async function check(
  source: RecordSource | ReturnType<typeof polygonSource.parse>,
  raw: Record<string, (string | null)[]>,
) {
  const rows = Object.values(raw)[0]?.length ?? 0;
  const columns: Columns = {
    rows,
    columns: {
      _row: { type: 'integer', values: Float64Array.from({ length: rows }, (_, row) => row + 1) },
      ...Object.fromEntries(Object.entries(raw).map(([name, cells]) => [name, textOf(cells)])),
    },
  };
  return lake.duckdb.session(async (session) => {
    await session.createTable('given_cells', columns);
    const { columns: names, reads } = contractSql(source);
    const judged = await judge(session, 'x', source, recordsOf(isLayer(source), reads));
    expect(judged.rows).toBe(rows);
    const good = names.map((name) => `case when a.rule is null then c.${quoteIdent(name)} end as ${quoteIdent(name)}`);
    const aside =
      judged.failed > 0 ? judged.aside : 'select cast(null as bigint) as "row", null as rule, null as reason';
    return rowsOf(
      await session.readColumns(
        `select c._row, cast(a.rule as varchar) as _rule, cast(a.reason as varchar) as _reason, ${good.join(', ')}
         from _checked as c left join (${aside}) as a on a."row" = c._row order by c._row`,
      ),
    );
  });
}

/** Records whose cells lie in a table of the session already. */
const recordsOf = (layer: boolean, reads: string[]): Records => ({
  columns: reads,
  inOrder: true,
  count: async () => [],
  demand: () => undefined,
  cells: async (wanted, { of } = {}) => {
    const cells = wanted.map((column) => {
      const cell = layer
        ? `json_extract_string(properties, '$."${column.replaceAll('"', '\\"')}"')`
        : quoteIdent(column);
      return `${cell} as ${cellName(column)}`;
    });
    const shape = layer ? ['id', 'geometry', '_fault', 'cast(null as varchar) as _crossing'] : [];
    const raw = of === undefined ? [] : [`${layer ? 'properties' : 'cast(to_json(t) as varchar)'} as raw`];
    const some = of === undefined ? '' : ` semi join ${of} using (_row)`;
    return `select ${['_row', '0 as _file', ...shape, ...cells, ...raw].join(', ')} from given_cells as t${some}`;
  },
  explain: (error) => error,
  close: async () => undefined,
});

const column = (rules: object) => ({ type: 'text', ...rules });
const csv = (columns: Record<string, object>, more: object = {}): RecordSource =>
  recordSource.parse({ uri: 'x.csv', format: 'csv', columns, ...more });

/** Cells as files have them: numbers in every form, blanks, marks for missing, quotes, other scripts. */
const cells = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('0', '1', '2', '5', '-3', '7', '10', '007', '12', '99') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...['5.7', '5.0', '5.', '.5', '-0', '+5', '1_000', '1e2', '15e-1', '1.5e1', '1e400', '1e-400', '0x10', '0b1'],
      ...['inf', '-inf', 'Infinity', 'nan', 'NaN', ' 5 ', '5\t', '1,000', '9007199254740991', '9007199254740992'],
      ...[
        '9223372036854775807',
        '9223372036854775808',
        '5.0000000000000000001',
        '12345678901234567.5',
        '--5',
        '٥',
        '５',
      ],
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom('', 'NA', ' ', 'null') },
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', "it's", '"q"', '$&', '@', 'naïve', '数', '🚗🚗', 'x'.repeat(100)) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !text.includes('\0')) },
);

const bounds = fc.record(
  { min: fc.integer({ min: -5, max: 5 }), max: fc.integer({ min: 5, max: 50 }) },
  { requiredKeys: [] },
);
const flags = fc.record({ required: fc.boolean(), unique: fc.boolean(), personal: fc.boolean() });
const numeric = fc
  .tuple(
    fc.constantFrom('integer', 'double'),
    flags,
    bounds,
    fc.option(fc.constantFrom([0, 5], [7, 12]), { nil: undefined }),
  )
  .map(([type, flag, bound, forbidden]) => ({ type, ...flag, ...bound, ...(forbidden && { forbidden }) }));
const mapped = flags.map((flag) => ({
  type: 'integer',
  ...flag,
  map: { a: 1, b: 2, '"q"': '3', "it's": 'no number' },
}));
const textual = fc
  .tuple(
    flags,
    fc.option(fc.constantFrom(3, 5), { nil: undefined }),
    fc.option(fc.constantFrom(String.raw`\d{3}`, '[a-z]+', '.*', "it's|@"), { nil: undefined }),
    fc.option(fc.constantFrom<(string | number)[]>(['a', 'b', "it's"], [5, '007', 12]), { nil: undefined }),
  )
  .map(([flag, pad, pattern, allowed]) => ({
    type: 'text',
    ...flag,
    ...(pad && { pad }),
    ...(pattern && { pattern }),
    ...(allowed && { allowed }),
  }));

test('every row gets the verdict, the rule and the reason that a plain judge gives it (S2.8)', async () => {
  const contracts = fc.record({ row: fc.oneof(numeric, mapped, textual), first: fc.oneof(numeric, textual) });
  await fc.assert(
    fc.asyncProperty(
      contracts,
      fc.array(fc.record({ row: cells, first: cells }), { minLength: 1, maxLength: 40 }),
      async (columns, records) => {
        const source = csv(columns as Record<string, object>, { nulls: ['', 'NA'] });
        const checked = await check(source, { row: records.map((r) => r.row), first: records.map((r) => r.first) });
        const judged = judgeRows(source, records);
        expect(checked.map((row) => row._rule)).toEqual(judged.rules);
        const isOfDouble = (rule: string | null) =>
          rule?.endsWith('.unique') && source.columns[rule.split('.')[0] ?? '']?.type === 'double';
        const reasons = (of: unknown[]) => of.filter((_, i) => !isOfDouble(judged.rules[i] ?? null));
        expect(reasons(checked.map((row) => row._reason))).toEqual(reasons(judged.reasons));
      },
    ),
    { numRuns: 150, seed: 20260220 },
  );
});

test('a first row that is broken otherwise does not push out the good ones behind it', async () => {
  const source = csv({ id: { type: 'integer', unique: true }, lat: { type: 'double', required: true } });
  const checked = await check(source, { id: ['1', '1', '1'], lat: ['', '5', '6'] });
  expect(checked.map(({ _rule, _reason }) => [_rule, _reason])).toEqual([
    ['lat.required', 'lat: no value'],
    [null, null],
    ['id.unique', 'id: 1 stands in row 2 already'],
  ]);
});

test('of rows with the same key the first stays, or the last where it corrects those before it (S3.3)', async () => {
  const columns = { a: { type: 'text' }, n: { type: 'integer' } };
  const cells = { a: ['x', 'x', 'y', 'x'], n: ['1', '2', '1', '1'] };
  const rulesOf = async (key: unknown): Promise<unknown[]> => {
    const source = recordSource.parse({ uri: 'x', format: 'csv', columns, keys: { once: key } });
    return (await check(source, cells)).map(({ _rule, _reason }) => (_rule === null ? null : _reason));
  };
  expect(await rulesOf(['a', 'n'])).toEqual([null, null, null, 'a, n: their values stand in row 1 already']);
  expect(await rulesOf({ columns: ['a'], keep: 'last' })).toEqual([
    'a: their values stand in row 4 again',
    'a: their values stand in row 4 again',
    null,
    null,
  ]);
});

test('a row put aside for one unique column counts for no later one', async () => {
  const source = csv({ a: column({ unique: true }), b: column({ unique: true }) });
  const checked = await check(source, { a: ['1', '1', '3'], b: ['1', '2', '2'] });
  expect(checked.map(({ _rule }) => _rule)).toEqual([null, 'a.unique', null]);
});

test('missing values are never repeated ones', async () => {
  const source = csv({ a: column({ unique: true }) });
  expect((await check(source, { a: ['', '', 'x'] })).map(({ _rule }) => _rule)).toEqual([null, null, null]);
});

test('values of personal columns stand in no reason (S2.15)', async () => {
  const rules = { personal: true, unique: true, pattern: '[a-z]+', forbidden: ['secret'] };
  const source = csv({ who: column(rules), age: { type: 'integer', personal: true, min: 1 } });
  const who = ['Jane7', 'secret', 'jane', 'jane', 'x', 'y'];
  const checked = await check(source, { who, age: ['30', '30', '30', '31', '4.5', '-7'] });
  expect(checked.map(({ _rule }) => _rule)).toEqual([
    'who.pattern',
    'who.forbidden',
    null,
    'who.unique',
    'age.type',
    'age.min',
  ]);
  for (const { _reason } of checked) expect(String(_reason)).not.toMatch(/jane|secret|4\.5|-7/i);
});

test('columns may be called like the tables and columns that the checks use themselves', async () => {
  const names = ['row', 'rule', 'reason', 'first', 'fault', 'cells', 'raw', 'source', 'order'];
  const source = csv(Object.fromEntries(names.map((name) => [name, { type: 'integer', required: true }])));
  const checked = await check(
    source,
    Object.fromEntries(names.map((name, i) => [name, [String(i), i === 4 ? '' : '1']])),
  );
  expect(checked[0]).toMatchObject({ ...Object.fromEntries(names.map((name, i) => [name, i])), _row: 1, _rule: null });
  expect(checked[1]?._rule).toBe('fault.required');
});

test('columns of other types are held to them, and unreadable cells named', async () => {
  const source = csv({ b: { type: 'boolean' }, d: { type: 'date' }, t: { type: 'timestamp' } });
  const checked = await check(source, {
    b: ['true', 'f', 'maybe', '', '1'],
    d: ['2024-02-29', '2023-02-29', '', '', '2024-01-01'],
    t: ['2024-01-01 10:00:00', '2024-01-01T10:00:00', '', 'noon', ''],
  });
  expect(checked.map(({ _rule }) => _rule)).toEqual([null, 'd.type', 'b.type', 't.type', null]);
  expect(checked[0]).toMatchObject({ b: true, d: Date.UTC(2024, 1, 29), t: Date.UTC(2024, 0, 1, 10) });
});

test('minus zero is zero, whichever of them a column holds first (P12)', async () => {
  const checked = await check(csv({ x: { type: 'double' } }), { x: ['-0', '0', '-0.0', '1', '0.0'] });
  expect(checked.map(({ x }) => Object.is(x, 0))).toEqual([true, true, true, false, true]);
});

test('what a cell is mapped to must be of the type too', async () => {
  const source = csv({ level: { type: 'integer', map: { low: 1, high: 'much' } } });
  const checked = await check(source, { level: ['low', 'high', 'other', ''] });
  expect(checked.map(({ _rule }) => _rule)).toEqual([null, 'level.type', 'level.map', null]);
});

test('lost zeros are put back before a cell is looked up or compared', async () => {
  const source = csv({ code: column({ pad: 3, map: { '007': 'bond', '012': 'dozen' }, unique: true }) });
  const checked = await check(source, { code: ['7', '12', '007', '0012'] });
  expect(checked.map(({ code, _rule }) => [code, _rule])).toEqual([
    ['bond', null],
    ['dozen', null],
    [null, 'code.unique'],
    [null, 'code.map'],
  ]);
});

test('a layer is judged by its shapes first, then by its properties', async () => {
  const source = polygonSource.parse({
    uri: 'x.geojson',
    format: 'geojson',
    columns: {
      mode: { type: 'text', required: true, allowed: ['include', 'exclude'] },
      fault: { type: 'text' },
      size: { from: 'a "b"', type: 'double' },
    },
  });
  const checked = await check(source, {
    id: ['a', 'b', 'c', null],
    properties: ['{"mode":"include","a \\"b\\"":2.5,"fault":"none"}', '{"mode":"maybe"}', '{}', '{"mode":null}'],
    geometry: ['{}', '{}', null, '{}'],
    _fault: [null, null, 'it is a Point, not a Polygon or MultiPolygon', null],
  });
  expect(checked.map(({ _rule }) => _rule)).toEqual([null, 'mode.allowed', 'geometry.type', 'mode.required']);
  expect(checked[0]).toMatchObject({ id: 'a', mode: 'include', size: 2.5, fault: 'none' });
  expect(checked[2]?._reason).toBe('it is a Point, not a Polygon or MultiPolygon');
});
