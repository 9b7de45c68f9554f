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

/** User and system time that a process with its threads has used, in milliseconds; Linux only. */
export function cpuMilliseconds(pid: number): number | undefined {
  try {
    // The name, which may hold blanks, stands in brackets; ticks are of 10 ms.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return undefined;
  }
}
