import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a group of processes may use at most. */
export interface Limits {
  memoryBytes?: number;
  /** Share of one core. */
  cpuShare?: number;
}

const PERIOD_US = 100_000;
const EMPTY_MS = 10_000;
const POLL_MS = 20;

let made = 0;

/** The files that set a limit, by version of control groups: v2 has one tree, v1 one a kind. */
function filesOf(limits: Limits, name: string): { folder: string; settings: [string, string][] }[] {
  const root = '/sys/fs/cgroup';
  const memory = String(limits.memoryBytes ?? '');
  const quota = String(Math.round((limits.cpuShare ?? 0) * PERIOD_US));
  if (existsSync(join(root, 'cgroup.controllers')))
    return [
      {
        folder: join(root, name),
        settings: [
          ...(limits.memoryBytes === undefined ? [] : [['memory.max', memory] as [string, string]]),
          ...(limits.cpuShare === undefined ? [] : [['cpu.max', `${quota} ${PERIOD_US}`] as [string, string]]),
        ],
      },
    ];
  return [
    ...(limits.memoryBytes === undefined
      ? []
      : [{ folder: join(root, 'memory', name), settings: [['memory.limit_in_bytes', memory] as [string, string]] }]),
    ...(limits.cpuShare === undefined
      ? []
      : [{ folder: join(root, 'cpu', name), settings: [['cpu.cfs_quota_us', quota] as [string, string]] }]),
  ];
}

/** A control group; its processes are those that were put into it, and what they fork. */
export interface ControlGroup {
  take(pid: number): void;
  /** Waits until its processes have ended, which must have been told to. */
  remove(): Promise<void>;
}

/** Makes a control group, or says why there can be none here. */
export function controlGroup(limits: Limits): ControlGroup | { missing: string } {
  const name = `georefresh-test-${process.pid}-${made++}`;
  const groups = filesOf(limits, name);
  try {
    for (const { folder, settings } of groups) {
      mkdirSync(folder);
      for (const [file, value] of settings) writeFileSync(join(folder, file), value);
    }
  } catch (error) {
    return { missing: `no control group can be made (${error instanceof Error ? error.message : String(error)})` };
  }
  return {
    take: (pid) => {
      for (const { folder } of groups) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    },
    async remove() {
      const end = performance.now() + EMPTY_MS;
      for (const { folder } of groups)
        for (;;) {
          try {
            rmdirSync(folder);
            break;
          } catch (error) {
            // A process leaves its group a moment after it has ended.
            if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || performance.now() > end) throw error;
            await sleep(POLL_MS);
          }
        }
    },
  };
}
