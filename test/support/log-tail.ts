import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A line of the home's log; steps tell of themselves with `event`, `step`, `attempt` and the run id of their workflow. */
export interface LogLine {
  timestamp: string;
  pid: number;
  event?: string;
  step?: string;
  attempt?: number;
  run?: string;
  msg?: string;
}

export type Match = (line: LogLine) => boolean;

export interface Search {
  /** A mark: lines before it do not count. */
  from?: number;
  withinMs?: number;
}

/** Far shorter than any step: a marker is worth something only while its step is under way. */
const POLL_MS = 5;

/** When a line was written, in milliseconds since the epoch. */
export const timeOf = ({ timestamp }: LogLine): number => Date.parse(timestamp);

/** Follows a file of JSON lines from where it ended when the tail was made. The file may still be absent. */
export class LogTail {
  readonly #path: string;
  #offset: number;
  #rest = '';
  readonly #lines: LogLine[] = [];

  constructor(path: string) {
    this.#path = path;
    this.#offset = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** All lines so far. */
  lines(): readonly LogLine[] {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size < this.#offset) throw new Error(`${this.#path} was rotated: a run of the suite writes less than that`);
    if (size > this.#offset) this.#append(this.#readTo(size));
    return this.#lines;
  }

  find(match: Match): LogLine | undefined {
    return this.lines().find(match);
  }

  count(match: Match): number {
    return this.lines().filter(match).length;
  }

  /** How many lines there are by now: what comes later is searched with `until(…, { from })`. */
  mark(): number {
    return this.lines().length;
  }

  /** The first line that matches, waited for at most `withinMs`; `what` says in the failure what was missed. */
  async until(match: Match, what: string, { from = 0, withinMs = 90_000 }: Search = {}): Promise<LogLine> {
    const end = performance.now() + withinMs;
    for (let looked = from; ; ) {
      const lines = this.lines();
      for (; looked < lines.length; looked++) {
        const line = lines[looked];
        if (line !== undefined && match(line)) return line;
      }
      if (performance.now() > end) throw new Error(`the log does not say within ${withinMs / 1000} s: ${what}`);
      await sleep(POLL_MS);
    }
  }

  #readTo(size: number): string {
    const file = openSync(this.#path, 'r');
    try {
      const bytes = Buffer.alloc(size - this.#offset);
      this.#offset += readSync(file, bytes, 0, bytes.length, this.#offset);
      return bytes.toString('utf8');
    } finally {
      closeSync(file);
    }
  }

  /** Several processes append whole lines; the last one may be on its way. */
  #append(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.#lines.push(JSON.parse(line) as LogLine);
  }
}
