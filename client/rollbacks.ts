import { randomBytes, randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Hold } from '../lake/pointer.js';
import { findWayBack, rollBack } from '../lake/rollback.js';
import { Scratch } from '../lake/scratch.js';
import type { ObjectStore } from '../lake/types.js';
import { placeOf } from './store.js';

export interface RollbackRequest {
  pipeline: string;
  /** A generation, or the folder of its snapshot; default: the one before what is shown now. */
  to?: number | string;
  /** Shown as long as the pipeline is held; default: which generation was left. */
  reason?: string;
  /** Who wants it; default: the user of this process. */
  by?: string;
  /** Only looks where it would lead. */
  dryRun?: boolean;
}

export interface Rollback {
  pipeline: string;
  /** The generation that was current, and the one whose content is shown now (or would be). */
  from: number;
  to: number;
  /** The new generation that has that content; null where it was only looked for. */
  generation: number | null;
  /** Names it among the runs; null as well. */
  run: string | null;
  /** What the content stands for, ISO 8601, and the run that made it. */
  logicalTime: string;
  madeBy: string;
  /** Folder of the snapshot: an absolute path or a URI. */
  folder: string;
  hold: Hold;
  /** Of pipelines whose outputs go to a database: whether it is on its way there, or left to `georefresh deliver`. */
  delivery?: 'asked' | 'open';
}

const LONGEST_TEXT = 300;

/** One line of bounded length: it is shown in tables. */
const lineOf = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, LONGEST_TEXT);

/** Goes back to an older generation and holds the pipeline there, without an engine. Errors as of `findWayBack` and `rollBack`. */
export async function goBack(
  store: ObjectStore,
  { home, scratch: { maxBytes } }: { home: string; scratch: { maxBytes: number } },
  { pipeline, to, reason, by, dryRun = false }: RollbackRequest,
): Promise<Rollback> {
  const way = await findWayBack(store, pipeline, to);
  const { state, target, manifest } = way;
  const from = state.pointer.generation;
  const hold: Hold = {
    by: lineOf(by ?? userName()),
    at: new Date().toISOString(),
    reason: lineOf(reason ?? `rolled back from generation ${from} to ${target.generation}`),
  };
  const found = {
    ...{ pipeline, from, to: target.generation, logicalTime: manifest.logicalTime, hold },
    madeBy: manifest.restored?.run ?? manifest.run,
  };
  if (dryRun) return { ...found, generation: null, run: null, folder: placeOf(store, target.snapshot) };
  const scratch = await Scratch.open({ store, root: join(home, 'scratch'), bytes: maxBytes });
  try {
    const [run, nonce] = [randomUUID(), randomBytes(8).toString('hex')];
    const { generation, snapshot } = await rollBack({ lake: { store, scratch }, way, run, nonce, hold });
    return { ...found, generation, run, folder: placeOf(store, snapshot) };
  } finally {
    await scratch.close();
  }
}

/** A user without an entry in the system's table, as in some containers, has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? process.env.USERNAME ?? 'unknown';
  }
}
