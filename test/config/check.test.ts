import { describe, expect, test } from 'vitest';
import { loadPipeline } from '../../config/load.js';
import { evSitesText, failureOf, faultsOf, pipelineFolder } from './support.js';

const faultsAfter = async (...edits: [from: string, to: string][]): Promise<string[]> => {
  let text = evSitesText;
  for (const [from, to] of edits) {
    expect(text).toContain(from);
    text = text.replace(from, () => to);
  }
  return faultsOf(await failureOf(() => loadPipeline(pipelineFolder(text)))).map((fault) => fault.replace(/^\d+ /, ''));
};

describe('names of a definition', () => {
  test.each<[title: string, from: string, to: string, expected: string]>([
    [
      'an unknown table is told with the nearest one',
      'polygons: county_shapes, as: county, maxDistance: 5 km',
      'polygons: county_shape, as: county, maxDistance: 5 km',
      'no source or table `county_shape`; meant `county_shapes`?',
    ],
    [
      'a table of several cut-offs must be named with one',
      '      - buffer-share:\n          of: tract_features@score',
      '      - buffer-share:\n          of: tract_features',
      'table `tract_features` is built by cutoffs; name one of tract_features@train, tract_features@score, tract_features@backtest',
    ],
    [
      'a table without cut-offs must not',
      'of: tracts, radii',
      'of: tracts@train, radii',
      'table `tracts` is not built by cutoffs; name it without @train',
    ],
    [
      'a cut-off that a table is not built for is told',
      'fit: tract_features@backtest',
      'fit: tract_features@back',
      'table `tract_features` is not built for `back`; it is for tract_features@train, tract_features@score, tract_features@backtest',
    ],
    [
      'features cannot read what scoring makes',
      '    from: sites\n    when: sites\n    key: [site_id]\n    steps:\n      - buffer-share:',
      '    from: sites\n    uses: [predictions]\n    when: sites\n    key: [site_id]\n    steps:\n      - buffer-share:',
      'table `predictions` is made by score, which comes later',
    ],
    [
      'an unknown cut-off is told',
      'cutoffs: [train, score, backtest]',
      'cutoffs: [train, score, backtest, sore]',
      'no cutoff `sore`; meant `score`?',
    ],
    [
      'a cut-off sets known parameters only',
      'score: { cut: 999999999 }',
      'score: { cuts: 999999999 }',
      'no parameter `cuts`; meant `cut`?',
    ],
    [
      'a cut-off keeps the type of a parameter',
      'score: { cut: 999999999 }',
      'score: { cut: all }',
      'parameter `cut` is a number, this a string',
    ],
    [
      'a parameter of an expression must exist',
      'where: id >= $cut and id <= $until',
      'where: id >= $cut and id <= $untill',
      'no parameter `$untill`; meant `until`?',
    ],
    ['a parameter of an output must exist', 'where: rank <= 100', 'where: rank <= $top', 'no parameter `$top`'],
    [
      '`when` names an optional source',
      'uses: [fences]\n      when: sites',
      'uses: [fences]\n      when: tracts',
      'source `tracts` is not optional, so the table is always built',
    ],
    [
      'only rows of a source can be quarantined',
      '    from: stations\n    key: [id]',
      '    from: tract_context\n    key: [id]',
      'only rows of a source can be quarantined, and `from` names none',
    ],
    [
      'the polygons of assign come from a source of polygons',
      "assign: { polygons: fences, where: mode = 'exclude'",
      "assign: { polygons: cbsa, where: mode = 'exclude'",
      'source `cbsa` has no polygons, it is csv',
    ],
    [
      'the sort of a source names its columns',
      '    sort: [geoid]\n  county_shapes',
      '    sort: [geoidd]\n  county_shapes',
      'no column `geoidd`; meant `geoid`?',
    ],
    [
      'a key names a column once',
      'key: [county]\n      sort',
      'key: [county, county]\n      sort',
      '`county` is named twice',
    ],
    [
      'a rollup joins by as many columns as it groups',
      'by: [tract], on: [geoid], add: { existing_tract',
      'by: [tract], on: [geoid, county], add: { existing_tract',
      'expected as many columns as `by` has: 1; found 2',
    ],
    [
      'the judge is a known evaluation',
      'evaluation: county_folds',
      'evaluation: county_fold',
      'no evaluation `county_fold`; meant `county_folds`?',
    ],
    [
      'the judge has folds',
      'evaluation: county_folds',
      'evaluation: backtest',
      'evaluation `backtest` has no folds; the judge needs out-of-fold rows',
    ],
    ['the judge has a known metric', 'metric: capture_10pct', 'metric: capture', 'no metric `capture`'],
    [
      'the target is no feature',
      '    - existing_county_per_tract\n  candidates',
      '    - new_stations\n  candidates',
      '`new_stations` is the target, not a feature',
    ],
    [
      'a geojson output needs an id',
      '    format: geojson\n    id: geoid\n',
      '    format: geojson\n',
      "a geojson output needs `id`, the column of its features' ids",
    ],
    [
      'outputs are one name on some disks when they differ in case only',
      '  msas:\n    table',
      '  Counties:\n    table',
      '`Counties` and `counties` are one name to SQL and on some disks',
    ],
    [
      'an output cannot take the name of a file of the snapshot',
      '  msas:\n    table',
      '  quarantine:\n    table',
      '`quarantine` is a file that every snapshot has',
    ],
    [
      'a dropped column cannot be shown',
      'show: [rank, geoid,',
      'show: [rank, lat,',
      '`lat` is dropped, so it cannot be shown',
    ],
    ['the map shows a known output', 'output: counties', 'output: county', 'no output `county`'],
    [
      'the points of the map are geojson',
      'points: top100',
      'points: tracts',
      'output `tracts` is not of format geojson',
    ],
    [
      'a table of its own name is not another source',
      '  stations_located:\n',
      '  Stations:\n',
      '`Stations` and `stations` are one name to SQL and on some disks',
    ],
    [
      'a table without `from` begins with an sql',
      '    from: stations\n    key: [id]',
      '    key: [id]',
      'a table without `from` begins with an sql',
    ],
  ])('%s', async (_, from, to, expected) => {
    expect((await faultsAfter([from, to])).join('\n')).toContain(expected);
  });

  /** Edits of the table that ev-sites makes in partitions. */
  const STEP = '      - derive: { existing_county_per_tract: existing_county / tracts_county }\n';
  test.each<[title: string, from: string, to: string, expected: string]>([
    [
      'no table to begin with',
      '    from: tract_context\n    cutoffs: [train, score, backtest]\n',
      '    cutoffs: [train, score, backtest]\n',
      'a table without `from` has no rows to divide',
    ],
    [
      'a step of sql',
      STEP,
      `${STEP}      - sql: tract_context.sql\n`,
      'sql of a table made in partitions stands with derive alone',
    ],
    [
      'a rollup that makes other rows',
      STEP,
      `${STEP}      - rollup: { of: stations_located, by: [tract], add: { n: count() } }\n`,
      'a rollup without `on` makes other rows, so the table cannot be made in partitions',
    ],
    [
      'a rollup of the table itself',
      STEP,
      `${STEP}      - rollup: { by: [county], on: [county], add: { n: count() } }\n`,
      'groups of the table itself may cross partitions; name another table with `of`',
    ],
    [
      'rows that are put aside',
      'where: id < $cut, distance: nearest_existing_m }',
      'where: id < $cut, distance: nearest_existing_m, unmatched: quarantine }',
      'a table made in partitions keeps all its rows, none can be quarantined',
    ],
    [
      'a rollup joined by a column that a step before it made',
      STEP,
      `${STEP}      - rollup: { of: stations_located, by: [tract], on: [existing_tract], add: { n: count() } }\n`,
      '`existing_tract` is no column of `tract_context`; partitions are told apart before any step',
    ],
    [
      'a nearest point within a column that a step before it made',
      STEP,
      `${STEP}      - nearest: { to: stations_located, within: { existing_tract: id }, distance: d }\n`,
      '`existing_tract` is no column of `tract_context`; partitions are told apart before any step',
    ],
    [
      'a step that makes the partitions anew',
      STEP,
      `${STEP}      - derive: { state: county }\n`,
      '`state` is a column of `tract_context`; a table made in partitions only gets further ones',
    ],
    [
      'a column that the source does not have',
      '    from: sites\n    when: sites\n    key: [site_id]\n    steps:\n      - buffer-share:',
      '    from: sites\n    when: sites\n    partition: land\n    key: [site_id]\n    steps:\n      - buffer-share:',
      'no column `land`',
    ],
    [
      'a month of what is no time',
      '    from: sites\n    when: sites\n    key: [site_id]\n    steps:\n      - buffer-share:',
      '    from: sites\n    when: sites\n    partition: [site_id, month(site_id)]\n    key: [site_id]\n    steps:\n      - buffer-share:',
      'column `site_id` is of type text, not a time',
    ],
    [
      'a stretch that the calendar does not know',
      '    from: sites\n    when: sites\n    key: [site_id]\n    steps:\n      - buffer-share:',
      '    from: sites\n    when: sites\n    partition: decade(site_id)\n    key: [site_id]\n    steps:\n      - buffer-share:',
      'expected a column, or day, month or year of one',
    ],
  ])('a table cannot be made in partitions with %s (S0.12)', async (_, from, to, expected) => {
    const found = (await faultsAfter([from, to])).filter((fault) => fault.includes(expected));
    expect(found).toHaveLength(1);
  });

  test('a fault of a partition is told with its line', async () => {
    const text = evSitesText.replace(STEP, `${STEP}      - sql: tract_context.sql\n`);
    const line = text.slice(0, text.indexOf('- sql: tract_context.sql', text.indexOf(STEP))).split('\n').length;
    expect(faultsOf(await failureOf(() => loadPipeline(pipelineFolder(text))))).toEqual([
      `${line} sql of a table made in partitions stands with derive alone`,
    ]);
  });

  test('tables that turn in a circle are named along it', async () => {
    const found = await faultsAfter([
      'uses: [cbsa, county_attributes,',
      'uses: [stations_located, cbsa, county_attributes,',
    ]);
    expect(found).toEqual(['tables turn in a circle: stations_located → tract_context → stations_located']);
  });

  test('a table that reads one left out without its source must be left out too', async () => {
    const found = await faultsAfter([
      'from: ranked_counties\n      uses: [cbsa]',
      'from: ranked_counties\n      uses: [cbsa, ranked_sites]',
    ]);
    expect(found).toEqual([
      'table `ranked_sites` is left out without source `sites`; this one needs `when: sites` as well',
    ]);
  });

  test('several faults of names come at once', async () => {
    const found = await faultsAfter(
      ['metric: capture_10pct', 'metric: x'],
      ['points: top100', 'points: y'],
      ['train: {}\n', 'train: { z: 1 }\n'],
    );
    expect(found).toHaveLength(3);
  });
});
