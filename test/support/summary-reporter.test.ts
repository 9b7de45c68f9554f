import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './home.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const SUITE = `
import { beforeAll, describe, expect, test } from 'vitest';
import { needs } from '${ROOT}test/support/needs.ts';
test('passes', () => {});
test('fails', () => expect(1).toBe(2));
test.skip('is put off (skipped to be seen in the list)', () => {});
test('looks first', ({ skip }) => skip('no moon tonight'));
describe('a suite whose hook fails', () => {
  beforeAll(() => { throw new Error('hook'); });
  test('never runs', () => {});
});
needs('data').describe('the real files', () => {
  test('are counted', () => {});
});
needs('engine').test('an engine is there', () => {});
`;

async function run(env: NodeJS.ProcessEnv): Promise<{ status: number | null; lines: string[] }> {
  const root = await temporaryFolder('reporter');
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
  await mkdir(join(root, 'test'));
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
  await writeFile(join(root, 'test/a.test.ts'), SUITE);
  await writeFile(join(root, 'test/broken.test.ts'), "throw new Error('cannot be loaded');");
  await writeFile(
    join(root, 'setup.ts'),
    "export default ({ provide }) => provide('engine', { missing: 'no Temporal CLI' });",
  );
  const config = {
    test: { name: 'long', globalSetup: ['./setup.ts'], reporters: [`${ROOT}test/support/summary-reporter.ts`] },
  };
  await writeFile(join(root, 'vitest.config.js'), `export default ${JSON.stringify(config)}`);
  const given = { ...process.env, GEOREFRESH_TEST_DATA: join(root, 'nowhere'), GEOREFRESH_REQUIRE: '', ...env };
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { stdout, status } = spawnSync(process.execPath, [vitest, 'run'], { cwd: root, env: given, encoding: 'utf8' });
  return { status, lines: stdout.split('\n') };
}

describe('the summary of a test run', () => {
  test('names each skipped test and why, the minutes by part, and ends with the counts alone', {
    timeout: 60_000,
  }, async () => {
    const { status, lines } = await run({});
    expect(status).toBe(1);
    expect(lines.slice(-2)).toEqual(['1 passed, 3 failed, 5 skipped', '']);
    expect(lines.filter((line) => line.includes('[skipped: '))).toEqual([
      '  test/a.test.ts: is put off (skipped to be seen in the list) [skipped: marked skip]',
      '  test/a.test.ts: looks first [skipped: no moon tonight]',
      '  test/a.test.ts: a suite whose hook fails > never runs [skipped: a hook before it failed]',
      '  test/a.test.ts: the real files [skipped: no real files (GEOREFRESH_TEST_DATA)] > are counted',
      '  test/a.test.ts: an engine is there [skipped: no Temporal CLI]',
    ]);
    expect(lines).toContainEqual(expect.stringMatching(/^long: \d+\.\d min$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}test\/a\.test\.ts: \d+\.\d min$/));
  });

  test('what GEOREFRESH_REQUIRE names fails instead of being skipped', { timeout: 60_000 }, async () => {
    const { lines } = await run({ GEOREFRESH_REQUIRE: 'data, engine,store' });
    expect(lines.slice(-2)).toEqual(['1 passed, 5 failed, 3 skipped', '']);
  });
});
