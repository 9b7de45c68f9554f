import { judgedAgainst } from '../../config/definition/contract.js';
import { GeorefreshError } from '../../config/errors.js';
import { putTable, withTables } from '../../lake/tables.js';
import { artifactOf, type Deps, definitionOf, nameOf, prefixOf, tableOf } from '../deps.js';
import { type StepContext, step } from '../durable.js';
import { withRecords } from '../ingest/steps/open.js';
import { overlayOf, rawTable } from '../resolve/plan.js';
import type { StepInput } from '../types.js';
import { demandShare, judge, noRows } from './judge.js';
import { checkedFiles } from './steps/by-file.js';
import { pastRows } from './steps/past.js';
import { demandFreshness, demandVolume } from './whole.js';

export const createValidateActivities = (deps: Deps) => ({
  /** Gives rows their types and holds them to the contract: good ones become the table, the others go to quarantine. */
  validate: step(deps, async (input: StepInput, context: StepContext) => {
    const { lake } = deps;
    const { signal } = context;
    const { pipeline } = await definitionOf(lake, input);
    const name = nameOf(input);
    const source = pipeline.sources[name];
    if (source === undefined) throw new GeorefreshError('GR-3009', `no source is called ${name}`);
    const into = { prefix: prefixOf(pipeline.name, 'validated'), signal };
    const overlay = input.artifacts[overlayOf(name)];
    const isThere = Object.hasOwn(input.artifacts, rawTable(name));
    const others = Object.fromEntries(judgedAgainst(source).map((other) => [other, tableOf(input, other)]));

    return lake.duckdb.session(
      async (session) => {
        if (!isThere) {
          const table = await putTable(lake, session, { select: noRows(source) }, { ...into, orderBy: [] });
          return { tables: { [name]: table }, artifacts: {}, rowsIn: 0, rowsOut: 0, facts: { absent: 1 } };
        }
        const before = await checkedFiles(deps, input, source, context);
        return withTables(lake, session, { ...others, ...before?.tables }, () =>
          withRecords(
            lake,
            session,
            source,
            artifactOf(input, rawTable(name)),
            async (records, { stale }) => {
              const judged = await judge(session, name, source, records, before);
              await demandShare(session, name, source, judged);
              const notes = [
                await demandFreshness(session, name, source, input.header.logicalTime),
                demandVolume(
                  name,
                  source,
                  judged.rows,
                  await pastRows(lake.store, pipeline.name, name, source, { signal }),
                ),
              ];
              const table = await putTable(
                lake,
                session,
                { select: judged.good },
                { ...into, orderBy: [...source.sort, '_row'], keyed: true },
              );
              const quarantine = judged.failed > 0 && {
                quarantine: await putTable(
                  lake,
                  session,
                  { select: judged.aside },
                  { prefix: prefixOf(pipeline.name, 'quarantine'), orderBy: ['row'], keyed: true, signal },
                ),
              };
              return {
                tables: { [name]: table },
                artifacts: {},
                rowsIn: judged.rows,
                rowsOut: table.rows,
                ...quarantine,
                facts: {
                  ...prefixed('rule', judged.counts),
                  ...prefixed('warn', judged.warnings),
                  ...(stale > 0 && { overlay_stale: stale }),
                  ...Object.assign({}, ...notes),
                },
              };
            },
            { signal, ...(overlay && { overlay }) },
          ),
        );
      },
      { signal, step: input.step.id },
    );
  }),
});

const prefixed = (kind: string, counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([rule, count]) => [`${kind}:${rule}`, count]));
