import { createHash } from 'node:crypto';
import { GeorefreshError } from '../config/errors.js';
import type { CallOptions, Registered, Version } from './types.js';

/** How many states a chain keeps. A writer frozen for longer than that many is refused by the look after its link. */
const KEPT = 1000;
/** How long a remembered number may be probed from: far shorter than 1,000 swaps take. */
const HINT_MS = 10_000;

const HEADER = /^georefresh-register 1 ([0-9a-f]{64})\n/;
const HEADER_BYTES = 'georefresh-register 1 '.length + 64 + 1;

/** The states of a register as immutable objects by number, and the copy of the newest that people see. */
export interface Chain {
  /** The register's own name, for messages. */
  readonly name: string;
  /** Creates a state, durably, unless its number is taken: of any number of callers one is told `created`. */
  create(version: number, bytes: Uint8Array, options: CallOptions): Promise<'created' | 'exists'>;
  has(version: number, options: CallOptions): Promise<boolean>;
  /** Undefined where there is none. */
  get(version: number, options: CallOptions): Promise<Uint8Array | undefined>;
  /** Their numbers, ascending; the newest may be missing for a moment after they were created. */
  versions(options: CallOptions): Promise<number[]>;
  remove(version: number, options: CallOptions): Promise<void>;
  /** What people see, or undefined. */
  shown(options: CallOptions): Promise<Uint8Array | undefined>;
  /** Replaces what people see at once, durably. */
  show(value: Uint8Array, options: CallOptions): Promise<void>;
}

/** How a state's number stands in its name: sorts as text in order of numbers. */
export const stateName = (version: number): string => String(version).padStart(12, '0');

/** The numbers among names, ascending. */
export const stateNumbers = (names: readonly string[]): number[] =>
  names
    .filter((name) => /^\d{12}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);

/**
 * A register without locks, safe against writers that were frozen and wake up.
 *
 * The truth is a chain of immutable objects `.<name>.versions/<n>`, each a header with the digest of the value and then
 * the value. Creating n + 1 is the compare-and-swap: one of any number of writers succeeds, whatever they hold in
 * common. The token of a state is its n, which is never given twice, so A → B → A is told apart. The object `<name>`
 * itself only follows, for people and outside readers; no decision is taken from it once the chain exists.
 */
