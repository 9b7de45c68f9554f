import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inferContract } from '../../client/infer.js';
import { validate } from '../../client/validate.js';
import { contractFile } from '../../config/definition/source.js';
import { temporaryFolder } from '../support/home.js';

test.each([
  ['names that every object has', '__proto__,constructor,toString\n1,2,3\n'],
  ['names that differ in case alone', 'a,A\n1,2\n'],
  ['names that are none', '"x""y",😀," ",\n1,2,3,4\n'],
  ['a number that is too large', 'n\n1e400\n5\n'],
  ['the first and the last year', 'd\n0001-01-01\n9999-12-31\n'],
  ['years of two digits and of four', 'd\n25.1.2024\n26.1.24\n'],
  ['marks for missing', 'a,b\n1,nan\n2, NA \n'],
])('a file with %s meets the contract that is written from it (S2.12)', async (_, content) => {
  const file = join(await temporaryFolder(), 'given.csv');
  await writeFile(file, content);
  const source = contractFile.parse(await inferContract(file));
  const { failed_records, validated_records } = await validate({ name: 'file', source, place: { file } });
  expect([failed_records, validated_records]).toEqual([0, content.trimEnd().split('\n').length - 1]);
});
