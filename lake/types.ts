/** An immutable object of the store. `uri` is the store-relative key; `sha256` is lower-case hex of the bytes. */
export interface Artifact {
  uri: string;
  sha256: string;
  bytes: number;
}

/** A Parquet table in the store, written in its declared sort order. */
export interface TableRef extends Artifact {
  rows: number;
  columns: string[];
}

/** An opaque token naming one state of a register; two states never share a token, even where their values are equal. */
export type Version = string;

export interface Registered {
  value: Uint8Array;
  version: Version;
  /** Says in words that the newest state is damaged and `value` is the newest whole one before it. */
  warning?: string;
}

/**
 * The lake's only view of a place that keeps bytes: immutable objects, and registers that change by compare-and-swap.
 *
 * Keys are relative, `/`-separated, without `.` or `..` segments. Every write is durable before its promise resolves
 * (on a folder: file and folders synced). Absent objects reject with GR-4004, unreachable stores with GR-5002 (retryable),
 * full ones with GR-5003, those that refuse with GR-5004 or GR-5008, those that are not there with GR-5007.
 */
export interface ObjectStore {
  /** Where the store is, for people: `file:///…` or `s3://bucket/prefix`. */
  readonly base: string;
  /** Absolute URI of a key. */
  uri(key: string): string;
  /** Writes an object unless the key exists. `exists` never overwrites and is not an error. */
  putIfAbsent(key: string, body: Body, options?: CallOptions): Promise<'created' | 'exists'>;
  /** Reads a whole object (small ones: manifests, cards, definitions), or no more than its first `atMost` bytes. */
  get(key: string, options?: CallOptions & { atMost?: number }): Promise<Uint8Array>;
  /**
   * Size in bytes, or undefined where the key is absent. Two answers with the same `state` are of the same write, or of
   * equal ones; bytes that a disk has altered since are told by reading alone.
   */
  head(key: string, options?: CallOptions): Promise<{ bytes: number; state: string } | undefined>;
  /**
   * Puts a body in the place of an object at once, if that still is in the `state` that `head` told: a reader gets the
   * old bytes or the new ones, whole. `changed` where it is not, or is gone. This is for mending what is damaged, so that
   * whoever mends the same object puts the same bytes: a folder looks and then renames, and of two who do so at once
   * both may be told `replaced`.
   */
  replace(key: string, body: Body, state: string, options?: CallOptions): Promise<'replaced' | 'changed'>;
  /** Copies an object to a local path that does not exist yet; with `link`, may share its storage (for files that nobody writes). */
  download(key: string, path: string, options?: CallOptions & { link?: boolean }): Promise<void>;
  /** Keys that begin with a prefix, in ascending order of code points. Buckets tell the state of each, too: an ETag. */
  list(
    prefix: string,
    options?: CallOptions,
  ): AsyncIterable<{ key: string; bytes: number; modified: Date; state?: string }>;
  delete(key: string, options?: CallOptions): Promise<void>;
  /** The register's value, or undefined where it was never written. */
  read(key: string, options?: CallOptions): Promise<Registered | undefined>;
  /** Replaces the register's value only if it still is in state `expected` (undefined: never written). */
  swap(
    key: string,
    value: Uint8Array,
    expected: Version | undefined,
    options?: CallOptions,
  ): Promise<Version | 'conflict'>;
  /** Brings the copy of a register that outside readers see in line with its value, where there is such a copy. */
  settle?(key: string, options?: CallOptions): Promise<void>;
  /** Makes the objects under `target/` readable under `key/` too, in place of what was there; both are folders of keys. */
  alias?(key: string, target: string, options?: CallOptions): Promise<void>;
  /** Lets go of connections; calls under way may fail. */
  close?(): void;
}

/**
 * Bytes in memory, or a local file, which is left in place. A file is copied; with `link` the store may share its
 * storage instead, which is for files of our own that nobody writes again.
 */
export type Body = Uint8Array | { path: string; link?: boolean };

export interface CallOptions {
  signal?: AbortSignal;
}

/** Numbers, missing = NaN. `integer` values are exact to 2^53; `timestamp` is milliseconds since the epoch, UTC. */
export interface NumberColumn {
  type: 'double' | 'integer' | 'timestamp';
  values: Float64Array;
}

export interface BooleanColumn {
  type: 'boolean';
  /** 0, 1, or 255 where missing. */
  values: Uint8Array;
}

/** Text as codes into a dictionary in order of first appearance; -1 where missing. */
export interface TextColumn {
  type: 'text';
  codes: Int32Array;
  dictionary: string[];
}

export type Column = NumberColumn | BooleanColumn | TextColumn;

/** A table in memory, column by column. Arrays lie over SharedArrayBuffer, so that kernels on other threads read them in place. */
export interface Columns {
  rows: number;
  columns: Record<string, Column>;
}
