import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inOrder } from '../../../client/cli/commands/start.js';
import { createProgram, runProgram } from '../../../client/cli/program.js';
import { Shell } from '../../../client/cli/shell.js';
import { temporaryHome } from '../../support/home.js';
import { georefresh, streams } from './shells.js';

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the command line', () => {
  test('each command has a description, and examples in its help', async () => {
    const { commands } = createProgram(new Shell(streams()));
    expect(commands.map((command) => command.name()).sort()).toEqual([
      'backfill',
      'cancel',
      'contract',
      'deliver',
      'diff',
      'doctor',
      'error',
      'gc',
      'init',
      'outputs',
      'plan',
      'quarantine',
      'query',
      'refresh',
      'release',
      'rollback',
      'runs',
      'schedule',
      'show',
      'signal',
      'start',
      'status',
      'up',
      'validate',
      'views',
    ]);
    for (const command of commands) {
      expect(command.description()).not.toBe('');
      const { code, out, err } = await georefresh([command.name(), '--help']);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain('Examples:');
      expect(out).toContain('--json');
    }
  });

  test('a wrong command line exits with 2 and says what was meant', async () => {
    const { code, out, err } = await georefresh(['refesh']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('error GR-1001');
    expect(err).toContain('Did you mean refresh?');
    expect((await georefresh([])).code).toBe(2);
    expect((await georefresh(['refresh', '--only', 'trian'])).code).toBe(2);
  });

  test('help of a command and the version are what was asked for, and end well', async () => {
    const { code, out, err } = await georefresh(['help', 'refresh']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('georefresh refresh [options] [pipeline]');
    expect(await georefresh(['help', 'refesh'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('GR-1001'),
    });
    expect(await georefresh(['--version'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: '',
    });
  });

  test('what cannot be is refused before any work: an outcome, a place to write to, a home that is a file', async () => {
    expect(await georefresh(['runs', '--outcome', 'faild'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Allowed choices are published'),
    });
    const home = await temporaryHome();
    const nowhere = join(home, 'nowhere');
    for (const args of [
      ['views', 'ev-sites', '--output', join(nowhere, 'x.duckdb')],
      ['query', 'ev-sites', 'from tracts', '--output', join(nowhere, 'x.csv')],
      ['quarantine', 'ev-sites', '--export', join(nowhere, 'x.csv')],
      ['validate', 'ev-sites/stations', '--export', join(nowhere, 'x.csv')],
    ])
      expect(await georefresh(args)).toMatchObject({ code: 2, err: expect.stringContaining(`no folder ${nowhere}`) });
    const file = join(home, 'file');
    await writeFile(file, '');
    for (const folder of [file, join(file, 'below')])
      expect(await georefresh(['status', '--home', folder])).toMatchObject({
        code: 2,
        err: expect.stringContaining(`GEOREFRESH_HOME home ${folder} is no folder`),
      });
  });

  test('start refreshes the pipelines that are named, and refuses one that there is not before it begins', async () => {
    const { code, out, err } = await georefresh(['start', 'ev-sites', 'ev-sties']);
    expect({ code, out }).toEqual({ code: 6, out: '' });
    expect(err).toContain('error GR-4001');
    expect(err).toContain('ev-sties');
  });

  test('start takes the pipelines that the settings put first, then the others by name', () => {
    const known = ['a', 'b', 'c', 'd'];
    expect(inOrder(known, ['c', 'unknown', 'b'])).toEqual(['c', 'b', 'a', 'd']);
    expect(inOrder(known, [])).toEqual(known);
  });

  test('with --json an error is an object on the last line of stdout', async () => {
    const { code, out } = await georefresh(['refresh', '--wait-at-most', '5x', '--json']);
    expect(code).toBe(2);
    expect(jsonLines(out).at(-1)).toMatchObject({
      error: { code: 'GR-1001', title: expect.any(String), where: [], remedy: expect.any(String) },
    });
  });

  test('options for all commands count before and after the name of the command', async () => {
    const [before, after] = await Promise.all([
      georefresh(['--json', 'error', 'GR-2001']),
      georefresh(['error', 'GR-2001', '--json']),
    ]);
    expect(before).toEqual(after);
    expect(JSON.parse(before.out)).toMatchObject({ code: 'GR-2001', exit: 3, retryable: false });
  });

  test('an error code is explained, an unknown one exits with 6', async () => {
    expect((await georefresh(['error', 'gr-3006'])).out).toContain('exit    130');
    expect(await georefresh(['error', 'GR-9999'])).toMatchObject({ code: 6, out: '' });
    expect(jsonLines((await georefresh(['error', '--json'])).out).length).toBeGreaterThan(30);
  });

  test('without an engine status answers from the lake and says that the engine is down', async () => {
    const home = await temporaryHome();
    const { code, out } = await georefresh(['status', '--home', home]);
    expect(code).toBe(0);
    expect(out).toMatch(/ev-sites.*nothing published yet/);
    expect(out).toContain('engine down');
    const status = JSON.parse((await georefresh(['status', '--json', '--home', home])).out);
    expect(status).toMatchObject({
      engine: { state: 'down' },
      pipelines: expect.arrayContaining([
        expect.objectContaining({ pipeline: 'ev-sites', published: null, lastRun: null, running: [] }),
      ]),
    });
  });

  test('what is not there exits with 6: a run, a pipeline, outputs before the first run', async () => {
    const home = ['--home', await temporaryHome()];
    for (const [args, code] of [
      [['show', 'abcdef01'], 'GR-4002'],
      [['outputs', 'ev-sites'], 'GR-4003'],
      [['status', 'ev-site'], 'GR-4001'],
    ] as const) {
      const { code: exit, err } = await georefresh([...args, ...home]);
      expect(err).toContain(code);
      expect(exit).toBe(6);
    }
    expect((await georefresh(['runs', ...home])).out).toBe('no runs\n');
  });

  test('wrong settings are told with the variable that holds them, exit 2', async () => {
    const { code, err } = await georefresh(['status'], {
      GEOREFRESH_THREADS: 'many',
      GEOREFRESH_HOME: await temporaryHome(),
    });
    expect(code).toBe(2);
    expect(err).toContain('GEOREFRESH_THREADS');
  });

  test('doctor goes through everything, and a home that cannot be one is a fault with a remedy', async () => {
    const good = await georefresh(['doctor', '--json', '--home', await temporaryHome()], { PATH: '' });
    expect(JSON.parse(good.out).findings.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['node', 'settings', 'home', 'store', 'disk', 'clock', 'pipeline', 'engine', 'workers']),
    );
    const folder = await temporaryHome();
    await writeFile(join(folder, 'file'), '');
    const bad = await georefresh(['doctor', '--home', join(folder, 'file', 'home')]);
    expect(bad.code).toBe(2);
    expect(bad.out).toContain('is no folder');
    expect(bad.out).toContain('georefresh error GR-1002');
  });

  test('doctor names the line of a definition that is wrong', async () => {
    const folder = await temporaryHome();
    await mkdir(join(folder, 'pipelines', 'broken'), { recursive: true });
    await writeFile(join(folder, 'pipelines', 'broken', 'pipeline.yaml'), 'name: broken\nschedul: 1\n');
    const env = { GEOREFRESH_HOME: join(folder, 'home'), GEOREFRESH_PIPELINES: join(folder, 'pipelines') };
    const { code, out } = await georefresh(['doctor'], env);
    expect(code).toBe(2);
    expect(out).toMatch(/pipeline\.yaml:2/);
  });

  test('colours and moving lines are for terminals only', async () => {
    for (const [tty, env, coloured] of [
      [true, {}, true],
      [true, { NO_COLOR: '1' }, false],
      [true, { TERM: 'dumb' }, false],
      [false, {}, false],
    ] as const) {
      const io = streams(env, tty);
      await runProgram(['error', 'GR-1001'], io);
      expect(io.said().out.includes('\u001b[')).toBe(coloured);
    }
    const shell = new Shell(streams({}, true));
    expect(shell.live).toBe(true);
    shell.configure({ json: true });
    expect(shell.live).toBe(false);
    expect(new Shell(streams({ CI: 'true' }, true)).live).toBe(false);
  });

  test('a reader of stdout that goes away ends nothing', async () => {
    const io = streams();
    io.stdout.on('error', () => undefined);
    const shell = new Shell(io);
    io.stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(() => shell.data('more')).not.toThrow();
  });
});
