import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import excel from 'exceljs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRecords } from '../../../activities/ingest/records.js';
import { judge } from '../../../activities/validate/judge.js';
import { readText } from '../../../client/validate.js';
import { type Source, source as sourceSchema } from '../../../config/definition/source.js';
import { GeorefreshError } from '../../../config/errors.js';
import { matchFiles } from '../../../config/sources.js';
import { type Lake, openLake } from '../../../lake/lake.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';

let lake: Lake;
beforeAll(async () => {
  lake = await openLake({ home: await temporaryHome(), scratchBytes: 1 << 28, memoryLimit: '256MB', threads: 2 });
});
afterAll(() => lake.close());

const COLUMNS = { a: { type: 'text' }, n: { type: 'double' } };
type Content = string | Uint8Array;

/** Reads files as a source and holds them to its contract; answers rows, and rows put aside by rule. */
async function read(content: Content | Record<string, Content>, contract: object = {}) {
  const source: Source = sourceSchema.parse({ uri: 'x', format: 'csv', columns: COLUMNS, ...contract });
  const given = typeof content === 'string' || content instanceof Uint8Array ? { 'in/x': content } : content;
  return lake.duckdb.session(async (session) => {
    const files = [];
    for (const [name, bytes] of Object.entries(given)) {
      const path = lake.scratch.newFile('bin');
      await writeFile(path, bytes);
      files.push({ path, name });
    }
    const records = await openRecords(source, files, { session, work: lake.scratch, thorough: true });
    try {
      const counts = await records.count();
      const judged = await judge(session, 'x', source, records);
      expect(judged.rows).toBe(counts.reduce((sum, count) => sum + count, 0));
      const { columns, rows } = await session.readColumns(`select * from (${judged.good}) order by _row`);
      const good = Array.from({ length: rows }, (_, row) =>
        Object.fromEntries(
          Object.entries(columns).map(([name, column]) => [
            name,
            column.type === 'text' ? (column.dictionary[column.codes[row] ?? -1] ?? null) : column.values[row],
          ]),
        ),
      );
      const raw =
        judged.failed === 0 ? [] : await readText(session, `select raw from (${judged.aside}) order by "row"`);
      return { rows: judged.rows, counts: judged.counts, good, raw: raw.map((row) => row.raw) };
    } finally {
      await records.close();
    }
  });
}

async function faultOf(work: Promise<unknown>): Promise<GeorefreshError> {
  const outcome = await work.catch((error: unknown) => error);
  if (outcome instanceof GeorefreshError) return outcome;
  throw new Error('it was read');
}

async function workbook(fill: (book: excel.Workbook) => void): Promise<Buffer> {
  const book = new excel.Workbook();
  fill(book);
  return Buffer.from(await book.xlsx.writeBuffer());
}

const sheet = (book: excel.Workbook, rows: unknown[][], name = 'data') => book.addWorksheet(name).addRows(rows);

const POLYGONS = { format: 'geojson', columns: { p: { type: 'text' } } };

