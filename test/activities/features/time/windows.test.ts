import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orderSeries } from '../../../../activities/features/time/series.js';
import { type WindowSpec, windows } from '../../../../activities/features/time/windows.js';

const HOUR = 3_600_000;

interface Row {
  series: number;
  hour: number;
  value: number;
  key: number;
}

/** Rows of up to three series in any order: hours with gaps, values that are unobserved now and then, keys that are none. */
const rowsOf = (value: fc.Arbitrary<number>) =>
  fc
    .uniqueArray(
      fc.record({
        series: fc.integer({ min: 0, max: 2 }),
        hour: fc.integer({ min: -30, max: 60 }),
        value: fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.constant(Number.NaN) }),
        key: fc.integer({ min: -1, max: 2 }),
      }),
      { selector: ({ series, hour }) => `${series} ${hour}`, maxLength: 120 },
    )
    .map((rows): Row[] => rows);

const whole = fc.integer({ min: -1000, max: 1000 });
/** Values between which sums by subtraction would lose everything. */
const wild = fc.oneof(whole, fc.constantFrom(1e17, -1e17, 1e-9, 0, Number.POSITIVE_INFINITY));

const steps = fc.integer({ min: 1, max: 30 });
const specOf: fc.Arbitrary<WindowSpec> = fc.oneof(
  fc.record({ op: fc.constant('lag' as const), value: fc.constant(0), steps: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ op: fc.constant('diff' as const), value: fc.constant(0), steps, other: steps }),
  fc.record({
    op: fc.constantFrom(
      'mean' as const,
      'sum' as const,
      'std' as const,
      'min' as const,
      'max' as const,
      'count' as const,
    ),
    value: fc.constant(0),
    steps,
  }),
  fc.record({
    op: fc.constant('quantile' as const),
    value: fc.constant(0),
    steps,
    share: fc.constantFrom(0, 0.1, 0.5, 0.9, 1),
  }),
  fc.record({ op: fc.constant('expanding_mean' as const), value: fc.constant(0) }),
  fc.record({ op: fc.constant('expanding_mean' as const), value: fc.constant(0), key: fc.constant(0) }),
);

interface Options {
  offset: number;
  least?: number;
  /** Without it, rows are the steps. */
  every?: number;
}

function run(rows: Row[], specs: WindowSpec[], { offset, least, every = HOUR }: Options, parts = 1): Float64Array[] {
  const order = orderSeries({
    group: Int32Array.from(rows, ({ series }) => series),
    series: 3,
    time: Float64Array.from(rows, ({ hour }) => hour * HOUR),
    every,
  });
  const out = specs.map(() => new Float64Array(rows.length));
  const input = {
    order,
    values: [Float64Array.from(rows, ({ value }) => value)],
    keys: [Int32Array.from(rows, ({ key }) => key)],
    codes: [3],
    specs,
    offset,
    ...(least !== undefined && { least }),
    out,
  };
  for (let part = 0; part < parts; part++)
    windows({ ...input, from: Math.floor((3 * part) / parts), to: Math.floor((3 * (part + 1)) / parts) });
  return out;
}

/** The same, row by row, by looking at every other row. */
function naive(rows: Row[], spec: WindowSpec, { offset, least }: Options): number[] {
  return rows.map(({ series, hour, key }) => {
    const known = rows.filter((row) => row.series === series && !Number.isNaN(row.value));
    const at = (back: number): number => known.find((row) => row.hour === hour - back)?.value ?? Number.NaN;
    if (spec.op === 'lag') return at(spec.steps);
    if (spec.op === 'diff') return at(spec.steps) - at(spec.other);
    const before = known.filter((row) => row.hour <= hour - offset).sort((a, b) => a.hour - b.hour);
    if (spec.op === 'expanding_mean') {
      if (spec.key !== undefined && key < 0) return Number.NaN;
      return mean(before.filter((row) => spec.key === undefined || row.key === key).map(({ value }) => value));
    }
    const window = before.filter((row) => row.hour > hour - offset - spec.steps).map(({ value }) => value);
    if (window.length < (least ?? spec.steps)) return Number.NaN;
    return aggregate(spec.op, window, spec.share);
  });
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function aggregate(op: string, values: number[], share = 0): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = share * (values.length - 1);
  const low = sorted[Math.floor(rank)] ?? Number.NaN;
  switch (op) {
    case 'mean':
      return mean(values);
    case 'sum':
      return values.reduce((sum, value) => sum + value, 0);
    case 'std':
      return Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));
    case 'min':
      return sorted[0] ?? Number.NaN;
    case 'max':
      return sorted.at(-1) ?? Number.NaN;
    case 'count':
      return values.length;
    default:
      return Number.isInteger(rank) ? low : low + (rank % 1) * ((sorted[Math.ceil(rank)] ?? 0) - low);
  }
}

