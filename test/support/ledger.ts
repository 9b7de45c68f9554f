export const LEDGER = 'ledger';

/** A pipeline without a model: series of numbers, and the total of each; the rows of a series are a partition. */
export const ledgerDefinition = (retention: { snapshots: number; days: number; resultDays?: number }) => ({
  name: LEDGER,
  title: 'A ledger',
  description: 'A pipeline for tests: series of numbers, and the total of each.',
  sources: {
    entries: {
      uri: 'entries.csv',
      format: 'csv',
      columns: {
        id: { from: 'Id', type: 'integer', required: true, unique: true },
        series: { from: 'Series', type: 'text', required: true },
        amount: { from: 'Amount', type: 'integer', required: true },
      },
      sort: ['id'],
    },
  },
  features: {
    booked: { from: 'entries', key: ['id'], partition: 'series', steps: [{ derive: { doubled: 'amount * 2' } }] },
    totals: {
      from: 'booked',
      key: ['series'],
      steps: [{ rollup: { by: ['series'], add: { total: 'sum(amount)' } } }],
    },
  },
  outputs: { booked: { table: 'booked' }, totals: { table: 'totals' } },
  retention,
});