test.each<[string, Content, object, string, RegExp]>([
  ['an empty file', '', {}, 'GR-2002', /in\/x is empty/],
  ['a wrong delimiter', 'a;n\n1;2\n', {}, 'GR-2003', /has no a, n; it has a;n/],
  ['quotes never closed', 'a,n\n1,2\n"x,3\n', {}, 'GR-2002', /in\/x:3/],
  ['a ragged row', 'a,n\n1,2\n3\n', {}, 'GR-2002', /in\/x:3 Expected Number of Columns: 2 Found: 1/],
  [
    'Latin-1 bytes in a column that is not read',
    Buffer.from('a,n,z\n1,2,3\n4,5,\xe9\n', 'latin1'),
    {},
    'GR-2002',
    /in\/x:3 is not UTF-8/,
  ],
  ['a line of 50 MB', `a,n\n1,2\n${'x'.repeat(50_000_000)},3\n`, {}, 'GR-2002', /in\/x:3 is longer than 2000000 bytes/],
  ['0 bytes for Parquet', '', { format: 'parquet' }, 'GR-2002', /empty/],
  [
    'Parquet cut short',
    'PAR1abcdefghijklmnopqrst',
    { format: 'parquet' },
    'GR-2002',
    /Parquet file, or one that was cut/,
  ],
  ['Parquet that is declared CSV', 'PAR1abcdefghijklmnopqrst', {}, 'GR-2002', /content is parquet, not csv/],
  ['text that is declared Parquet', 'a,n\n1,2\n', { format: 'parquet' }, 'GR-2002', /content is text, not parquet/],
  ['JSON cut short', '[{"a":"1","n":1},{"a":', { format: 'json' }, 'GR-2002', /in\/x:1 record 2 does not end/],
  [
    'a gzip bomb',
    gzipSync(Buffer.alloc(50_000_000, 'a')),
    { maxBytes: '1MB' },
    'GR-2007',
    /unpacks to more than 1000000 bytes/,
  ],
  ['gzip cut short', gzipSync('a,n\n1,2\n').subarray(0, 20), {}, 'GR-2002', /damaged or cut gzip/],
  [
    'gzip behind zeros, which would be lost',
    Buffer.concat([gzipSync('a,n\n1,2\n'), Buffer.alloc(600), gzipSync('3,4\n')]),
    {},
    'GR-2002',
    /more follows its packed part/,
  ],
  ['UTF-16 that says so nowhere', Buffer.from('a,n\nx,1\n', 'utf16le'), {}, 'GR-2002', /declare .* such as utf-16/],
  ['zstd', Buffer.from('28b52ffd0458', 'hex'), {}, 'GR-2002', /packed with zstd; unpack it/],
  ['a zip file', Buffer.from('504b0304aaaaaaaaaaaa', 'hex'), {}, 'GR-2002', /content is excel or another zip file/],
  ['JSON cut behind a comma', '[{"a":"1","n":1},\n', { format: 'json' }, 'GR-2002', /in\/x:1 .* no end of the list/],
  ['JSON cut in a record', '{"a":"1"}\n{"a":"Kari', { format: 'json' }, 'GR-2002', /in\/x:2 record 2 does not end/],
  ['a broken line of JSON', '{"a":"1"}\n\nKari\n{}', { format: 'json' }, 'GR-2002', /in\/x:3 record 2 is no object/],
  ['null among objects', '[{"a":"1"},\n null]', { format: 'json' }, 'GR-2002', /in\/x:2 record 2 is no object/],
  ['JSON with an open word', '[{"a":"1"},{"a":tru}]', { format: 'json' }, 'GR-2002', /in\/x record 2 is no JSON/],
  ['a key twice', '[{"a":"1","a":"2","n":1}]', { format: 'json' }, 'GR-2002', /the same key twice/],
  [
    'JSON so deep that it would end the process',
    `[{"a":"1","n":1},{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}]`,
    { format: 'json' },
    'GR-2002',
    /in\/x:1 record 2 is nested too deep/,
  ],
  ['GeoJSON that is none', 'Kari,1\n', POLYGONS, 'GR-2002', /in\/x:1 record 1 is no object$/],
  [
    'GeoJSON with a slip',
    '{"type":"Kari" "features"}',
    POLYGONS,
    'GR-2002',
    /in\/x it is not JSON( \(at position \d+\))?$/,
  ],
  ['GeoJSON cut short', '{"type":"FeatureCollection",\n"features":[', POLYGONS, 'GR-2002', /in\/x:1 .* not end/],
  [
    'GeoJSON with properties too deep',
    `{"type":"FeatureCollection","features":[{"properties":${'['.repeat(20_000)}${']'.repeat(20_000)}}]}`,
    POLYGONS,
    'GR-2002',
    /nested too deep/,
  ],
  ['gzip in gzip', gzipSync(gzipSync('a,n\n1,2\n')), {}, 'GR-2002', /packed twice/],
  ['old Excel', Buffer.from('d0cf11e0a1b11ae1', 'hex'), { format: 'excel' }, 'GR-2002', /save it as .xlsx/],
  [
    'a zip that is no workbook',
    Buffer.from('504b0304aaaaaaaaaaaa', 'hex'),
    { format: 'excel' },
    'GR-2002',
    /no whole zip/,
  ],
  [
    'a TopoJSON without the object',
    '{"type":"Topology","objects":{"b":{}},"arcs":[]}',
    { format: 'topojson', object: 'a', columns: {} },
    'GR-2002',
    /no object a, only b/,
  ],
])('%s is refused in words, and nothing of its rows is told (S2.8)', async (_, content, contract, code, message) => {
  const fault = await faultOf(read(content, contract));
  expect(fault.code).toBe(code);
  expect(fault.message).toMatch(message);
});

