const MOST = 5;
const WINDOW_MS = 60_000;

/** Counts restarts: five are allowed within any minute. What dies more often has a fault that a restart does not mend. */
export class Restarts {
  readonly #at: number[] = [];

  /** Takes one restart if it is allowed. `now` is milliseconds of a clock that never goes back. */
  allowed(now = performance.now()): boolean {
    while (this.#at[0] !== undefined && now - this.#at[0] >= WINDOW_MS) this.#at.shift();
    if (this.#at.length >= MOST) return false;
    this.#at.push(now);
    return true;
  }
}
