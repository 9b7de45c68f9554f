import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Random } from '../../config/samples.js';

/** A pipeline with every builder, small enough for a test: shops, the blocks they are in, and regions round them. */
export interface SmallPipeline {
  name: string;
  /** Folder with the pipeline's folder, for `pipelines` of the settings. */
  pipelines: string;
  /** Folder to pass as inputs. */
  inputs: string;
}

export interface SmallOptions {
  /** Gives each source, table, column, parameter and cut-off its name. */
  naming?: (name: string) => string;
  name?: string;
  /** Files in the place of the generated ones, or beside them. */
  files?: Record<string, string | Uint8Array>;
  /** Changes the definition before it is written. */
  change?: (definition: SmallDefinition) => void;
}

export type SmallDefinition = ReturnType<typeof definitionOf>;

const SHOPS = 400;
const BLOCKS = 240;

/** Seeded files: blocks on a grid over four square regions of one degree, shops about them, three of them elsewhere. */
export function smallFiles(): Record<string, string> {
  const random = new Random(7, 'shops');
  const blocks = Array.from({ length: BLOCKS }, (_, i) => {
    const [lon, lat] = [0.05 + (i % 16) * 0.125, 0.07 + Math.floor(i / 16) * 0.13];
    const level = ['low', 'high', ''][i % 3];
    return `b${String(i).padStart(4, '0')},${lon.toFixed(3)},${lat.toFixed(3)},${1e6 * (1 + (i % 5))},${level},${random.next().toFixed(4)}`;
  });
  const shops = Array.from({ length: SHOPS }, (_, i) => {
    const away = i % 150 === 149;
    const lon = away ? 9 : 2 * random.next() ** 2;
    return `${i + 1},${lon.toFixed(5)},${(2 * random.next()).toFixed(5)}`;
  });
  const square = (id: string, lon: number, lat: number) => ({
    type: 'Feature',
    id,
    properties: { mode: 'include' },
    geometry: {
      type: 'Polygon',
      coordinates: [
        [
          [lon, lat],
          [lon + 1, lat],
          [lon + 1, lat + 1],
          [lon, lat + 1],
          [lon, lat],
        ],
      ],
    },
  });
  const features = [square('sw', 0, 0), square('se', 1, 0), square('nw', 0, 1), square('ne', 1, 1)];
  return {
    'shops.csv': `ID,Longitude,Latitude\n${shops.join('\n')}\n`,
    'blocks.csv': `Block,x,y,Area,Level,Rent\n${blocks.join('\n')}\n`,
    'regions.geojson': JSON.stringify({ type: 'FeatureCollection', features }),
  };
}

