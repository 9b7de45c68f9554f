import { putArtifact } from '../../../lake/artifacts.js';
import type { Session } from '../../../lake/session.js';
import { withTables } from '../../../lake/tables.js';
import type { Artifact } from '../../../lake/types.js';
import { type Deps, prefixOf, tableOf } from '../../deps.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import type { PublishedMetrics } from '../../train/evaluate.js';
import type { PublishInput } from '../../types.js';
import { rowsOf } from './outputs.js';

/** What metrics.json holds where nothing is trained: figures of tables, by the names of their rows. None without `metrics`. */
export async function writeMetrics(
  { lake }: Pick<Deps, 'lake'>,
  session: Session,
  { pipeline: { name: pipeline, metrics } }: FrozenDefinition,
  input: PublishInput,
  signal: AbortSignal,
): Promise<Artifact | undefined> {
  if (metrics === undefined) return undefined;
  const figuresOf = async (table: string | undefined): Promise<PublishedMetrics['models']> => {
    if (table === undefined) return {};
    const read = (): ReturnType<Session['readColumns']> => session.readColumns('select * from t order by name');
    const rows = rowsOf(await withTables(lake, session, { t: tableOf(input, table) }, read, { signal }));
    return Object.fromEntries(
      rows.map(({ name, ...figures }) => [
        String(name),
        Object.fromEntries(Object.entries(figures).filter(([, value]) => typeof value === 'number')),
      ]),
    ) as PublishedMetrics['models'];
  };
  const found: PublishedMetrics = {
    champion: null,
    models: await figuresOf(metrics.models),
    baselines: await figuresOf(metrics.baselines),
  };
  const bytes = Buffer.from(`${JSON.stringify(found, null, 2)}\n`);
  return putArtifact(lake.store, prefixOf(pipeline, 'predictions'), bytes, 'json', { signal });
}
