import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** One process of this machine. The pid alone is not an identity: the system gives it to another process later. */
export interface ProcessId {
  pid: number;
  /** When the process began, in whatever form the system tells it; compared for equality only. */
  startTime: string;
}

const POLL_MS = 25;
/** How long a killed process may take to vanish; it is the kernel's to do. */
const KILL_MS = 5_000;

/**
 * When a process began, or undefined where no such process runs. A zombie, dead but not yet reaped, counts as gone.
 * Linux tells ticks since boot, which repeat from boot to boot, hence the boot id before them.
 */
export function startTimeOf(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  try {
    if (process.platform === 'linux') return linuxStartTime(pid);
    if (process.platform === 'win32') {
      return output('powershell', [
        '-NoProfile',
        '-Command',
        `(Get-Process -Id ${pid} -ErrorAction Stop).StartTime.ToFileTimeUtc()`,
      ]);
    }
    return output('ps', ['-o', 'lstart=', '-p', String(pid)]);
  } catch {
    return undefined;
  }
}

function linuxStartTime(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command in parentheses and may hold spaces and parentheses itself; count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || ticks === undefined) return undefined;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
}

const output = (command: string, args: string[]): string | undefined =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 }).trim() ||
  undefined;

/** Whether this very process still runs, not merely one that was given its pid. */
export const isAlive = ({ pid, startTime }: ProcessId): boolean => startTimeOf(pid) === startTime;

let self: ProcessId | undefined;

/** This process. */
export function ownProcess(): ProcessId {
  self ??= { pid: process.pid, startTime: startTimeOf(process.pid) ?? 'unknown' };
  return self;
}

/**
 * Ends a process if it is provably the one meant: SIGTERM, and SIGKILL after `graceMs` (milliseconds).
 * Resolves once it is gone; `killed` says that it had to be forced.
 */
export async function endProcess(id: ProcessId, graceMs: number): Promise<'gone' | 'ended' | 'killed'> {
  if (!isAlive(id)) return 'gone';
  signal(id, 'SIGTERM');
  if (await untilGone(id, graceMs)) return 'ended';
  signal(id, 'SIGKILL');
  await untilGone(id, KILL_MS);
  return 'killed';
}

function signal({ pid }: ProcessId, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function untilGone(id: ProcessId, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (!isAlive(id)) return true;
    await sleep(POLL_MS);
  }
  return !isAlive(id);
}