function definitionOf(pipeline: string, n: (name: string) => string) {
  const known = `${n('id')} < $${n('cut')}`;
  const id = { from: 'ID', type: 'integer', required: true, unique: true };
  const degrees = (from: string) => ({ from, type: 'double', required: true });
  return {
    name: pipeline,
    title: 'Where shops open next',
    description: 'A pipeline for tests.',
    parameters: { [n('cut')]: 250 } as Record<string, unknown>,
    cutoffs: { [n('now')]: {}, [n('later')]: { [n('cut')]: 100_000 } } as Record<string, unknown>,
    sources: {
      [n('shops')]: {
        uri: 'shops.csv',
        format: 'csv',
        columns: { [n('id')]: id, lon: degrees('Longitude'), lat: degrees('Latitude') },
        sort: [n('id')],
      },
      [n('blocks')]: {
        uri: 'blocks.csv',
        format: 'csv',
        columns: {
          [n('block')]: { from: 'Block', type: 'text', required: true, unique: true, pattern: String.raw`b\d{4}` },
          lon: degrees('x'),
          lat: degrees('y'),
          [n('area')]: { from: 'Area', type: 'double', min: 0 },
          [n('level')]: { from: 'Level', type: 'integer', map: { low: 0, high: 1 } },
          [n('rent')]: { from: 'Rent', type: 'double' },
        },
        sort: [n('block')],
      },
      [n('regions')]: {
        uri: 'regions.geojson',
        format: 'geojson',
        columns: { [n('mode')]: { from: 'mode', type: 'text', required: true } },
        sort: ['id'],
      },
      [n('visits')]: {
        uri: 'visits.csv',
        format: 'csv',
        optional: true,
        columns: { [n('visit')]: { from: 'Visit', type: 'integer' }, lon: degrees('x'), lat: degrees('y') },
      },
    } as Record<string, Record<string, unknown>>,
    features: {
      [n('located')]: {
        from: n('shops'),
        key: [n('id')],
        steps: [
          {
            assign: {
              polygons: n('regions'),
              where: `${n('mode')} = 'include'`,
              as: n('region'),
              maxDistance: '1 km',
              unmatched: 'quarantine',
            },
          },
          {
            nearest: {
              to: n('context'),
              within: { [n('region')]: n('region') },
              take: { [n('near')]: n('block') },
              unmatched: 'quarantine',
            },
          },
        ],
      },
      [n('context')]: {
        from: n('blocks'),
        key: [n('block')],
        steps: [{ assign: { polygons: n('regions'), as: n('region') } }, { sql: 'context.sql' }],
      },
      [n('known')]: {
        from: n('context'),
        cutoffs: [n('now'), n('later')],
        key: [n('block')],
        steps: [
          { 'count-within': { of: n('located'), where: known, radii: { [n('close')]: '8 km', [n('far')]: '20 mi' } } },
          { nearest: { to: n('located'), where: known, distance: n('metres') } },
          {
            rollup: {
              of: n('located'),
              where: known,
              by: [n('near')],
              on: [n('block')],
              add: { [n('here')]: 'count()' },
              fill: 0,
            },
          },
          { derive: { [n('density')]: `${n('here')} / ${n('area')} * 1e6` } },
          {
            'buffer-share': {
              of: n('context'),
              radius: '5 mi',
              area: n('area'),
              mean: { [n('rents')]: n('rent') },
              count: n('discs'),
            },
          },
          {
            rollup: {
              of: n('located'),
              where: `${n('id')} >= $${n('cut')}`,
              by: [n('near')],
              on: [n('block')],
              add: { [n('opened')]: 'count()' },
              fill: 0,
            },
          },
        ],
      },
      [n('visited')]: {
        from: n('visits'),
        when: n('visits'),
        key: [n('visit')],
        steps: [{ derive: { [n('one')]: '1' } }],
      },
    } as Record<string, Record<string, unknown>>,
    train: {
      table: `${n('known')}@${n('now')}`,
      key: n('block'),
      target: n('opened'),
      features: [n('close'), n('far'), n('metres'), n('here'), n('density'), n('rents'), n('level')],
      candidates: { [n('line')]: { learner: 'ridge', alpha: 1 } },
      evaluations: {
        [n('folds')]: { on: `${n('known')}@${n('now')}`, folds: n('fold'), count: 3 },
        [n('again')]: { fit: `${n('known')}@${n('now')}`, score: `${n('known')}@${n('now')}` },
      },
      metrics: { [n('top')]: { capture: { share: 0.1 } }, [n('error')]: { mae: {} } },
      baselines: { [n('as_now')]: [n('here'), n('close')] },
      judge: { evaluation: n('folds'), metric: n('top') },
      card: { intendedUse: 'Tests.' },
    },
    score: {
      predict: { table: `${n('known')}@${n('later')}`, as: n('score'), min: 0 },
      tables: {
        [n('ranked')]: {
          from: `${n('known')}@${n('now')}`,
          uses: ['predictions', 'oof_predictions'],
          key: [n('block')],
          sort: [n('place')],
          steps: [{ sql: 'ranked.sql' }],
        },
        [n('by_region')]: {
          from: n('ranked'),
          key: [n('region')],
          steps: [
            { rollup: { by: [n('region')], add: { [n('score')]: `sum(${n('score')})`, [n('count')]: 'count()' } } },
          ],
        },
      } as Record<string, Record<string, unknown>>,
    },
    outputs: {
      [n('blocks_out')]: { table: n('ranked') },
      [n('regions_out')]: { table: n('by_region') },
      [n('best')]: { table: n('ranked'), where: `${n('place')} <= 10`, format: 'geojson', id: n('block') },
    } as Record<string, Record<string, unknown>>,
    report: {
      map: {
        polygons: n('regions'),
        output: n('regions_out'),
        id: n('region'),
        value: n('score'),
        label: 'expected',
        points: n('best'),
      },
    } as Record<string, unknown>,
  };
}

const sqlOf = (n: (name: string) => string): Record<string, string> => ({
  'context.sql': `select *, cast(substr(${n('block')}, 2) as integer) % 3 as ${n('fold')} from self`,
  'ranked.sql': `select s.${n('block')}, s.${n('region')}, s.lon, s.lat, s.${n('opened')}, p.${n('score')}, o.prediction as ${n('unseen')},
    row_number() over (order by p.${n('score')} desc, s.${n('block')}) as ${n('place')}
    from self s join predictions p on p.${n('block')} = s.${n('block')} join oof_predictions o on o.${n('block')} = s.${n('block')};`,
});

/** Writes the pipeline and its inputs below a folder. */
export async function writeSmallPipeline(folder: string, options: SmallOptions = {}): Promise<SmallPipeline> {
  const { naming: n = (name) => name, name = 'shops-next', files = {}, change } = options;
  const [pipelines, inputs] = [join(folder, 'pipelines'), join(folder, 'inputs')];
  const definition = definitionOf(name, n);
  change?.(definition);
  // JSON is YAML.
  await writeAll(join(pipelines, name), { 'pipeline.yaml': JSON.stringify(definition, null, 2), ...sqlOf(n) });
  await writeAll(inputs, { ...smallFiles(), ...files });
  return { name, pipelines, inputs };
}

async function writeAll(folder: string, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}
