import type { InboxState, SignalPacing } from './messages.js';

/** Fingerprints that are remembered; one that is forgotten costs a refresh that finds nothing to do, never a file. */
const REMEMBERED = 1000;
/** What people send may be of any length. */
const LONGEST = 64;

/** Signals of new data that wait for a refresh. Times are those of the workflow, in milliseconds since the epoch. */
export class Inbox {
  readonly #seen: Set<string>;
  #state: Omit<InboxState, 'seen'>;

  constructor({ seen = [], ...state }: Partial<InboxState> = {}) {
    this.#seen = new Set(seen);
    this.#state = { waiting: 0, firstAt: 0, lastAt: 0, ...state };
  }

  /** Takes whatever a signal brought. The same fingerprint again is the same news. */
  take(data: unknown, now: number): void {
    const fingerprint = fingerprintOf(data);
    if (fingerprint !== undefined) {
      if (this.#seen.has(fingerprint)) return;
      this.#seen.add(fingerprint);
      for (const oldest of this.#seen) {
        if (this.#seen.size <= REMEMBERED) break;
        this.#seen.delete(oldest);
      }
    }
    this.#wait(1, now);
  }

  get isWaiting(): boolean {
    return this.#state.waiting > 0;
  }

  /** When what waits is due: when it has been quiet for long enough, or the first has waited for too long. */
  dueAt({ quiet, longestWait }: SignalPacing): number {
    return Math.min(this.#state.lastAt + quiet, this.#state.firstAt + longestWait);
  }

  /** Gives all that waits to a refresh that is about to begin. */
  hand(): void {
    this.#state.waiting = 0;
  }

  /** What was handed on may not have been seen by a refresh: it waits again. */
  putBack(now: number): void {
    this.#wait(1, now);
  }

  /** What was handed on was not refreshed: if it is told again, it is news. */
  forget(): void {
    this.#seen.clear();
  }

  state(): InboxState {
    return { ...this.#state, seen: [...this.#seen] };
  }

  #wait(count: number, now: number): void {
    const { waiting, firstAt } = this.#state;
    this.#state = { waiting: waiting + count, firstAt: waiting === 0 ? now : firstAt, lastAt: now };
  }
}

function fingerprintOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('fingerprint' in data)) return undefined;
  return typeof data.fingerprint === 'string' ? data.fingerprint.slice(0, LONGEST) : undefined;
}