const XY = [
  { a: 'x', n: 1 },
  { a: 'y', n: 2 },
];

test.each<[string, Content, object, Record<string, unknown>[]]>([
  ['a byte order mark and CRLF', '\ufeffa,n\r\nx,1\r\n', {}, [{ a: 'x', n: 1 }]],
  ['semicolons and decimal commas', 'a;n\nx;1,5\n', { delimiter: ';', decimal: ',' }, [{ a: 'x', n: 1.5 }]],
  ['Latin-1 as declared', Buffer.from('a,n\n\xe9,1\n', 'latin1'), { encoding: 'latin-1' }, [{ a: 'é', n: 1 }]],
  ['UTF-16 by its mark', Buffer.from('\ufeffa,n\né,1\n', 'utf16le'), {}, [{ a: 'é', n: 1 }]],
  ['gzip under any name', gzipSync('a,n\nx,1\n'), {}, [{ a: 'x', n: 1 }]],
  ['gzip filled up with zeros', Buffer.concat([gzipSync('a,n\nx,1\n'), Buffer.alloc(600)]), {}, [{ a: 'x', n: 1 }]],
  ['UTF-8 by its mark, declared as another', '\ufeffa,n\né,1\n', { encoding: 'latin-1' }, [{ a: 'é', n: 1 }]],
  ['a quote above the header', '"note\na,n\nx,1\ny,2\n', { skip: 1 }, XY],
  ['quoted lines above the header', '\ufeff"note\r\n"é\r\na,n\r\nx,1\r\ny,2\r\n', { skip: 2 }, XY],
  ['a name with another line end than the file', '"z\r\n",a,n\n0,x,1\n0,y,2\n', {}, XY],
  ['a name with a line end in a file of CR LF', '"z\n",a,n\r\n0,x,1\r\n0,y,2\r\n', {}, XY],
  [
    'names that every object has',
    'constructor,toString\nx,1\n',
    { columns: { a: { from: 'constructor', type: 'text' }, n: { from: 'toString', type: 'double' } } },
    [{ a: 'x', n: 1 }],
  ],
  ['a key without a name', '[{"":0,"a":"x","n":1},{"a":"y","n":2}]', { format: 'json' }, XY],
  [
    'a key that is a star',
    '[{"*":"x","n":1}]',
    { format: 'json', columns: { a: { from: '*', type: 'text' }, n: { type: 'double' } } },
    [{ a: 'x', n: 1 }],
  ],
  [
    'JSON',
    '[{"a":"007","n":1.5},{"n":null,"a":"y"}]',
    { format: 'json' },
    [
      { a: '007', n: 1.5 },
      { a: 'y', n: Number.NaN },
    ],
  ],
  [
    'JSON lines',
    '{"a":"007","n":1}\n{"a":"y","n":2}\n',
    { format: 'any' },
    [
      { a: '007', n: 1 },
      { a: 'y', n: 2 },
    ],
  ],
  [
    'no header',
    'x,1\ny,2\n',
    { header: false, columns: { a: { from: 'column0', type: 'text' }, n: { from: 'column1', type: 'double' } } },
    [
      { a: 'x', n: 1 },
      { a: 'y', n: 2 },
    ],
  ],
  ['a note above the header', 'note, of\na,n\nx,1\n', { skip: 1 }, [{ a: 'x', n: 1 }]],
  [
    'names of columns twice',
    'a,a,n\nx,y,1\n',
    { columns: { a: { from: 'a_1', type: 'text' }, n: { type: 'double' } } },
    [{ a: 'y', n: 1 }],
  ],
  [
    'a line break in a name',
    '"a\nb",n\nx,1\n',
    { columns: { a: { from: 'a\nb', type: 'text' }, n: { type: 'double' } } },
    [{ a: 'x', n: 1 }],
  ],
  ['ids with zeros in front', 'a,n\n007,1\n', {}, [{ a: '007', n: 1 }]],
  [
    'marks for missing of one column',
    'a,n\nNA,NA\n',
    { columns: { a: { type: 'text' }, n: { type: 'double', nulls: ['NA'] } } },
    [{ a: 'NA', n: Number.NaN }],
  ],
  [
    'blanks round a cell',
    'a,n\nNaN , 1\n',
    { columns: { a: { type: 'text', trim: true, nulls: ['NaN'] }, n: { type: 'double', trim: true } } },
    [{ a: null, n: 1 }],
  ],
])('%s is read', async (_, content, contract, rows) => {
  const { good } = await read(content, contract);
  expect(good.map(({ _row, ...row }) => row)).toEqual(rows);
});

