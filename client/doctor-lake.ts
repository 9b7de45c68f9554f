import { join } from 'node:path';
import { formatBytes } from '../activities/publish/format.js';
import { listPipelines } from '../config/load.js';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { examineLake } from '../lake/fsck.js';
import { Scratch } from '../lake/scratch.js';
import type { Finding } from './doctor.js';
import { openStore } from './store.js';

/** Faults of a pipeline's lake that are told one by one; the others are counted. */
const TOLD = 20;

const REMEDIES = {
  refresh: 'georefresh refresh makes it again',
  retention:
    'nothing makes it again; what is published now does not rest on it, and georefresh gc lets it go in its time',
} as const;

/** Reads all that is kept of each pipeline's lake and compares it with its digests. */
export async function lakeFindings(settings: ReadonlyDeep<Settings>): Promise<Finding[]> {
  const store = await openStore(settings);
  const scratch = await Scratch.open({ store, root: join(settings.home, 'scratch'), bytes: settings.scratch.maxBytes });
  try {
    const findings: Finding[] = [];
    for (const { name } of await listPipelines(settings)) {
      const { generation, floor, objects, bytes, faults } = await examineLake({ store, scratch }, name);
      const what = generation === 0 ? 'nothing published yet' : `generations ${floor} to ${generation}`;
      const read = `${name}: ${what}, ${objects} objects read (${formatBytes(bytes)})`;
      if (faults.length === 0) findings.push({ name: 'lake', state: 'good', text: `${read}, all whole` });
      for (const { text, mend } of faults.slice(0, TOLD))
        findings.push({
          name: 'lake',
          state: 'wrong',
          text: `${name}: ${text}`,
          remedy: REMEDIES[mend],
          code: 'GR-4005',
        });
      if (faults.length > TOLD)
        findings.push({
          name: 'lake',
          state: 'wrong',
          text: `${name}: ${faults.length - TOLD} more faults`,
          code: 'GR-4005',
        });
    }
    return findings;
  } finally {
    await scratch.close();
    store.close?.();
  }
}