export class Register {
  readonly #chain: Chain;
  #hint = { version: 0, at: Number.NEGATIVE_INFINITY };

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  /** The newest state, or undefined where none was ever written. A damaged state is stepped over, in words, unless its copy tells it. */
  async read(options: CallOptions = {}): Promise<Registered | undefined> {
    return (await this.#read(options))?.found;
  }

  /** `copied`: the newest state is damaged, and the copy that people see tells what it held. */
  async #read(options: CallOptions): Promise<{ found: Registered; copied: boolean } | undefined> {
    const newest = await this.#newest(options);
    if (newest === 0) {
      const found = await this.#adopted(options);
      return found && { found, copied: false };
    }
    for (let version = newest; version > Math.max(0, newest - KEPT); version--) {
      const own = await this.#value(version, options);
      const value = own ?? (version === newest ? await this.#shownAs(version, options) : undefined);
      if (value === undefined) continue;
      // The token is the newest number even where its value is lost: the next state must be created after it.
      const found: Registered = { value, version: String(newest) };
      const used = version < newest ? `state ${version}` : 'the copy of it that people see';
      if (own === undefined || version < newest)
        found.warning = `state ${newest} of ${this.#chain.name} is damaged; ${used} is used`;
      return { found, copied: own === undefined && version === newest };
    }
    throw new GeorefreshError('GR-4006', `no whole state of ${this.#chain.name} is left`);
  }

  /** Writes the state after `expected`, or answers `conflict` where another has been written. */
  async swap(
    value: Uint8Array,
    expected: Version | undefined,
    options: CallOptions = {},
  ): Promise<Version | 'conflict'> {
    const newest = await this.#newest(options);
    const adopted = newest === 0 && (await this.#adopted(options)) !== undefined;
    if (expected === undefined ? newest !== 0 || adopted : expected !== String(newest) || (newest === 0 && !adopted))
      return 'conflict';
    const version = newest + 1;
    if ((await this.#chain.create(version, framed(value), options)) === 'exists') return 'conflict';
    // Only a writer frozen between the look above and the creation, while more than KEPT others wrote and pruned, can
    // have created a number that was taken once before.
    const top = (await this.#chain.versions(options)).at(-1) ?? version;
    if (top >= version + KEPT) {
      await this.#chain.remove(version, options).catch(() => undefined);
      return 'conflict';
    }
    this.#remember(Math.max(top, version));
    await this.settle(options);
    if (version % 100 === 0) await this.#prune(version, options);
    return String(version);
  }

  /**
   * Shows the newest value, and looks again afterwards: whichever writer shows last, its own look comes after, so the
   * newest ends up shown even where a frozen writer wakes up and overwrites it. A damaged state whose value is known all
   * the same is followed by a whole one.
   */
  async settle(options: CallOptions = {}): Promise<void> {
    for (;;) {
      const read = await this.#read(options);
      const state = read?.found;
      if (read === undefined || state === undefined || state.version === '0') return;
      if (read.copied && (await this.swap(state.value, state.version, options)) !== 'conflict') return;
      if (!(await this.#shows(state.value, options))) await this.#chain.show(state.value, options);
      if (String(await this.#newest(options)) === state.version) return;
    }
  }

  async #shows(value: Uint8Array, options: CallOptions): Promise<boolean> {
    const shown = await this.#chain.shown(options).catch(() => undefined);
    return shown !== undefined && Buffer.compare(shown, value) === 0;
  }

  /** What is shown where there is no chain: a store restored from a copy that left hidden names out. */
  async #adopted(options: CallOptions): Promise<Registered | undefined> {
    const value = await this.#chain.shown(options);
    const warning = `${this.#chain.name} has lost its earlier states; what it shows is used`;
    return value && { value, version: '0', warning };
  }

  /** The highest number of the chain, 0 where it is empty. */
  async #newest(options: CallOptions): Promise<number> {
    let version = this.#hint.version;
    const known = version > 0 && performance.now() - this.#hint.at <= HINT_MS;
    if (!known) version = await this.#listed(options);
    while (await this.#chain.has(version + 1, options)) version++;
    // Numbers vanish in ascending order: where this one is still there, the next was never written.
    if (known && !(await this.#chain.has(version, options))) version = await this.#listed(options);
    this.#remember(version);
    return version;
  }

  async #listed(options: CallOptions): Promise<number> {
    return (await this.#chain.versions(options)).at(-1) ?? 0;
  }

  #remember(version: number): void {
    this.#hint = { version, at: performance.now() };
  }

  /** What is shown, where it is just the damaged state's value: by the digest in its header, or byte for byte. */
  async #shownAs(version: number, options: CallOptions): Promise<Uint8Array | undefined> {
    const [bytes, shown] = [await this.#chain.get(version, options), await this.#chain.shown(options)];
    if (bytes === undefined || shown === undefined) return undefined;
    const header = framed(shown).subarray(0, HEADER_BYTES);
    const isValue = Buffer.compare(bytes.subarray(HEADER_BYTES), shown) === 0;
    return isValue || Buffer.compare(bytes.subarray(0, HEADER_BYTES), header) === 0 ? shown : undefined;
  }

  /** The value of a state, or undefined where it is gone, torn or altered. */
  async #value(version: number, options: CallOptions): Promise<Uint8Array | undefined> {
    const bytes = await this.#chain.get(version, options);
    if (bytes === undefined) return undefined;
    const digest = HEADER.exec(Buffer.from(bytes.subarray(0, HEADER_BYTES)).toString('latin1'))?.[1];
    if (digest === undefined) return undefined;
    const value = bytes.subarray(HEADER_BYTES);
    return createHash('sha256').update(value).digest('hex') === digest ? value : undefined;
  }

  /** Removes states older than the newest KEPT, in ascending order: what #newest concludes rests on that order. */
  async #prune(newest: number, options: CallOptions): Promise<void> {
    for (const version of await this.#chain.versions(options)) {
      if (version > newest - KEPT) return;
      await this.#chain.remove(version, options);
    }
  }
}

function framed(value: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(value).digest('hex');
  return Buffer.concat([Buffer.from(`georefresh-register 1 ${digest}\n`, 'latin1'), value]);
}
