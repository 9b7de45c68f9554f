export { fetchBytes, fetchFile, putArtifact, stands } from './artifacts.js';
export { type Current, followLatest, readCurrent } from './current.js';
export type { DuckDb, SessionOptions } from './duckdb.js';
export { FolderStore } from './folder-store.js';
export { hashFile, sha256Of } from './hashing.js';
export { checkKey, keyOf, stampOf } from './keys.js';
export { type Lake, type LakeOptions, openLake } from './lake.js';
export { type Manifest, manifestSchema, withoutVolatile } from './manifest.js';
export { listModels, type ModelVersion, registerModel } from './models.js';
export type { Parameter, Parameters } from './parameters.js';
export { type Pointer, pointerKey, pointerSchema, readPointer, type SnapshotRef } from './pointer.js';
export { readManifest } from './read-manifest.js';
export { listRuns, type RunEntry, readRun, writeRunManifest } from './runs.js';
export type { Held, Scratch } from './scratch.js';
export type { Session, WriteOptions } from './session.js';
export { type Published, type PublishInput, publishSnapshot, putOutput } from './snapshots.js';
export { quoteIdent, quoteLiteral, type SortKey, type SortOrder } from './sql.js';
export {
  type PutTableOptions,
  putColumns,
  putCsv,
  putTable,
  readTable,
  type TableSource,
  withTables,
} from './tables.js';
export type {
  Artifact,
  Body,
  BooleanColumn,
  CallOptions,
  Column,
  Columns,
  NumberColumn,
  ObjectStore,
  Registered,
  TableRef,
  TextColumn,
  Version,
} from './types.js';
