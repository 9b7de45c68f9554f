import type { Atlas } from './atlas.js';
import { type Country, settle } from './country.js';
import type { LonLat } from './geometry.js';
import { proposeSites, registerStations, type Station } from './stations.js';
import { drawTracts, type Tract } from './tracts.js';

/** Everything that the files of one seed tell of. */
export interface World {
  seed: number;
  atlas: Atlas;
  country: Country;
  tracts: Tract[];
  stations: Station[];
  sites: LonLat[];
}

export function makeWorld(atlas: Atlas, seed: number): World {
  const country = settle(atlas, seed);
  const tracts = drawTracts(atlas, country, seed);
  const stations = registerStations(atlas, tracts, seed);
  return { seed, atlas, country, tracts, stations, sites: proposeSites(atlas, tracts, seed) };
}
