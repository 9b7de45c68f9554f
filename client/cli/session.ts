import { GeorefreshError } from '../../config/errors.js';
import { readSettings } from '../../config/settings.js';
import type { Georefresh } from '../index.js';
import type { Shell } from './shell.js';

/** The client of the installation that the global options name; starts nothing. */
export async function withClient<T>(shell: Shell, work: (client: Georefresh) => Promise<T>): Promise<T> {
  const { connect } = await import('../index.js');
  const client = await connect({ env: shell.env });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** A client of an engine with workers: those that are up, or ones for the time of `work`. */
export async function withRunningEngine<T>(
  shell: Shell,
  signal: AbortSignal,
  work: (client: Georefresh, engine: { ours: boolean }) => Promise<T>,
): Promise<T> {
  const [settings, { withEngine }, log] = await Promise.all([
    readSettings(shell.env),
    import('../embedded.js'),
    loggerOf(shell),
  ]);
  return withEngine(
    {
      settings,
      env: shell.env,
      log,
      signal,
      onNotice: (text) => shell.note(`! ${text}`),
      onProgress: (progress) => tellProgress(shell, progress),
    },
    (client, { kind }) => work(client, { ours: kind === 'started' }),
  );
}

/** The log of commands is the home's, with -v on stderr too. */
export async function loggerOf(shell: Shell) {
  const [settings, { createLogger }] = await Promise.all([readSettings(shell.env), import('../../config/logging.js')]);
  const { level, file, maxBytes } = settings.log;
  return createLogger({ level, file, maxBytes, pretty: shell.verbose, base: { name: 'cli' } });
}

const EVERY_S = 10;

/** A start takes about a second and is worth no line; a download or a build is worth one each ten seconds. */
export function tellProgress(
  shell: Shell,
  { step, seconds, note }: { step: string; seconds: number; note: string },
): void {
  if (step === 'start') shell.detail(note);
  else if (seconds % EVERY_S === 0) shell.note(`${note} … ${seconds} s`);
}

/** The pipeline that is named, or the only one there is; GR-1001 where it must be named, GR-4001 where it is not known. */
export function choosePipeline(named: string | undefined, known: readonly string[]): string {
  if (named !== undefined) {
    if (known.includes(named)) return named;
    throw new GeorefreshError('GR-4001', `\`${named}\`; there are ${known.join(', ') || 'none'}`);
  }
  const [only, ...others] = known;
  if (only === undefined)
    throw new GeorefreshError(
      'GR-4001',
      'none is defined; georefresh init NAME makes one, GEOREFRESH_PIPELINES names folders',
    );
  if (others.length > 0) throw new GeorefreshError('GR-1001', `name a pipeline: ${known.join(', ')}`);
  return only;
}

/** Names of the pipelines that the settings lead to. */
export async function knownPipelines(shell: Shell): Promise<string[]> {
  const [settings, { listPipelines }] = await Promise.all([readSettings(shell.env), import('../../config/load.js')]);
  return (await listPipelines(settings)).map(({ name }) => name);
}

/** Aborts `gently` at the first Ctrl-C or SIGTERM, and calls `force` at the second; `dispose` gives both back. */
export function interruption(force: () => void): { gently: AbortSignal; dispose(): void } {
  const gently = new AbortController();
  const interrupt = (): void => {
    if (gently.signal.aborted) force();
    else gently.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return {
    gently: gently.signal,
    dispose() {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
}
