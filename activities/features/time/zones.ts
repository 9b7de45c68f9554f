/** Milliseconds of a day. */
export const DAY = 86_400_000;

/** How far the clocks of a zone are ahead of UTC, in milliseconds, between two instants. */
export interface ZoneOffsets {
  /** Instants, ascending, from each of which on the offset beside it holds; the first is −∞. */
  from: Float64Array;
  offset: Float64Array;
}

/** Instants beyond these have no date. */
const FIRST = -8.64e15;

/**
 * The offsets of a zone over a range of instants. Clocks are asked once a day and, where two days differ, by halving the time
 * between them to the second; no zone has changed its clocks twice within a day and back.
 */
export function zoneOffsets(zone: string, first: number, last: number): ZoneOffsets {
  const asked = clockOf(zone);
  const from = [Number.NEGATIVE_INFINITY];
  const offset = [asked(first)];
  for (let day = first; day < last; day += DAY) {
    let low = day;
    let high = Math.min(day + DAY, last);
    const before = offset[offset.length - 1];
    const after = asked(high);
    if (after === before) continue;
    while (high - low > 1000) {
      const half = Math.floor((low + high) / 2000) * 1000;
      if (half <= low) break;
      if (asked(half) === before) low = half;
      else high = half;
    }
    from.push(Math.floor(high / 1000) * 1000);
    offset.push(after);
  }
  return { from: Float64Array.from(from), offset: Float64Array.from(offset) };
}

/** Answers how far a zone is ahead of UTC at an instant. */
function clockOf(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (instant) => {
    if (instant < FIRST || instant > -FIRST) return 0;
    const parts: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(instant)) parts[type] = value;
    const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
    const local = new Date(0);
    local.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
    local.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
    return local.getTime() - Math.floor(instant / 1000) * 1000;
  };
}
