import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../../support/home.js';
import { georefresh } from './shells.js';

const CLEAN = 'id;at;kwh\n007;2024-01-01 10:00:00;1,5\n008;2024-01-02 10:00:00;2,5\n009;2024-01-03 10:00:00;3\n';

test('a contract is inferred, and its file meets it; a broken one does not, and its rows can be had (S2.12)', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder, name);
  await writeFile(at('clean.csv'), CLEAN);
  const inferred = await georefresh(['contract', 'infer', at('clean.csv')]);
  expect(parse(inferred.out)).toEqual({
    format: 'csv',
    delimiter: ';',
    decimal: ',',
    columns: {
      id: { type: 'text', required: true, unique: true },
      at: { type: 'timestamp', required: true },
      kwh: { type: 'double', required: true, min: 1.5, max: 3 },
    },
  });
  await writeFile(at('contract.yaml'), inferred.out);
  const clean = await georefresh(['validate', at('clean.csv'), '--contract', at('contract.yaml'), '--json']);
  expect(clean.code).toBe(0);
  expect(JSON.parse(clean.out)).toMatchObject({ is_valid: true, validated_records: 3, failed_records: 0, errors: [] });

  await writeFile(at('broken.csv'), `${CLEAN}009;2024-01-04 10:00:00;2\n010;noon;=1+1\n`);
  const broken = [
    'validate',
    at('broken.csv'),
    '--contract',
    at('contract.yaml'),
    '--export',
    at('rows.csv'),
    '--json',
  ];
  const { code, out } = await georefresh(broken);
  expect(code).toBe(3);
  expect(JSON.parse(out)).toMatchObject({
    is_valid: false,
    accepted: false,
    validated_records: 3,
    failed_records: 2,
    errors: [
      { rule: 'at.type', rows: 1, example: { row: 5, reason: 'at: noon is not of type timestamp' } },
      { rule: 'id.unique', rows: 1, example: { row: 4, reason: 'id: 009 stands in row 3 already' } },
    ],
  });
  expect(await readFile(at('rows.csv'), 'utf8')).toContain("010,noon,'=1+1");
});

test('a contract is inferred with the way in which a file writes days, and its own marks for what is missing', async () => {
  const path = join(await temporaryFolder(), 'odd.csv');
  const rows = [
    'day;at;either;age',
    '30-03-2022;03/31/2022 09:15;01/02/2022;NaN ',
    '01-04-2022;04/01/2022 23:59;02/01/2022;28',
  ];
  await writeFile(path, `${rows.join('\n')}\n`);
  const { out } = await georefresh(['contract', 'infer', path]);
  expect(parse(out)).toMatchObject({
    nulls: ['', 'NaN '],
    columns: {
      day: { type: 'date', formats: ['%d-%m-%Y'] },
      at: { type: 'timestamp', formats: ['%m/%d/%Y %H:%M'] },
      // The second of January or the first of February.
      either: { type: 'text' },
      age: { type: 'integer' },
    },
  });
  const contract = `${path}.yaml`;
  await writeFile(contract, out);
  expect((await georefresh(['validate', path, '--contract', contract])).code).toBe(0);
});

test.each([
  [
    'an unknown key',
    'format: csv\ncolumns: { a: { type: text, uniqe: true } }\n',
    /contract.yaml:2:\d+ key `uniqe` unknown; meant `unique`/,
  ],
  [
    'a column that there is not',
    'format: csv\ncolumns: { a: { type: text } }\nkeys: { once: [b] }\n',
    /contract.yaml:3:\d+ no column `b`/,
  ],
  [
    'aliases without end',
    `a: &a [x, x]\nb: &b [${'*a,'.repeat(60)}]\nc: [${'*b,'.repeat(60)}]\nformat: csv\n`,
    /contract.yaml/,
  ],
  ['no time zone', 'format: csv\ncolumns: { a: { type: timestamp, zone: Europe/Osloo } }\n', /expected a time zone/],
])('a contract with %s is refused by file and line', async (_, contract, message) => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'x.csv'), 'a\n1\n');
  await writeFile(join(folder, 'contract.yaml'), contract);
  const { code, err } = await georefresh([
    'validate',
    join(folder, 'x.csv'),
    '--contract',
    join(folder, 'contract.yaml'),
  ]);
  expect(code).toBe(2);
  expect(err).toContain('GR-1006');
  expect(err).toMatch(message);
});

test('a file without a contract, and a source that there is not, are told', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'x.csv'), 'a\n1\n');
  const { code, err } = await georefresh(['validate', join(folder, 'x.csv')]);
  expect(code).toBe(6);
  expect(err).toContain('a file needs --contract');
});
