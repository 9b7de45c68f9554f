import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../config/root.js';
import { loadSettings, readSettings } from '../../config/settings.js';
import { ENVIRONMENT } from '../../config/settings-schema.js';
import { failureOf, temporaryFolder } from './support.js';

const surroundings = { root: '/project', cwd: '/somewhere', processors: 3 };
const load = (env: Record<string, string>, text?: string) =>
  loadSettings(env, text === undefined ? undefined : { path: 'settings.yaml', text }, surroundings);

describe('settings', () => {
  test('the committed file says what the defaults say (S0.14)', () => {
    const path = join(projectRoot(), 'config', 'settings.yaml');
    expect(load({}, readFileSync(path, 'utf8'))).toEqual(load({}));
  });

  test('defaults are parsed: paths absolute, durations in milliseconds, sizes in bytes', () => {
    expect(load({})).toEqual({
      home: '/project/data',
      store: 'file:///project/data',
      pipelines: ['/project/config/pipelines'],
      first: ['ev-sites'],
      engine: { namespace: 'default', heartbeatTimeout: 10_000, maxCachedWorkflows: 100 },
      compute: { threads: 3, memory: 400_000_000 },
      scratch: { maxBytes: 4_000_000_000 },
      partitions: { rows: 25_000, window: 4 },
      storage: { provider: 'local' },
      watch: { every: 30_000, settle: 2000 },
      log: { level: 'info', file: '/project/data/logs/pipeline.log', maxBytes: 10_000_000 },
      retry: { maximumAttempts: 5, initialInterval: 1000, backoffCoefficient: 2, maximumInterval: 30_000 },
    });
  });

  test('the environment wins over the file, the file over the defaults (S2.30)', () => {
    const settings = load(
      {
        GEOREFRESH_HOME: './home',
        TEMPORAL_ADDRESS: 'temporal:7233',
        TEMPORAL_NAMESPACE: '',
        GEOREFRESH_THREADS: '2',
        GEOREFRESH_MEMORY: '1GiB',
        LOG_LEVEL: 'WARNING',
        LOG_FILE: 'logs/other.log',
      },
      'engine: { namespace: mine, address: other:1 }\nlog: { level: DEBUG }\nretry: { maximumAttempts: 9 }\nhome: elsewhere',
    );
    expect(settings.home).toBe('/somewhere/home');
    expect(settings.store).toBe(pathToFileURL('/somewhere/home').href);
    expect(settings.engine).toMatchObject({ address: 'temporal:7233', namespace: 'mine' });
    expect(settings.compute).toEqual({ threads: 2, memory: 2 ** 30 });
    expect(settings.log).toMatchObject({ level: 'warn', file: '/somewhere/home/logs/other.log' });
    expect(settings.retry.maximumAttempts).toBe(9);
  });

  test.each(['info', 'INFO', 'Info'])('LOG_LEVEL=%s is understood in any case (S2.30)', (level) => {
    expect(load({ LOG_LEVEL: level }).log.level).toBe('info');
  });

  test('the provider agrees with the store, and S3_BUCKET names one (S2.30, S2.31)', async () => {
    expect(load({ STORAGE_PROVIDER: 'aws', S3_BUCKET: 'bucket' })).toMatchObject({
      store: 's3://bucket',
      storage: { provider: 'aws' },
    });
    expect(load({ GEOREFRESH_STORE: 'azure://container/x' }).storage.provider).toBe('azure');
    expect(load({ S3_BUCKET: 'bucket' }).store).toBe('file:///project/data');
    const wrong = await failureOf(() => load({ STORAGE_PROVIDER: 'aws', GEOREFRESH_STORE: '/folder' }));
    expect(wrong.message).toContain('GEOREFRESH_STORE storage.provider is aws, but this store is a folder');
    expect((await failureOf(() => load({ STORAGE_PROVIDER: 'azure' }))).message).toContain(
      'STORAGE_PROVIDER storage.provider is azure',
    );
    expect((await failureOf(() => load({ GEOREFRESH_STORE: 'ftp://host/x' }))).message).toContain(
      'expected a folder, file:///…',
    );
  });

  test('all faults come at once as GR-1002, with line or variable', async () => {
    const error = await failureOf(() =>
      load(
        {
          GEOREFRESH_THREADS: 'two',
          TEMPORAL_ADDRESS: 'nowhere',
          GEOREFRESH_THREDS: '2',
          LOG_LEVEL: 'loud',
          GEOREFRESH_TEST_DATA: 'x',
        },
        'hme: x\nengine:\n  heartbeatTimeout: 10\n  heartbeat: 1s\nretry: { maximumAttempts: 0 }\n',
      ),
    );
    expect(error.code).toBe('GR-1002');
    expect(error.where.map(({ file, line, note }) => `${file}:${line ?? ''} ${note}`)).toEqual([
      'GEOREFRESH_THREADS: expected a number; found `two`',
      'GEOREFRESH_THREDS: no such variable; meant `GEOREFRESH_THREADS`?',
      'LOG_LEVEL: expected one of `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`; found `loud`',
      'TEMPORAL_ADDRESS: expected host:port; found `nowhere`',
      'settings.yaml:1 key `hme` unknown; meant `home`?',
      'settings.yaml:3 expected a duration such as 500ms, 10s, 5m or 1h; found `10`',
      'settings.yaml:4 key `heartbeat` unknown; expected one of `address`, `namespace`, `maxCachedWorkflows`, `heartbeatTimeout`',
      'settings.yaml:5 expected at least 1; found `0`',
    ]);
  });

  test('secrets have no place in the file or the URI of the store, and are not repeated', async () => {
    const error = await failureOf(() => load({}, 'storage: { password: hunter2 }'));
    expect(error.message).toContain('secrets come from the environment only');
    expect(error.message).not.toContain('hunter2');
    const uri = await failureOf(() => load({ GEOREFRESH_STORE: 's3://key:hunter2@bucket' }));
    expect(uri.message).not.toContain('hunter2');
  });

  test('the result is frozen to its depth, and the arguments stay as they were', () => {
    const env = Object.freeze({ LOG_LEVEL: 'INFO' });
    const settings = load(env);
    expect(Object.isFrozen(settings) && Object.isFrozen(settings.log) && Object.isFrozen(settings.pipelines)).toBe(
      true,
    );
  });

  test.each(['- a list', 'just text', 'a: [', 'home: !x y', 'home: a\nhome: b'])(
    'a file that holds %j is GR-1002',
    async (text) => {
      expect((await failureOf(() => load({ GEOREFRESH_HOME: 'x' }, text))).code).toBe('GR-1002');
    },
  );

  test('an empty file is no fault', () => {
    expect(load({}, '# nothing\n')).toEqual(load({}));
  });

  test('GEOREFRESH_SETTINGS names another file, which must be there', async () => {
    const file = join(temporaryFolder(), 'mine.yaml');
    const error = await failureOf(() => readSettings({ GEOREFRESH_SETTINGS: file }));
    expect(error.message).toContain(`${file} is not there`);
    writeFileSync(file, 'compute: { threads: 1 }');
    expect((await readSettings({ GEOREFRESH_SETTINGS: file })).compute.threads).toBe(1);
  });

  test('every variable stands for a key that there is', () => {
    const keys = JSON.stringify(Object.keys(load({})));
    for (const key of Object.values(ENVIRONMENT)) expect(keys).toContain(`"${key.split('.')[0]}"`);
  });
});