test('an empty list of JSON among files has no rows, and lacks no column (S2.8)', async () => {
  const { good } = await read({ 'in/1': '[]', 'in/2': '[{"a":"x","n":1}]', 'in/3': '[ ]' }, { format: 'json' });
  expect(good).toEqual([{ _row: 1, a: 'x', n: 1 }]);
});

test('a column may have the name of what the cells as they came are called', async () => {
  const columns = { raw: { type: 'text', unique: true }, rule: { type: 'text', unique: true } };
  const { counts, raw } = await read('raw,rule\nx,1\nx,2\ny,1\n', { columns });
  expect(counts).toEqual({ 'raw.unique': 1, 'rule.unique': 1 });
  expect(raw).toEqual(['{"raw":"x","rule":"2"}', '{"raw":"y","rule":"1"}']);
});

test('a feature that is no polygon is put aside with its properties, packed or not (S2.9)', async () => {
  const ring = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 0],
  ];
  const features = [
    { type: 'Feature', properties: { p: 'x' }, geometry: null },
    { type: 'Feature', properties: { p: 'y' }, geometry: { type: 'Polygon', coordinates: [ring.slice(1)] } },
    { type: 'Feature', properties: { p: '\ud800' }, geometry: { type: 'Polygon', coordinates: [ring] } },
    { type: 'Feature', id: { x: 1 }, properties: { p: '\\ud800' }, geometry: { type: 'Polygon', coordinates: [ring] } },
  ];
  const text = JSON.stringify({ type: 'FeatureCollection', features });
  for (const content of [text, gzipSync(text), Buffer.from(`\ufeff${text}`, 'utf16le')]) {
    const { counts, good, raw } = await read(content, POLYGONS);
    expect(counts).toEqual({ 'geometry.type': 3 });
    expect(raw).toEqual(['{"p":"x"}', '{"p":"y"}', '{}']);
    expect(good).toMatchObject([{ id: '4', p: '\\ud800' }]);
  }
});

