import { growth, Random } from '../../../samples.js';
import { STATES } from './states.js';
import { asNumber, clamped, fixed, float, lines } from './text.js';
import type { Tract } from './tracts.js';
import type { World } from './world.js';

/** Puerto Rico has ids in the tables but no values, as in the real ones. */
const untold = ({ geoid }: Tract): boolean => geoid.startsWith('72');

/** Access to pharmacies: ids are quoted text with their zeros; 2 % of the tracts are not in it. */
export function accessFile({ tracts, seed }: World): string {
  const random = new Random(seed, 'tract-2019');
  const rows = ['"HEROP_ID","FIPS","RxMinDis","RxTmDr","RxCntDr","NoIntP"'];
  for (const { geoid, land, density, wealth, urbanity } of tracts) {
    const miles = (0.25 + 0.12 * Math.sqrt(land / 1e6)) * growth(0.6 * random.normal());
    const minutes = miles < 0.8 || random.chance(0.3) ? 0 : miles * random.between(1.2, 2.2);
    const count = Math.floor(12_000 * density * growth(0.7 * random.normal()));
    const offline = clamped(15 - 5 * wealth - 5 * urbanity + 4 * random.normal(), 0, 66);
    const drive = random.chance(0.001) ? '' : fixed(minutes, 2);
    const internet = random.chance(0.006) ? '' : fixed(offline, 2);
    if (random.chance(0.02)) continue;
    rows.push(`"140US${geoid}","${geoid}",${fixed(miles, 2)},${drive},${count},${internet}`);
  }
  return lines(rows);
}

/** Rural-urban commuting areas of 2010: ids lost their leading zero, some tracts are newer than the table. */
export function ruralityFile({ tracts, seed }: World): string {
  const random = new Random(seed, 'tract-ruca-2010');
  const rows = ['HEROP_ID,FIPS,Rurality,Ruca1,Ruca2'];
  const lowest = [1, 4, 7];
  const names = ['Urban', 'Suburban', 'Rural'];
  for (const tract of tracts) {
    const { geoid, rurality } = tract;
    const primary =
      (lowest[rurality] as number) + (random.chance(0.25) ? random.integer(1, rurality === 2 ? 3 : 2) : 0);
    const secondary = random.chance(0.15) ? primary + 0.1 : primary;
    const values =
      untold(tract) || tract.land === 0 ? ',,' : `${names[rurality]},${float(primary)},${float(secondary)}`;
    if (random.chance(0.0035)) continue;
    rows.push(`140US${geoid},${asNumber(geoid)},${values}`);
  }
  return lines(rows);
}

/** Indexes of social determinants of 2014: ids lost their leading zero, 3 % of the rows hold no value. */
export function socialFile({ tracts, seed }: World): string {
  const random = new Random(seed, 'tract-sdoh-2014');
  const rows = ['HEROP_ID,FIPS,LimMobInd,MicaInd,NeighbTyp,SocEcAdvIn,UrbCoreInd'];
  for (const tract of tracts) {
    const { geoid, wealth, urbanity } = tract;
    const indexes = [
      -0.8 * wealth + 1.4 * random.normal(),
      0.6 * wealth + (urbanity - 0.5) + random.normal(),
      clamped(Math.round(3 - 1.2 * wealth + 1.2 * random.normal()), 1, 7),
      2 * wealth + 0.8 * random.normal(),
      3 * (urbanity - 0.5) + 0.8 * random.normal(),
    ];
    const empty = untold(tract) || tract.land === 0 || random.chance(0.02);
    if (random.chance(0.0035)) continue;
    rows.push(
      `140US${geoid},${asNumber(geoid)},${empty ? ',,,,' : indexes.map((value) => float(Number(value.toFixed(2)))).join(',')}`,
    );
  }
  return lines(rows);
}

/** Eligibility for the 30C credit by the tracts of 2020: a sixth of the tracts were split since, so 73 % of its ids match. */
export function eligibilityFile({ atlas, tracts, seed }: World): string {
  const random = new Random(seed, '30c');
  const rows = ['tract_geoid,state,is_nonurban,is_low_income_community,is_eligible'];
  for (const tract of tracts) {
    const postal = STATES[atlas.counties[tract.county]?.state ?? 0]?.postal ?? '';
    const open = tract.rurality > 0 ? 1 : 0;
    const poor = tract.wealth + 0.3 * random.normal() < -0.25 ? 1 : 0;
    const kept = random.chance(0.845);
    // Halves of a split tract: suffixes from 10 on, which the sample's own tracts never bear.
    const stem = tract.geoid.slice(0, 9);
    const suffix = Number(tract.geoid.slice(9));
    for (const id of kept ? [tract.geoid] : [`${stem}${suffix + 10}`, `${stem}${suffix + 20}`]) {
      rows.push(`${id},${postal},${open},${poor},${open | poor}`);
    }
  }
  return lines(rows);
}
