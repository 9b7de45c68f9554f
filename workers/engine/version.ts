import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The release of the Temporal CLI that is installed where none is found: the last that `go install` can build. */
export const ENGINE_VERSION = '1.5.1';

/** Oldest Temporal Server, by major and minor, whose API the workflows are tested against. */
const OLDEST_SERVER = [1, 29] as const;

/** What a `temporal` binary says about itself, or why it cannot be used. */
export type Probe = { server: string } | { fault: string };

/**
 * Asks a binary for its version. The CLI's own version is no help, as a build by `go install` calls itself 0.0.0-DEV;
 * the server inside it is what matters.
 */
export async function probeEngine(path: string): Promise<Probe> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 15_000, windowsHide: true });
    return readVersion(stdout);
  } catch (error) {
    const { code, signal } = error as { code?: unknown; signal?: unknown };
    return { fault: `${path} does not run (${String(code ?? signal ?? error)}); remove it or put a whole one there` };
  }
}

/** Reads the output of `temporal --version`: `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`. */
export function readVersion(text: string): Probe {
  const match = /Server (\d+)\.(\d+)\.(\d+)/.exec(text);
  if (!match) return { fault: `it is not the Temporal CLI: --version says "${text.trim().slice(0, 80)}"` };
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const server = `${major}.${minor}.${match[3]}`;
  const oldest = OLDEST_SERVER.join('.');
  const enough = major > OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor >= OLDEST_SERVER[1]);
  return enough ? { server } : { fault: `it holds Temporal Server ${server}, and ${oldest} or later is needed` };
}