test('several files are read as one, in order of their names, with the name as a column', async () => {
  const columns = { ...COLUMNS, of: { from: '$name', type: 'text' }, at: { from: '$file', type: 'text' } };
  const { good } = await read({ 'in/A.csv': 'a,n\nx,1\ny,2\n', 'in/B.csv': 'n,a\n3,z\n' }, { columns });
  expect(good).toEqual([
    { _row: 1, a: 'x', n: 1, of: 'A', at: 'in/A.csv' },
    { _row: 2, a: 'y', n: 2, of: 'A', at: 'in/A.csv' },
    { _row: 3, a: 'z', n: 3, of: 'B', at: 'in/B.csv' },
  ]);
});

test('numbers that are none, and places that are none, are put aside under their rule', async () => {
  const columns = {
    lat: { type: 'double', min: -90, max: 90 },
    lon: { type: 'double', min: -180, max: 180, forbidden: [0] },
  };
  const cells = ['NaN,1', 'Infinity,1', '1e400,1', '91,1', '5,0', '5,181', '5,5'];
  const { counts, good } = await read(`lat,lon\n${cells.join('\n')}\n`, { columns });
  expect(counts).toEqual({ 'lat.type': 3, 'lat.max': 1, 'lon.max': 1, 'lon.forbidden': 1 });
  expect(good).toEqual([{ _row: 7, lat: 5, lon: 5 }]);
});

test('with a decimal comma a point is not guessed to be one', async () => {
  const { counts, good } = await read('a;n\nx;1.5\ny;1.234,5\nz;1,5\n', { delimiter: ';', decimal: ',' });
  expect(counts).toEqual({ 'n.type': 2 });
  expect(good).toHaveLength(1);
});

test('two date formats in a column are read only where both are declared', async () => {
  const content = 't\n31.12.2018\n2018-12-31\n';
  const both = await read(content, { columns: { t: { type: 'date', formats: ['%d.%m.%Y', '%Y-%m-%d'] } } });
  expect(both.good.map(({ t }) => t)).toEqual([Date.UTC(2018, 11, 31), Date.UTC(2018, 11, 31)]);
  const one = await read(content, { columns: { t: { type: 'date', formats: ['%d.%m.%Y'] } } });
  expect(one.counts).toEqual({ 't.type': 1 });
});

const at = (time: string): number => Date.parse(`${time}Z`);
test.each<[string, object, string[], number[]]>([
  ['a day with rubbish behind it', { type: 'date' }, ['2024-01-05x', '2024-01-05T', '2024-01-05 25:00'], []],
  ['a day with its time', { type: 'date' }, [], [at('2024-01-05T12:00'), at('2024-01-05T00:00')]],
  ['words', { type: 'timestamp' }, ['infinity', '-infinity', 'epoch'], []],
  ['words by a format', { type: 'date', formats: ['%Y-%m-%d'] }, ['infinity', 'epoch'], []],
  ['two digits of a year', { type: 'date', formats: ['%d.%m.%Y'] }, ['05.01.24'], []],
  ['years of other digits than four', { type: 'timestamp' }, ['24-01-05', '10000-01-01', '2024-01-05 (BC)'], []],
  ['times that no zone has', { type: 'timestamp', zone: 'Europe/Oslo' }, ['294247-01-10', '290309-12-22 (BC)'], []],
  ['times that cannot be moved', { type: 'timestamp', shift: '-1h' }, ['infinity', '290309-12-22 (BC)'], []],
  ['the first and the last year', { type: 'timestamp' }, [], [at('0001-01-01T00:00'), at('9999-12-31T23:59')]],
])('of times, %s: what is none is put aside, and all others are read (S2.8)', async (_, rules, broken, good) => {
  const cells = [...broken, ...good.map((time) => new Date(time).toISOString().slice(0, 16))];
  const found = await read(`t\n${cells.join('\n')}\n`, { columns: { t: rules } });
  expect(found.counts).toEqual(broken.length > 0 ? { 't.type': broken.length } : {});
  const day = 'type' in rules && rules.type === 'date' ? 86_400_000 : 1;
  expect(found.good.map(({ t }) => t)).toEqual(good.map((time) => Math.floor(time / day) * day));
});

