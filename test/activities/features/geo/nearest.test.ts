import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildBallTree } from '../../../../activities/features/geo/ball-tree.js';
import { greatCircle } from '../../../../activities/features/geo/distance.js';
import { emptyNearest, nearest } from '../../../../activities/features/geo/nearest.js';
import { awkwardPoints, type Points, pointsOf, randomPoints, seeded } from './points.js';

interface Groups {
  group?: Int32Array;
  ofGroup?: Int32Array;
}

/** The nearest points by a scan of all pairs. */
function scan(asked: Points, of: Points, { group, ofGroup }: Groups = {}) {
  const index: number[] = [];
  const distanceM: number[] = [];
  for (let i = 0; i < asked.lon.length; i++) {
    let best = -1;
    let least = Number.NaN;
    for (let j = 0; j < of.lon.length; j++) {
      if (group && ofGroup && (group[i]! < 0 || group[i] !== ofGroup[j])) continue;
      const metres = greatCircle(asked.lon[i]!, asked.lat[i]!, of.lon[j]!, of.lat[j]!);
      if (metres < least || (best < 0 && !Number.isNaN(metres))) {
        least = metres;
        best = j;
      }
    }
    index.push(best);
    distanceM.push(least);
  }
  return { index, distanceM };
}

function found(asked: Points, of: Points, more: Groups & { from?: number; to?: number } = {}) {
  const { index, distanceM } = nearest({ ...asked, ofLon: of.lon, ofLat: of.lat, ...more });
  return { index: [...index], distanceM: [...distanceM] };
}

describe('nearest', () => {
  test('equals a scan of all pairs on points that make trouble, ties to the lowest row', () => {
    fc.assert(
      fc.property(awkwardPoints(60), awkwardPoints(60), (asked, of) => {
        expect(found(asked, of)).toEqual(scan(asked, of));
      }),
      { numRuns: 300 },
    );
  });

  test('equals a scan within groups, some of them on one side only', () => {
    fc.assert(
      fc.property(awkwardPoints(60), awkwardPoints(60), fc.integer(), (asked, of, seed) => {
        const random = seeded(seed);
        const codes = [-1, 0, 1, 7, 2 ** 31 - 1];
        const some = ({ lon }: Points) => Int32Array.from(lon, () => codes[Math.floor(random() * codes.length)]!);
        const groups = { group: some(asked), ofGroup: some(of) };
        expect(found(asked, of, groups)).toEqual(scan(asked, of, groups));
      }),
      { numRuns: 200 },
    );
  });

  test('equals a scan on dense points and on points near the antipodes', () => {
    const of = randomPoints(2000, 1, [-75, 40, -73, 42]);
    expect(found(randomPoints(500, 2, [-75, 40, -73, 42]), of)).toEqual(
      scan(randomPoints(500, 2, [-75, 40, -73, 42]), of),
    );
    expect(found(randomPoints(500, 3, [105, -42, 107, -40]), of)).toEqual(
      scan(randomPoints(500, 3, [105, -42, 107, -40]), of),
    );
  });

  test('gives the same answers for a part of the rows and in another order', () => {
    const asked = randomPoints(400, 4);
    const of = randomPoints(300, 5);
    const whole = found(asked, of);
    const [head, tail] = [found(asked, of, { to: 150 }), found(asked, of, { from: 150 })];
    expect([...head.index, ...tail.index]).toEqual(whole.index);
    expect([...head.distanceM, ...tail.distanceM]).toEqual(whole.distanceM);
    const turned = found({ lon: asked.lon.toReversed(), lat: asked.lat.toReversed() }, of);
    expect(turned.index.reverse()).toEqual(whole.index);
  });

  test('gives the same answers where calls claim blocks in turn, from shared trees with groups', () => {
    const asked = randomPoints(9000, 6, [-80, 35, -70, 45]);
    const of = randomPoints(3000, 7, [-80, 35, -70, 45]);
    const group = Int32Array.from(asked.lon, (_, row) => +(row % 20 === 0));
    const ofGroup = Int32Array.from(of.lon, (_, row) => row % 2);
    const whole = found(asked, of, { group, ofGroup });
    const share = { next: new Int32Array(1), ...emptyNearest(9000) };
    const trees = { askedTree: buildBallTree({ ...asked, group }), ofTree: buildBallTree({ ...of, group: ofGroup }) };
    const input = { ...asked, ofLon: of.lon, ofLat: of.lat, group, ofGroup, ...trees, share };
    // The first call finds that another has claimed all after its first block; the second is that other.
    nearest(input, { onProgress: () => share.next.fill(1000) });
    expect([...share.index]).not.toEqual(whole.index);
    share.next.fill(1);
    nearest(input);
    expect({ index: [...share.index], distanceM: [...share.distanceM] }).toEqual(whole);
  });

  test('finds the lowest of many points at one place', () => {
    const of = pointsOf(Array.from({ length: 500 }, () => [10, 50] as const));
    expect(
      found(
        pointsOf([
          [11, 50],
          [10, 50],
        ]),
        of,
      ).index,
    ).toEqual([0, 0]);
  });

  test('finds nothing among no points', () => {
    expect(found(pointsOf([[1, 2]]), pointsOf([]))).toEqual({ index: [-1], distanceM: [Number.NaN] });
    expect(found(pointsOf([]), pointsOf([[1, 2]]))).toEqual({ index: [], distanceM: [] });
  });

  test('refuses groups on one side only', () => {
    const one = pointsOf([[1, 2]]);
    expect(() => found(one, one, { group: Int32Array.of(1) })).toThrow(expect.objectContaining({ code: 'GR-3009' }));
  });
});
