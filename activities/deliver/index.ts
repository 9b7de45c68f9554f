import { loadPipeline } from '../../config/load.js';
import { noteDelivered } from '../../lake/delivered.js';
import { readPointer } from '../../lake/pointer.js';
import type { Deps } from '../deps.js';
import { reading, type StepContext } from '../durable.js';
import type { DeliverInput, DeliverSummary } from '../types.js';
import { addressOf, withDatabase } from './steps/connection.js';
import { replaceTables } from './steps/swap.js';
import { withTablesToDeliver } from './steps/tables.js';

export const createDeliverActivities = (deps: Pick<Deps, 'lake' | 'log' | 'settings'>) => ({
  /**
   * Brings what is published now to the database that outputs are to go to. Each attempt looks anew what that is, and
   * the database's own register says whether it is there: repeating it is harmless, and one that comes late finds that
   * nothing is left to do.
   */
  deliver: reading(deps, async (input: DeliverInput, context: StepContext): Promise<DeliverSummary> => {
    const { lake, settings } = deps;
    const { pipeline, anew = false } = input;
    const state = await readPointer(lake.store, pipeline, context);
    const { outputs } = (await loadPipeline(pipeline, settings)).pipeline;
    const blank: DeliverSummary = { pipeline, state: 'nothing', generation: null, there: null, tables: [] };
    if (state === undefined || Object.values(outputs).every(({ to }) => to === undefined)) return blank;
    const { pointer } = state;
    const address = addressOf(process.env);
    return withTablesToDeliver(lake, pointer, outputs, context.signal, async (tables, logicalTime) => {
      const { generation, nonce, run } = pointer;
      const { signal } = context;
      const done = await withDatabase(
        address,
        (database) =>
          replaceTables(database, { pipeline, generation, nonce, run, logicalTime }, tables, {
            anew,
            signal,
            progress: (sent) => context.progress({ done: sent, total: tables.length, unit: 'tables' }),
          }),
        signal,
      );
      const told = tables.map(({ output, table, rows }) => ({ output, table, rows }));
      if (done.state !== 'newer') {
        const at = new Date().toISOString();
        await noteDelivered(lake.store, { pipeline, generation, run, logicalTime, at, tables: told }, { signal });
      }
      return { pipeline, generation, ...done, tables: told };
    });
  }),
});