test('a time that names its offset from UTC is that instant, whatever the zone of the others (S2.8)', async () => {
  const cells = ['2024-01-05 12:00:00+02:00', '2024-01-05T12:00:00-05', '2024-01-05T12:00:00Z', '2024-01-05 12:00'];
  const content = `t\n${cells.join('\n')}\n`;
  const instants = [at('2024-01-05T10:00'), at('2024-01-05T17:00'), at('2024-01-05T12:00')];
  const plain = await read(content, { columns: { t: { type: 'timestamp' } } });
  expect(plain.good.map(({ t }) => t)).toEqual([...instants, at('2024-01-05T12:00')]);
  const local = await read(content, { columns: { t: { type: 'timestamp', zone: 'Europe/Oslo' } } });
  expect(local.good.map(({ t }) => t)).toEqual([...instants, at('2024-01-05T11:00')]);
});

const CLOCK = 't\n2019-03-31 02:30:00\n2019-10-27 02:30:00\n2019-10-27 02:30:00\n2019-07-01 12:00:00\n';
const [EARLIER, LATER, SUMMER] = ['2019-10-27T00:30Z', '2019-10-27T01:30Z', '2019-07-01T10:00Z'].map(Date.parse);
test.each([
  ['reject', { 't.clock': 3 }, [SUMMER]],
  ['earlier', { 't.clock': 1 }, [EARLIER, EARLIER, SUMMER]],
  ['later', { 't.clock': 1 }, [LATER, LATER, SUMMER]],
  ['in order', { 't.clock': 1 }, [EARLIER, LATER, SUMMER]],
])('an hour that the clock left out is put aside, one that it showed twice is %s', async (repeated, counts, times) => {
  const columns = { t: { type: 'timestamp', zone: 'Europe/Oslo', repeated } };
  const found = await read(CLOCK, { columns });
  expect(found.counts).toEqual(counts);
  expect(found.good.map(({ t }) => t)).toEqual(times);
});

test.each<[string, (book: excel.Workbook) => void, object, RegExp]>([
  [
    'two sheets',
    (book) => [
      sheet(book, [
        ['a', 'n'],
        ['x', 1],
      ]),
      sheet(book, [['b'], [1]], 'more'),
    ],
    {},
    /several sheets; name one by sheet: data, more/,
  ],
  [
    'no such sheet',
    (book) =>
      sheet(book, [
        ['a', 'n'],
        ['x', 1],
      ]),
    { sheet: 'other' },
    /no sheet other; it has data/,
  ],
  [
    'merged cells',
    (book) => {
      sheet(book, [
        ['a', 'n'],
        ['x', 1],
        ['', 2],
      ]);
      book.getWorksheet('data')?.mergeCells('A2:A3');
    },
    {},
    /merged cells A2:A3/,
  ],
  [
    'a formula without a result',
    (book) =>
      sheet(book, [
        ['a', 'n'],
        ['x', { formula: '1+1' }],
      ]),
    {},
    /formula without a result in B2/,
  ],
])('a workbook with %s is refused', async (_, fill, contract, message) => {
  const fault = await faultOf(read(await workbook(fill), { format: 'excel', ...contract }));
  expect(fault).toMatchObject({ code: 'GR-2002' });
  expect(fault.message).toMatch(message);
});

test('a workbook is read with its texts, numbers, times and the results of its formulas', async () => {
  const rows = [
    ['a', 'n', 't'],
    ['007', { formula: '1+1', result: 2 }, new Date('2024-02-29T10:00:00Z')],
    [],
    ['y', { formula: '1/0', result: { error: '#DIV/0!' } }, '2024-03-01'],
  ];
  const columns = { ...COLUMNS, t: { type: 'timestamp' } };
  const { good, counts } = await read(await workbook((book) => sheet(book, rows)), { format: 'excel', columns });
  expect(good).toEqual([{ _row: 1, a: '007', n: 2, t: Date.UTC(2024, 1, 29, 10) }]);
  expect(counts).toEqual({ 'n.type': 1 });
});