const options = fc.record(
  { offset: fc.integer({ min: 1, max: 5 }), least: fc.integer({ min: 1, max: 6 }) },
  { requiredKeys: ['offset'] },
);

const bytesOf = (values: Float64Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');

describe('windows over series', () => {
  test('equal a look at every row, at borders, in gaps and round unobserved values (S1.2, S1.3)', () => {
    fc.assert(
      fc.property(rowsOf(whole), fc.array(specOf, { minLength: 1, maxLength: 6 }), options, (rows, specs, how) => {
        const found = run(rows, specs, how);
        for (const [k, spec] of specs.entries())
          for (const [row, expected] of naive(rows, spec, how).entries()) {
            const value = found[k]?.[row] ?? 0;
            if (Number.isNaN(expected)) expect(value, `${spec.op} of row ${row}`).toBeNaN();
            else expect(value, `${spec.op} of row ${row}`).toBeCloseTo(expected, 8);
          }
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  test('keep small sums exact after great values have passed', () => {
    const rows = Array.from({ length: 40 }, (_, hour) => ({
      series: 0,
      hour,
      value: hour === 3 ? 1e17 : 0.25,
      key: 0,
    }));
    const [sums, means, deviations] = run(
      rows,
      [
        { op: 'sum', value: 0, steps: 4 },
        { op: 'mean', value: 0, steps: 5 },
        { op: 'std', value: 0, steps: 3 },
      ],
      { offset: 1 },
    ) as [Float64Array, Float64Array, Float64Array];
    expect(Array.from(sums.subarray(10)).every((sum) => sum === 1)).toBe(true);
    expect(Array.from(means.subarray(10)).every((one) => one === 0.25)).toBe(true);
    expect(Array.from(deviations.subarray(10)).every((one) => one === 0)).toBe(true);
  });

  test('no value moves by a bit when later rows, or its own, are changed, added or taken away (S1.3)', () => {
    const changed = fc.record({ cut: fc.integer({ min: -20, max: 50 }), rows: rowsOf(wild) });
    fc.assert(
      fc.property(
        rowsOf(wild),
        changed,
        fc.array(specOf, { minLength: 1, maxLength: 5 }),
        options,
        (rows, other, specs, how) => {
          const asked = specs.filter(({ op, ...spec }) => op !== 'lag' || ('steps' in spec && spec.steps > 0));
          const past = rows.filter(({ hour }) => hour < other.cut);
          const present = rows.filter(({ hour }) => hour === other.cut);
          const before = run([...past, ...present, ...rows.filter(({ hour }) => hour > other.cut)], asked, how);
          const now = present.map((row) => ({ ...row, value: row.value + 1 }));
          const after = run([...past, ...now, ...other.rows.filter(({ hour }) => hour > other.cut)], asked, how);
          const known = past.length + present.length;
          for (let k = 0; k < asked.length; k++)
            expect(bytesOf((after[k] as Float64Array).slice(0, known))).toBe(
              bytesOf((before[k] as Float64Array).slice(0, known)),
            );
        },
      ),
      { seed: 12, numRuns: 300 },
    );
  });

  test('are the same bytes in one part and in several', () => {
    fc.assert(
      fc.property(rowsOf(wild), fc.array(specOf, { minLength: 1, maxLength: 5 }), options, (rows, specs, how) => {
        expect(run(rows, specs, how, 3).map(bytesOf)).toEqual(run(rows, specs, how).map(bytesOf));
      }),
      { seed: 13, numRuns: 100 },
    );
  });

  test('without a length of a step, the rows of a series are its steps', () => {
    const order = orderSeries({
      group: Int32Array.from([0, 1, 0, 0]),
      series: 2,
      time: Float64Array.from([5, 0, 1, 9]),
    });
    const out = [new Float64Array(4)];
    windows({
      order,
      values: [Float64Array.from([1, 2, 3, 4])],
      keys: [],
      codes: [],
      specs: [{ op: 'lag', value: 0, steps: 1 }],
      offset: 1,
      out,
    });
    expect(Array.from(out[0] ?? [])).toEqual([3, Number.NaN, Number.NaN, 1]);
  });

  test('two rows of a series in one step, and a row without a time, are refused', () => {
    const twice = { group: Int32Array.from([0, 0]), series: 1, time: Float64Array.from([0, HOUR / 2]), every: HOUR };
    expect(() => orderSeries(twice)).toThrow(expect.objectContaining({ code: 'GR-2105' }));
    expect(() => orderSeries({ ...twice, time: Float64Array.from([0, Number.NaN]) })).toThrow(
      expect.objectContaining({ code: 'GR-1003' }),
    );
  });
});
