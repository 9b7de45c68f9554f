import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { goInstallCommand } from '../../workers/engine/install.js';
import { type EngineSource, engineCachePath, findOnPath, resolveBinary } from '../../workers/engine/resolve.js';
import { readVersion } from '../../workers/engine/version.js';
import { resolveEngine } from '../../workers/engine.js';
import { temporaryFolder } from '../support/home.js';

const log = { info: () => {}, warn: () => {} };

/** A `temporal` that says that it holds the given server, or whatever else the script does. */
async function fakeBinary(path: string, server: string, script?: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, script ?? `#!/bin/sh\necho "temporal version 0.0.0-DEV (Server ${server}, UI 2.42.1)"\n`);
  await chmod(path, 0o755);
  return path;
}

/** A user's environment: an own PATH with nothing on it, an own cache. */
async function userEnvironment() {
  const root = await temporaryFolder('engine');
  const env = { PATH: join(root, 'bin'), GEOREFRESH_CACHE: join(root, 'cache') };
  await mkdir(env.PATH);
  return { env, onPath: join(env.PATH, 'temporal'), cached: engineCachePath(env) };
}

/** A `go` that takes its time, notes that it was called, and leaves a CLI in GOBIN. */
const FAKE_GO = `#!/bin/sh
PATH=/usr/bin:/bin
echo "$@" >> "$GEOREFRESH_CACHE/calls"
sleep 0.3
printf '#!/bin/sh\\necho "temporal version 0.0.0-DEV (Server 1.29.1, UI 2)"\\n' > "$GOBIN/temporal"
chmod +x "$GOBIN/temporal"
`;

const local: readonly EngineSource[] = ['path', 'cache', 'go'];

describe.skipIf(process.platform === 'win32')('finding the Temporal CLI (its fakes are shell scripts)', () => {
  test('an engine elsewhere goes before everything and nothing is looked for', async () => {
    const { env, onPath } = await userEnvironment();
    await fakeBinary(onPath, '1.29.1');
    const found = resolveEngine({ log, env: { ...env, TEMPORAL_ADDRESS: 'temporal.example:7233' } });
    expect(await found).toEqual({ source: 'external', address: 'temporal.example:7233', namespace: 'default' });
  });

  test('PATH goes before the cache, the cache before an installation', async () => {
    const { env, onPath, cached } = await userEnvironment();
    await fakeBinary(cached, '1.29.1');
    expect(await resolveBinary({ log, env, sources: local })).toEqual({
      source: 'cache',
      path: cached,
      server: '1.29.1',
    });
    await fakeBinary(onPath, '1.30.2');
    expect(await resolveBinary({ log, env, sources: local })).toEqual({
      source: 'path',
      path: onPath,
      server: '1.30.2',
    });
  });

  test('a CLI on PATH that is too old is passed over and said', async () => {
    const { env, onPath, cached } = await userEnvironment();
    await fakeBinary(onPath, '1.24.2');
    await fakeBinary(cached, '1.29.1');
    const said: string[] = [];
    const telling = { ...log, warn: (_: object, message: string) => void said.push(message) };
    expect(await resolveBinary({ log: telling, env, sources: local })).toMatchObject({ source: 'cache' });
    expect(said.join()).toContain('Temporal Server 1.24.2, and 1.29 or later is needed');
  });

  test.each([
    ['does not run', '#!/no/such/interpreter\n'],
    ['is another program', '#!/bin/sh\necho "temporal 3 by somebody else"\n'],
    ['fails', '#!/bin/sh\nexit 3\n'],
  ])('where the only CLI %s, the error names the file and what is wrong', async (_, script) => {
    const { env, onPath } = await userEnvironment();
    await fakeBinary(onPath, '', script);
    const failing = resolveBinary({ log, env, sources: ['path', 'cache', 'go'] });
    await expect(failing).rejects.toMatchObject({
      code: 'GR-5005',
      where: [
        { file: onPath, note: expect.stringMatching(/^path: .*(does not run|not the Temporal CLI)/) },
        { note: 'go: no Go on PATH to build it with' },
      ],
    });
  });

  test('a broken CLI in the cache is built anew', async () => {
    const { env, cached } = await userEnvironment();
    await fakeBinary(cached, '', 'truncated');
    await fakeBinary(join(env.PATH, 'go'), '', FAKE_GO);
    expect(await resolveBinary({ log, env, sources: local })).toEqual({ source: 'go', path: cached, server: '1.29.1' });
    expect(await resolveBinary({ log, env, sources: local })).toMatchObject({ source: 'cache' });
  });

  test('two who need it at once build it once', async () => {
    const { env } = await userEnvironment();
    await mkdir(env.GEOREFRESH_CACHE);
    await fakeBinary(join(env.PATH, 'go'), '', FAKE_GO);
    const steps: string[] = [];
    const onProgress = ({ step }: { step: string }): void => void steps.push(step);
    const both = [1, 2].map(() => resolveBinary({ log, env, sources: local, onProgress }));
    expect((await Promise.all(both)).map(({ source }) => source).sort()).toEqual(['cache', 'go']);
    const calls = await readFile(join(env.GEOREFRESH_CACHE, 'calls'), 'utf8');
    expect(calls).toBe('install github.com/temporalio/cli/cmd/temporal@v1.5.1\n');
    expect(steps).toEqual(expect.arrayContaining(['build', 'wait']));
  });

  test('a build that is called off rejects with the reason of the caller', async () => {
    const { env } = await userEnvironment();
    await fakeBinary(join(env.PATH, 'go'), '', '#!/bin/sh\nexec /bin/sleep 60\n');
    const signal = AbortSignal.timeout(200);
    await expect(resolveBinary({ log, env, sources: local, signal })).rejects.toThrow(/timeout/);
  });

  test('a relative entry of PATH is not searched', () => {
    expect(findOnPath({ PATH: '.:bin' }, 'package.json')).toBeUndefined();
  });
});

describe('the build of the Temporal CLI', () => {
  test('goes to the folder given, whatever the user has set for other builds', () => {
    const user = { PATH: '/bin', HOME: '/home/u', GOOS: 'plan9', GOARCH: 'arm', GOFLAGS: '-mod=vendor', GOPROXY: 'p' };
    expect(goInstallCommand('/cache/new', user)).toEqual({
      command: 'go',
      args: ['install', 'github.com/temporalio/cli/cmd/temporal@v1.5.1'],
      env: { PATH: '/bin', HOME: '/home/u', GOPROXY: 'p', GOBIN: '/cache/new', GOWORK: 'off' },
    });
  });

  test.each([
    ['temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)', { server: '1.29.1' }],
    ['temporal version 0.0.0-DEV (Server 1.30.0-148.3, UI 2.42.1)', { server: '1.30.0' }],
    ['temporal version 3.0.0 (Server 2.0.1, UI 3.0.0)', { server: '2.0.1' }],
    ['temporal version 1.0.0 (Server 1.28.9, UI 2.0.0)', { fault: expect.stringContaining('1.28.9') }],
    ['', { fault: expect.stringContaining('not the Temporal CLI') }],
  ])('its version is read from "%s"', (text, expected) => {
    expect(readVersion(text)).toEqual(expected);
  });
});
