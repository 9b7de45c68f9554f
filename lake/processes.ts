import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { absent } from './durable.js';

/**
 * Names of processes that can be looked at later: `<place>-<pid>-<start>`. A pid alone is soon given to another
 * process, and means nothing in another container; so the host with its pid namespace, and the start time, go with it.
 */
const NAME = /^([0-9a-f]{8})-(\d+)-(\d+)/;

/** The digest of host and pid namespace: processes of the same place see each other's pids. */
const PLACE = createHash('sha256').update(`${hostname()} ${pidNamespace()}`).digest('hex').slice(0, 8);

export const processName = (): string => `${PLACE}-${process.pid}-${startOf(process.pid) ?? 0}`;

/** Whether the process that a name (or what follows it) was made by is alive; undefined where that cannot be seen from here. */
export function isAlive(name: string): boolean | undefined {
  const match = NAME.exec(name);
  if (match === null || match[1] !== PLACE) return undefined;
  const pid = Number(match[2]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is such a process, of another user.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const start = startOf(pid);
  return start === undefined || match[3] === '0' || Number(match[3]) === start;
}

/** Start of a process in clock ticks since boot (field 22 of /proc/<pid>/stat), undefined where there is no /proc. */
function startOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in brackets and may hold blanks and brackets itself.
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** Folders of processes that cannot be looked at from here (another host or container) are kept this long. */
const FOREIGN_KEPT_MS = 7 * 24 * 3600 * 1000;

/** Removes the folders in `root` that are named for processes which have ended. */
export async function removeOrphans(root: string): Promise<void> {
  const names = (await readdir(root).catch(absent)) ?? [];
  for (const name of names) {
    const alive = isAlive(name);
    const path = join(root, name);
    const old = alive === undefined && Date.now() - ((await stat(path).catch(absent))?.mtimeMs ?? 0) > FOREIGN_KEPT_MS;
    if (alive === false || old) await rm(path, { recursive: true, force: true });
  }
}
