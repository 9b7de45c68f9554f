import { GeorefreshError } from '../../errors.js';
import type { SampleSource } from '../../samples.js';
import { type Atlas, atlasBytes, loadAtlas } from './sample/atlas.js';
import { accessFile, eligibilityFile, ruralityFile, socialFile } from './sample/context.js';
import { crosswalkFile } from './sample/crosswalk.js';
import { countyTableFile, fencesFile, sitesFile, stationsFile, tractsFile } from './sample/files.js';
import { makeWorld, type World } from './sample/world.js';

/** Each file as text made from the seed's world; the county shapes alone are real and the same for every seed. */
const FILES = new Map<string, (world: World) => string>([
  ['ev_sites/census_tracts_2019_tiger.csv', tractsFile],
  ['ev_sites/afdc_us_points_2022.csv', stationsFile],
  ['ev_sites/oeps_county_latest.csv', countyTableFile],
  ['ev_sites/cbsatocountycrosswalk.csv', crosswalkFile],
  ['ev_sites/oeps/tract-2019.csv', accessFile],
  ['ev_sites/oeps/tract-ruca-2010.csv', ruralityFile],
  ['ev_sites/oeps/tract-sdoh-2014.csv', socialFile],
  ['ev_sites/30c_eligibility_by_tract.csv', eligibilityFile],
  ['ev_sites/sites.csv', sitesFile],
  ['ev_sites/geofence.geojson', fencesFile],
]);
const SHAPES = 'ev_sites/us-atlas/counties-10m.json';
/** The published demo's: its numbers stand in the README, so a change of it changes them. */
const SEED = 20_220_401;

/** Worlds kept in memory, the latest used last: a refresh asks for eleven files of one seed. */
const KEPT = 2;
const worlds = new Map<number, World>();
let atlas: Atlas | undefined;

function worldOf(seed: number): World {
  atlas ??= loadAtlas();
  const world = worlds.get(seed) ?? makeWorld(atlas, seed);
  worlds.delete(seed);
  worlds.set(seed, world);
  for (const oldest of worlds.keys()) {
    if (worlds.size <= KEPT) break;
    worlds.delete(oldest);
  }
  return world;
}

/**
 * The demo's inputs: a synthetic country on the real county shapes of npm's us-atlas (US Census, ISC). About 5,000 tracts
 * cluster around invented cities; 4,000 stations register one after another where people are many, well off and not yet
 * served, so that what exists foretells what comes; 200 sites and two fences are a customer's. Names, headers and dirt are
 * those of the real files. An unknown path throws GR-2001.
 */
export const sample: SampleSource = {
  seed: SEED,
  files: [...FILES.keys(), SHAPES].sort(),
  generate(path, seed = SEED) {
    if (path === SHAPES) return new Uint8Array(atlasBytes());
    const write = FILES.get(path);
    if (write === undefined) {
      throw new GeorefreshError('GR-2001', `${path} is not among the sample's files`, { where: [{ file: path }] });
    }
    return new TextEncoder().encode(write(worldOf(seed)));
  },
};
