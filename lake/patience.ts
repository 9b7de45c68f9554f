import { setTimeout as sleep } from 'node:timers/promises';
import { GeorefreshError } from '../config/errors.js';
import type { Judgement } from './bucket.js';
import type { CallOptions } from './types.js';

export interface PatienceOptions {
  /** How long a call that makes no progress is tried again, in milliseconds. */
  windowMs?: number;
  /** How long a request without a body may take, in milliseconds. */
  requestMs?: number;
  /** First and longest pause between two tries, in milliseconds. */
  pauseMs?: number;
  longestPauseMs?: number;
}

/** A request that takes longer for its bytes than this is given up. */
const SLOWEST_BYTES_PER_MS = 16;
/** Tries beyond the first are paid for: so many are given at the start, … */
const PURSE = 50;
/** … so many by a request that goes well, … */
const PER_SUCCESS = 2;
/** … and one in so many milliseconds, so that a service that was away is found again. */
const PER_MS = 1 / 500;

/** One try of a call. */
export interface Try {
  /** Aborts with the call, or at the deadline of this try. */
  signal: AbortSignal;
  /** Whether the service may have done what an earlier try asked. */
  unsure: boolean;
  /** Tells that bytes came: the window begins anew, and later tries are to go on from there. */
  progress(): void;
}

/** What a call does, for messages, and the most bytes that one of its tries carries. */
export interface Call extends CallOptions {
  doing: string;
  key: string;
  bytes?: number;
}

/**
 * Tries requests again that may fare better, with pauses that grow and differ, for a bounded time; each try has a
 * deadline. All calls of a store share one purse, so that requests stay within three times what a calm service would
 * have been sent, however many calls are under way.
 */
export class Patience {
  readonly #judge: (error: unknown) => Judgement;
  readonly #base: string;
  readonly #windowMs: number;
  readonly #requestMs: number;
  readonly #pauseMs: number;
  readonly #longestPauseMs: number;
  #purse = PURSE;
  #filledAt = performance.now();

  constructor(base: string, judge: (error: unknown) => Judgement, options: PatienceOptions = {}) {
    this.#base = base;
    this.#judge = judge;
    this.#windowMs = options.windowMs ?? 25_000;
    this.#requestMs = options.requestMs ?? 12_000;
    this.#pauseMs = options.pauseMs ?? 100;
    this.#longestPauseMs = options.longestPauseMs ?? 3_000;
  }

  /** The registry's error of the last try where none went well, or the reason of the call's own signal. */
  async run<T>(call: Call, work: (one: Try) => Promise<T>): Promise<T> {
    const { signal } = call;
    let end = performance.now() + this.#windowMs;
    let unsure = false;
    let tries = 0;
    const progress = (): void => {
      end = performance.now() + this.#windowMs;
      tries = 0;
    };
    for (;;) {
      signal?.throwIfAborted();
      try {
        const answer = await this.#once(call, (limited) => work({ signal: limited, unsure, progress }));
        this.#purse = Math.min(PURSE, this.#purse + PER_SUCCESS);
        return answer;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof GeorefreshError) throw error;
        const judgement = this.#judge(error);
        unsure ||= judgement.unsure;
        const pause = this.#pauseOf(tries++);
        if (!judgement.again || performance.now() + pause > end) throw this.#failure(call, judgement, error);
        await sleep(pause, undefined, { ...(signal && { signal }) }).catch(() => signal?.throwIfAborted());
        await this.#pay(end, signal);
      }
    }
  }

  async #once<T>({ signal, bytes = 0 }: Call, work: (limited: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const giveUp = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    const limitMs = this.#requestMs + bytes / SLOWEST_BYTES_PER_MS;
    const timer = setTimeout(() => controller.abort(new DeadlineError(limitMs)), limitMs);
    try {
      return await work(controller.signal);
    } catch (error) {
      // Clients wrap the reason of an abort in errors of their own.
      throw controller.signal.aborted ? controller.signal.reason : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  #pauseOf(tries: number): number {
    return Math.min(this.#longestPauseMs, this.#pauseMs * 2 ** tries) * (0.5 + Math.random() / 2);
  }

  /** Takes a further try from the purse, and waits until there is one for it, at most to the end of the window. */
  async #pay(end: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const now = performance.now();
      this.#purse = Math.min(PURSE, this.#purse + (now - this.#filledAt) * PER_MS);
      this.#filledAt = now;
      if (this.#purse >= 1 || now >= end) break;
      const wait = (1 - this.#purse) / PER_MS;
      await sleep(wait, undefined, { ...(signal && { signal }) }).catch(() => signal?.throwIfAborted());
    }
    this.#purse = Math.max(0, this.#purse - 1);
  }

  #failure({ doing, key }: Call, { code, text }: Judgement, error: unknown): GeorefreshError {
    const what = `${doing} ${key} in ${this.#base} (${text})`;
    // Only name and words of the cause are kept: clients hang requests, with their signatures, on their errors.
    const cause = error instanceof Error ? new Error(`${error.name}: ${error.message}`) : undefined;
    return new GeorefreshError(code, what, { cause, where: [{ file: `${this.#base}/${key}` }] });
  }
}

/** No answer came in time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor(ms: number) {
    super(`no answer within ${Math.round(ms / 1000)} s`);
  }
}
