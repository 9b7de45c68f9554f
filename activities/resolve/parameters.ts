import type { Parameters } from '../../lake/parameters.js';
import type { SortOrder } from '../../lake/sql.js';
import type { FrozenDefinition } from './frozen.js';
import type { TableTask } from './plan.js';

/** Parameters of a table: the definition's, and in their place those of its cut-off. */
export const parametersOf = ({ pipeline }: FrozenDefinition, { cutoff }: Pick<TableTask, 'cutoff'>): Parameters => ({
  ...pipeline.parameters,
  ...(cutoff !== undefined && pipeline.cutoffs[cutoff]),
});

/** The order that a definition declares: `column`, or `column desc`. */
export const sortOrder = (sort: readonly string[]): SortOrder =>
  sort.map((entry) => {
    const [column, direction] = entry.split(' ');
    return { column, descending: direction === 'desc' };
  });