test('a polygon that crosses itself is put aside where that is asked for; one that touches itself is not', async () => {
  const polygon = (...ring: number[][]) => ({
    type: 'Feature',
    properties: {},
    geometry: { type: 'Polygon', coordinates: [ring] },
  });
  const bowTie = polygon([0, 0], [1, 1], [1, 0], [0, 1], [0, 0]);
  const touching = polygon([0, 0], [1, 1], [2, 0], [2, 2], [1, 1], [0, 2], [0, 0]);
  const layer = JSON.stringify({ type: 'FeatureCollection', features: [bowTie, touching] });
  const contract = { format: 'geojson', columns: {} };
  expect((await read(layer, { ...contract, crossing: 'reject' })).counts).toEqual({ 'geometry.crossing': 1 });
  expect((await read(layer, contract)).counts).toEqual({});
});

test.each([
  ["(select count(*) from read_text('/etc/passwd')) = 0", /no expression over the columns/],
  ["a not in (select content from read_text('/etc/passwd'))", /no expression over the columns/],
  ['max(n) > 0', /aggregate/i],
  ['nn > 0', /"nn" not found/],
  ['no_such_function(n)', /no_such_function does not exist/],
  ['n >', /syntax error/i],
  ['true) or (true', /no expression|syntax|rule/i],
])('a rule that is no expression over a row is refused by its name: %s', async (check, message) => {
  const outcome = await read('a,n\nx,1\n', { rules: { mine: { check } } }).catch((error: unknown) => error);
  if (check === 'true) or (true') return expect(outcome).toMatchObject({ rows: 1 });
  expect(outcome).toMatchObject({ code: 'GR-3010' });
  expect((outcome as Error).message).toMatch(/rule mine/);
  expect((outcome as Error).message).toMatch(message);
});

test.each([
  [{ type: 'text', pattern: '(' }, /column a: its pattern is none that the engine knows/],
  [{ type: 'date', formats: ['%Y', '%Q'] }, /column a: its format is none that the engine knows/],
])('a pattern or format that is none is told by its column: %o', async (rules, message) => {
  const fault = await faultOf(read('a\nx\n', { columns: { a: rules } }));
  expect(fault.code).toBe('GR-3010');
  expect(fault.message).toMatch(message);
});

test('SQL over several sources reaches no file (S2.26)', async () => {
  const across = { spy: { uses: ['y'], broken: "select 1 as _row from read_text('/etc/passwd')" } };
  const fault = await faultOf(read('a,n\nx,1\n', { across }));
  expect(fault.code).toBe('GR-3010');
  expect(fault.message).toMatch(/rule spy: .*(disabled|Permission)/);
});

test('patterns find files in order, and neither links nor dots lead out of the inputs folder', async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, 'b', 'c'), { recursive: true });
  for (const name of ['b/2.csv', 'b/1.csv', 'b/c/3.csv', 'b/.hidden.csv', 'b/x.txt'])
    await writeFile(join(root, name), 'a');
  expect(await matchFiles(root, 'x', 'b/*.csv')).toEqual(['b/1.csv', 'b/2.csv']);
  expect(await matchFiles(root, 'x', '**/*.csv')).toEqual(['b/1.csv', 'b/2.csv', 'b/c/3.csv']);
  await expect(matchFiles(root, 'x', '../*.csv')).rejects.toMatchObject({ code: 'GR-2006' });
  await symlink('/etc', join(root, 'out'));
  await expect(matchFiles(root, 'x', 'out/host*')).rejects.toMatchObject({ code: 'GR-2006' });
  expect(await matchFiles(root, 'x', '**/host*')).toEqual([]);
});
