import type { ErrorCode } from '../config/errors.js';

/** What the answer to a request, or its absence, means. */
export interface Judgement {
  code: ErrorCode;
  /** In a few words, without secrets: `503 SlowDown`. */
  text: string;
  /** Whether the same request may fare better in a moment. */
  again: boolean;
  /** Whether the service may have done what was asked, though it did not say so. */
  unsure: boolean;
}

/** How an object is written. `mark` is kept beside it: a writer knows its own object again where the answer was lost. */
export interface Writing {
  /** What must hold: that there is no object of the name, or one of this state. Without it, whatever is there gives way. */
  only?: 'if-absent' | { state: string };
  mark: string;
}

/** `refused`: the condition does not hold. */
export type Written = 'written' | 'refused';

export interface Looked {
  bytes: number;
  /** Changes with the bytes. */
  state: string;
  /** What its writer gave, where it was one of ours. */
  mark: string | undefined;
}

/** Part of an object as it comes; `total` is the size of the whole. */
export interface Piece {
  body: AsyncIterable<Uint8Array>;
  total: number;
  state: string;
}

export interface Page {
  objects: { name: string; bytes: number; modified: Date; state: string }[];
  /** Given to the next call; undefined after the last page. */
  next: string | undefined;
}

/** An object written in parts; nothing is seen of it before it is finished. */
export interface PartedUpload {
  /** `number` counts from 1. A part that is put again replaces the first. */
  put(number: number, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Takes a part from another object of the bucket, of just that state. Only where the bucket's `copyBytes` is finite. */
  copy?(
    number: number,
    source: { name: string; state: string; from: number; to: number },
    signal: AbortSignal,
  ): Promise<void>;
  finish(signal: AbortSignal): Promise<Written>;
  /** Frees what the service keeps of an unfinished one. */
  abandon(signal: AbortSignal): Promise<void>;
}

/**
 * A bucket (or container) of an object service: one request a call, without patience. `RemoteStore` makes a store of it,
 * which tries again, resumes, and finds out what became of a request whose answer was lost.
 */
export interface Bucket {
  /** `s3://bucket` or `azure://container`. */
  readonly base: string;
  /** Parts of an upload, at most. */
  readonly maxParts: number;
  /** The largest object that is copied by one request. */
  readonly copyBytes: number;
  put(name: string, bytes: Uint8Array, writing: Writing, signal: AbortSignal): Promise<Written>;
  begin(name: string, writing: Writing, signal: AbortSignal): Promise<PartedUpload>;
  /** Bytes from `from` on, up to but not including `to`, or as many as there are; of just that `state` if one is given. */
  read(name: string, from: number, to: number, state: string | undefined, signal: AbortSignal): Promise<Piece>;
  head(name: string, signal: AbortSignal): Promise<Looked | undefined>;
  /** Objects whose names begin with a prefix, ascending by code point, a page at a time. */
  page(prefix: string, after: string | undefined, limit: number, signal: AbortSignal): Promise<Page>;
  /** Deleting what is absent is no error. */
  delete(name: string, signal: AbortSignal): Promise<void>;
  /** Copies an object of at most `copyBytes` within the bucket, over what is there. */
  copy(from: string, to: string, signal: AbortSignal): Promise<void>;
  judge(error: unknown): Judgement;
  close(): void;
}
