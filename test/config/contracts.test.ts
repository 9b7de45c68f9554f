import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadContract } from '../../config/contracts.js';
import { temporaryFolder } from '../support/home.js';

const load = async (text: string): Promise<unknown> => {
  const path = join(await temporaryFolder(), 'contract.yaml');
  await writeFile(path, text);
  return loadContract(path);
};

test.each([
  [
    'columns of one name to SQL',
    'columns:\n  a: {type: text}\n  A: {from: b, type: text}',
    /4:3 `A` and `a` are one name/,
  ],
  [
    'cells of one name to SQL',
    'columns:\n  a: {type: text}\n  b: {from: A, type: text}',
    /4:13 `A` and `a` are one name/,
  ],
  ['a word among numbers', 'columns:\n  n: {type: double, allowed: [1, abc]}', /3:30 `abc` is not of type double/],
  [
    'a zone beside that of the format',
    "columns:\n  t: {type: timestamp, zone: UTC, formats: ['%Y%z']}",
    /3:30 a time whose format has %z names its own zone/,
  ],
  ['a quote that is the delimiter', 'quote: ","\ncolumns:\n  a: {type: text}', /2:8 expected another character/],
  ['a delimiter that ends lines', 'delimiter: "\\n"\ncolumns:\n  a: {type: text}', /2:12 expected a character that/],
])('a contract with %s is refused where it stands (S2.9)', async (_, text, message) => {
  await expect(load(`format: csv\n${text}\n`)).rejects.toMatchObject({ code: 'GR-1006' });
  await expect(load(`format: csv\n${text}\n`)).rejects.toThrow(message);
});
