import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** The machine and versions that a figure belongs to. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${memory}, ${process.platform}/${process.arch}, Node ${process.version}`;
}

/** Peak resident memory of a process with its threads, in MB; Linux only. */
export function peakMemory(pid: number): number | undefined {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}
