import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRecords } from '../../../activities/ingest/records.js';
import { judge } from '../../../activities/validate/judge.js';
import { recordSource } from '../../../config/definition/source.js';
import { type Lake, openLake } from '../../../lake/lake.js';
import { temporaryHome } from '../../support/home.js';

let lake: Lake;
beforeAll(async () => {
  lake = await openLake({ home: await temporaryHome(), scratchBytes: 1 << 28, memoryLimit: '512MB', threads: 2 });
});
afterAll(() => lake.close());

/** A generator of numbers in [0, 1) after Tommy Ettinger's mulberry32: the same for a seed everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ROWS = 40_000;
const OF_EACH = 1000;

type Row = Record<
  'id' | 'code' | 'site' | 'kind' | 'lat' | 'power' | 'kwh' | 'start' | 'end' | 'share' | 'mark',
  string
>;

const stamp = (hours: number): string =>
  new Date(Date.UTC(2023, 0, 1) + hours * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');

const clean = (row: number, draw: () => number): Row => ({
  id: String(100_000 + row),
  code: `C${String(row).padStart(6, '0')}`,
  site: `s${Math.floor(draw() * 50)}`,
  kind: draw() < 0.5 ? 'fast' : 'slow',
  lat: (draw() * 180 - 90).toFixed(6),
  // A bell of eight draws, so that no clean value is far from the others.
  power: (50 + 10 * (Array.from({ length: 8 }, draw).reduce((sum, x) => sum + x, 0) - 4)).toFixed(3),
  kwh: (20 + 10 * draw()).toFixed(2),
  start: stamp(row),
  end: stamp(row + 1 + draw()),
  share: draw().toFixed(4),
  mark: draw() < 0.5 ? 'x' : 'y',
});

/** Each kind of fault: the rule that must find it, and what it does to a row; `other` is a clean row. */
const FAULTS: [rule: string, spoil: (row: Row, draw: () => number, other: Row) => void][] = [
  [
    'id.required',
    (row) => {
      row.id = '';
    },
  ],
  [
    'id.type',
    (row, draw) => {
      row.id = ['12x', '5.7', '1_000', '1e400', '0x1F'][Math.floor(draw() * 5)] ?? '';
    },
  ],
  [
    'id.unique',
    (row, _, other) => {
      row.id = other.id;
    },
  ],
  [
    'code.pattern',
    (row) => {
      row.code = row.code.toLowerCase();
    },
  ],
  [
    'kind.allowed',
    (row) => {
      row.kind = 'fsat';
    },
  ],
  [
    'lat.max',
    (row, draw) => {
      row.lat = String(91 + draw() * 100);
    },
  ],
  [
    'lat.min',
    (row, draw) => {
      row.lat = String(-91 - draw() * 100);
    },
  ],
  [
    'lat.type',
    (row, draw) => {
      row.lat = draw() < 0.5 ? 'NaN' : 'Infinity';
    },
  ],
  [
    'start.type',
    (row, draw) => {
      row.start = draw() < 0.5 ? '31.12.2023' : '2023-02-30 10:00:00';
    },
  ],
  [
    'start.notBefore',
    (row) => {
      row.start = '1970-01-01 00:00:00';
    },
  ],
  [
    'in_order',
    (row) => {
      row.end = '2022-01-01 00:00:00';
    },
  ],
  [
    'site_known',
    (row) => {
      row.site = 's99';
    },
  ],
  [
    'share_whole',
    (row, draw) => {
      row.share = String(1.01 + draw());
    },
  ],
  [
    'power_unlike',
    (row, draw) => {
      row.power = String(500 + 1000 * draw());
    },
  ],
  [
    'kwh_outside',
    (row, draw) => {
      row.kwh = String(200 + 1000 * draw());
    },
  ],
  [
    'mark_rare',
    (row, draw) => {
      row.mark = `z${Math.floor(draw() * 1e9)}`;
    },
  ],
];

const CONTRACT = {
  uri: 'x',
  format: 'csv',
  columns: {
    id: { type: 'integer', required: true, unique: true },
    code: { type: 'text', pattern: String.raw`C\d{6}` },
    site: { type: 'text' },
    kind: { type: 'text', allowed: ['fast', 'slow'] },
    lat: { type: 'double', min: -90, max: 90 },
    power: { type: 'double' },
    kwh: { type: 'double' },
    start: { type: 'timestamp', notBefore: '2020-01-01' },
    end: { type: 'timestamp' },
    share: { type: 'double' },
    mark: { type: 'text' },
  },
  rules: { in_order: { check: '"end" >= start' }, share_whole: { check: 'share between 0 and 1' } },
  references: { site_known: { columns: ['site'], source: 'sites', to: ['site'] } },
  anomalies: {
    power_unlike: { column: 'power', method: 'mad', severity: 'error' },
    kwh_outside: { column: 'kwh', method: 'iqr', severity: 'error' },
    mark_rare: { column: 'mark', method: 'rare', severity: 'error' },
  },
};

test('1,000 faults of every kind end in quarantine under their rule, and no clean row does (S2.8, S2.9, S2.10)', async () => {
  const draw = random(20260220);
  const rows = Array.from({ length: ROWS }, (_, row) => clean(row, draw));
  const spoilt = new Map<number, string>();
  // Rows of the first half stay clean: repeated ids are theirs.
  for (const [rule, spoil] of FAULTS)
    for (let n = 0; n < OF_EACH; ) {
      const at = ROWS / 2 + Math.floor((draw() * ROWS) / 2);
      const [row, other] = [rows[at], rows[Math.floor((draw() * ROWS) / 2)]];
      if (spoilt.has(at) || row === undefined || other === undefined) continue;
      spoil(row, draw, other);
      spoilt.set(at, rule);
      n++;
    }
  const path = lake.scratch.newFile('csv');
  const [first] = rows;
  const lines = rows.map((row) => Object.values(row).join(','));
  await writeFile(path, `${Object.keys(first ?? {}).join(',')}\n${lines.join('\n')}\n`);

  const source = recordSource.parse(CONTRACT);
  await lake.duckdb.session(async (session) => {
    await session.run("create temp table sites as select 's' || i as site from range(50) as t(i)");
    const records = await openRecords(source, [{ path, name: 'x' }], { session, work: lake.scratch, thorough: true });
    const { counts, failed, aside } = await judge(session, 'x', source, records);
    expect(failed).toBe(spoilt.size);
    expect(counts).toEqual(Object.fromEntries(FAULTS.map(([rule]) => [rule, OF_EACH])));
    const { columns } = await session.readColumns(`select "row", rule, raw from (${aside}) order by "row"`);
    const { row, rule, raw } = columns;
    if (row?.type !== 'integer' || rule?.type !== 'text' || raw?.type !== 'text') throw new Error('row, rule, raw');
    const found = Array.from(row.values, (at, i) => [at - 1, rule.dictionary[rule.codes[i] ?? -1]]);
    expect(found).toEqual([...spoilt].sort(([a], [b]) => a - b));
    const kept = Array.from(raw.codes, (code) => JSON.parse(raw.dictionary[code] ?? '') as Row);
    expect(kept).toEqual(found.map(([at]) => rows[Number(at)]));
    await records.close();
  });
});
