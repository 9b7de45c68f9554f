import Holidays from 'date-holidays';
import { GeorefreshError } from '../../../config/errors.js';
import { DAY } from './zones.js';

/**
 * Public holidays of a country, or of a part of one (`US-CA`, `DE-BY-A`), as days since 1 January 1970 on the calendar there,
 * from one year to another. Throws GR-1003 where the library does not know the place.
 */
export function publicHolidays(place: string, firstYear: number, lastYear: number): Set<number> {
  const [country = '', state, region] = place.split('-');
  const holidays = new Holidays();
  // The library takes a place that it does not know for one without holidays.
  const known =
    country in (holidays.getCountries() ?? {}) &&
    (state === undefined || state in (holidays.getStates(country) ?? {})) &&
    (state === undefined || region === undefined || region in (holidays.getRegions(country, state) ?? {}));
  if (!known) throw new GeorefreshError('GR-1003', `no public holidays are known of ${place}`);
  holidays.init(country, state, region);
  const days = new Set<number>();
  for (let year = firstYear; year <= lastYear; year++)
    for (const { type, date, start, end } of holidays.getHolidays(year)) {
      if (type !== 'public') continue;
      // The date is the local one; how long it lasts, some until the next noon, shows between start and end.
      const first = Date.parse(`${date.slice(0, 10)}T00:00:00Z`) / DAY;
      const length = Math.max(1, Math.round((end.getTime() - start.getTime()) / DAY));
      for (let day = 0; day < length; day++) days.add(first + day);
    }
  return days;
}
