import fc from 'fast-check';
import type { Polygon } from 'geojson';
import { describe, expect, test } from 'vitest';
import { stripVolatile } from '../../../activities/publish/html.js';
import { MAX_REPORT_BYTES, renderReport } from '../../../activities/publish/report.js';
import { type ReportData, reportData } from '../../../activities/publish/report-data.js';

const sha = 'ab'.repeat(32);

const sampleReport = (more: Partial<ReportData> = {}): ReportData => ({
  pipeline: { name: 'trees', title: 'Where trees should grow', description: 'Ranks streets.' },
  run: {
    id: '0199f8d2-run',
    logicalTime: '2026-11-21T06:00:00Z',
    startedAt: '2026-11-21T06:00:02Z',
    seconds: 47.3,
    trigger: 'operator',
    outcome: 'published',
  },
  sample: false,
  sources: [
    {
      name: 'streets',
      rows: 1200,
      good: 1190,
      bytes: 34567,
      sha256: sha,
      past: [{ logicalTime: '2026-11-20T06:00:00Z', rows: 1100, failed: 3 }],
      quarantine: [{ rule: 'unique street', rows: 10, example: { row: 7, reason: 'stands in row 3 already' } }],
    },
  ],
  metrics: {
    table: { champion: 'ridge', models: { ridge: { hit: 0.4 } }, baselines: { yesterday: { hit: 0.5 } } },
    judge: 'hit',
    better: { hit: 'higher' },
    evaluation: 'five folds',
    evaluations: [{ title: 'five folds', values: { ridge: 0.4, yesterday: 0.5 } }],
    lift: { rows: 'streets', gain: 'trees', curves: { ridge: [{ rows: 0, gain: 0 }, { rows: 1, gain: 1 }] } }, // biome-ignore format: a curve
  },
  map: {
    title: 'Trees by quarter',
    label: 'trees',
    projection: 'mercator',
    areas: [{ id: 'q', name: 'Quarter', value: 3 }],
    points: { label: 'best', items: [{ lon: 0.5, lat: 0.5, name: '1. Elm Street' }] },
  },
  tables: [
    {
      name: 'ranked',
      title: 'Ranked streets',
      rows: 1190,
      columns: [
        { name: 'rank', type: 'integer' },
        { name: 'street', type: 'text' },
        { name: 'score', type: 'number' },
      ],
      top: [
        [1, 'Elm', 12.3456],
        [2, null, 3.2],
      ],
    },
  ],
  outputs: [{ name: 'ranked.parquet', rows: 1190, bytes: 5000, sha256: sha }],
  stages: [{ name: 'ingest', seconds: 1.5, steps: 3, reused: 1, rowsIn: 1200, rowsOut: 1200 }],
  steps: [{ id: 'ingest/stations', what: 'content changed', seconds: 1.5, usual: 2.5 }],
  parameters: [{ name: 'cut', value: 183461 }],
  notes: ['Heights carry no date.'],
  ...more,
});

const quarter: Polygon = { type: 'Polygon', coordinates: [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]] }; // biome-ignore format: a ring
const shapes = { areas: new Map([['q', quarter]]) };

/** Puts a text in the place of every text that data or a definition may bring. */
const poisoned = (text: string): ReportData => {
  const replace = (value: unknown): unknown => {
    if (typeof value === 'string') return text;
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replace(one)]));
  };
  const data = sampleReport({ sample: true });
  const { metrics, map, tables, ...rest } = data;
  const values = { [text]: 0.5 };
  return {
    ...(replace(rest) as typeof rest),
    run: { ...(replace(data.run) as ReportData['run']), failure: { code: text, message: text } },
    metrics: {
      table: { champion: text, models: { [text]: values }, baselines: { [`${text} `]: values } },
      judge: text,
      better: { [text]: 'lower' },
      meanings: { [text]: text },
      evaluation: text,
      evaluations: [{ title: text, values }],
      lift: { rows: text, gain: text, mark: 0.1, curves: { [text]: metrics?.lift?.curves.ridge ?? [] } },
    },
    map: {
      title: text,
      label: text,
      projection: 'mercator',
      areas: [{ id: 'q', name: text, value: 1 }],
      points: { label: text, items: [{ lon: 0, lat: 0, name: text }] },
    },
    tables: tables.map((table) => ({
      ...table,
      name: text,
      title: text,
      columns: table.columns.map(({ type }) => ({ name: text, type })),
      top: [[1, text, 2]],
    })),
  };
};

describe('the page', () => {
  test('it stands alone: one file, nothing loaded, nothing run, styled only by its own sheet', () => {
    const page = renderReport(sampleReport(), shapes);
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain("default-src 'none'; style-src 'sha256-");
    expect(page).not.toMatch(
      /<script|<link|<img|<iframe|<object|<base|javascript:|@import|url\(|src=|https?:|\sstyle=|\son\w+=/i,
    );
    for (const [, href = ''] of page.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^#[a-z]+$/);
    for (const [, id = ''] of page.matchAll(/href="#([^"]*)"/g)) expect(page).toContain(`id="${id}"`);
  });

  test('every tag that is opened is closed, every id is unique, every drawing has a title and a description', () => {
    const page = renderReport(sampleReport({ sample: true }), shapes);
    const open: string[] = [];
    const void_ = new Set(['meta', '!doctype', 'br', 'hr']);
    for (const [whole, close = '', name = ''] of page
      .replace(/<style>[\s\S]*<\/style>/, '')
      .matchAll(/<(\/?)([!\w]+)[^>]*>/g)) {
      if (void_.has(name) || whole.endsWith('/>')) continue;
      if (close === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(page.match(/<svg/g)).toHaveLength(3);
    expect(
      page.match(
        /<svg[^>]* role="img" aria-labelledby="[\w-]+ [\w-]+">\s*<title id="[^"]*">[^<]+<\/title>\s*<desc id="[^"]*">[^<]+<\/desc>/g,
      ),
    ).toHaveLength(3);
    expect(page.match(/<table>\s*<caption>/g)?.length).toBe(page.match(/<table/g)?.length);
  });

  test('it says what was read, kept, put aside and made, and that a baseline wins', () => {
    const page = renderReport(sampleReport(), shapes);
    for (const text of [
      'Where trees should grow',
      '1,190',
      'unique street',
      'row 7:',
      'stands in row 3 already',
      '12.35',
      '3.20',
      'abababababab',
      '183461',
      '2026-11-21 06:00:00 UTC',
      'Heights carry no date.',
      'The first 2 of 1,190 rows',
      'loses to the baseline yesterday',
    ]) {
      expect(page).toContain(text);
    }
    expect(page).not.toContain('SAMPLE');
    expect(page).not.toMatch(/undefined|NaN|\[object/);
  });

  test('what was made from samples says so at the top and in the title', () => {
    const page = renderReport(sampleReport({ sample: true }));
    expect(page).toMatch(/<title>SAMPLE DATA · /);
    expect(page).toMatch(/<header><p class="banner" role="note"><strong>SAMPLE DATA<\/strong>/);
  });

  test('one bad row in a million is not rounded away', () => {
    const [source] = sampleReport().sources;
    if (source === undefined) throw new Error('the fixture has a source');
    expect(renderReport(sampleReport({ sources: [{ ...source, rows: 1_000_000, good: 999_999 }] }))).toContain(
      '99.99 % of rows read',
    );
  });

  test('quality is shown over time, and what earlier runs found makes no other report (S2.9)', () => {
    const [source] = sampleReport().sources;
    if (source === undefined) throw new Error('the fixture has a source');
    const page = renderReport(sampleReport());
    expect(page).toMatch(/Quality over time/);
    expect(page).toContain('10 of 1,200');
    expect(page).toContain('3 of 1,100 (2026-11-20 06:00:00 UTC)');
    const first = renderReport(sampleReport({ sources: [{ ...source, past: [] }] }));
    expect(stripVolatile(first)).toBe(stripVolatile(page));
  });

  test('a failed run has a page too, with its error', () => {
    const { run } = sampleReport();
    const failure = { code: 'GR-2104', message: 'a source breaks its contract: 40 % of rows' };
    const {
      metrics: _m,
      map: _p,
      ...rest
    } = sampleReport({ tables: [], outputs: [], run: { ...run, outcome: 'failed', failure } });
    const page = renderReport(rest);
    expect(page).toContain('<strong>GR-2104</strong> a source breaks its contract');
    expect(page).not.toContain('id="model"');
  });

  test('markup in any text of the data or definition is shown, never obeyed', () => {
    for (const attack of [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "'`</style></title></svg><b>",
      '</span><i data-volatile>',
      '{{x}}$&$1',
      '\u202e\u0000\ud800',
    ]) {
      const page = renderReport(poisoned(attack), shapes);
      const harmless = renderReport(poisoned('harmless'), shapes);
      const tags = (text: string): string[] =>
        (text.match(/<[^>]*>/g) ?? []).map((tag) => tag.replace(/"[^"]*"/g, '""'));
      expect(tags(page)).toEqual(tags(harmless));
    }
  });

  test('any text is shown as text', () => {
    const tags = (text: string): number => text.match(/</g)?.length ?? 0;
    const expected = tags(renderReport(poisoned('harmless'), shapes));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (text) => {
        // A name of an object's prototype is no name of a model.
        fc.pre(text.trim() !== '' && text !== '__proto__');
        expect(tags(renderReport(poisoned(text), shapes))).toBe(expected);
      }),
      { numRuns: 50 },
    );
  });
});

describe('its volatile parts', () => {
  test('two runs over equal data give pages that are equal once run id, times and durations are taken out', () => {
    const first = sampleReport();
    const second = sampleReport({
      run: { ...first.run, id: 'another <run>', startedAt: '2027-01-01T00:00:00Z', seconds: 3600 },
      stages: first.stages.map((stage) => ({ ...stage, seconds: 99, reused: 0 })),
      steps: first.steps.map((step) => ({ ...step, what: 'reused', seconds: null, usual: 99 })),
    });
    expect(renderReport(first, shapes)).not.toBe(renderReport(second, shapes));
    expect(stripVolatile(renderReport(first, shapes))).toBe(stripVolatile(renderReport(second, shapes)));
  });

  test('exactly the fields that the schema marks volatile are taken out', () => {
    const page = stripVolatile(renderReport(sampleReport()));
    for (const gone of ['0199f8d2-run', '06:00:02', '47.3', '1.50']) expect(page).not.toContain(gone);
    const changed = sampleReport({ outputs: [{ name: 'ranked.parquet', rows: 1191, bytes: 5000, sha256: sha }] });
    expect(stripVolatile(renderReport(changed))).not.toBe(page);
  });

  test('equal data gives equal bytes, also after a round trip through JSON and its schema', () => {
    const data = sampleReport();
    const read = reportData.parse(JSON.parse(JSON.stringify(data)));
    expect(renderReport(read as ReportData, shapes)).toBe(renderReport(data, shapes));
  });
});

describe('its size', () => {
  test('it stays under 1.5 MB whatever it is given: ten thousand of everything, with long names', () => {
    const many = <T>(make: (i: number) => T): T[] => Array.from({ length: 10_000 }, (_, i) => make(i));
    const long = (i: number): string => `${i} ${'"<é漢&>"'.repeat(400)}`;
    const [source, table] = [sampleReport().sources[0], sampleReport().tables[0]];
    if (source === undefined || table === undefined) throw new Error('the fixture has a source and a table');
    const columns = Array.from({ length: 300 }, (_, i) => ({ name: long(i), type: 'text' as const }));
    const page = renderReport({
      ...poisoned(long(0)),
      sources: many((i) => ({
        ...source,
        name: long(i),
        quarantine: [{ rule: long(i), rows: i, example: { row: i, reason: long(i) } }],
      })),
      tables: Array.from({ length: 50 }, (_, i) => ({
        ...table,
        name: long(i),
        columns,
        top: Array.from({ length: 30 }, () => columns.map(({ name }) => name)),
      })),
      outputs: many((i) => ({ name: long(i), rows: i, bytes: i, sha256: sha })),
      steps: many((i) => ({ id: long(i), what: long(i), seconds: i, usual: i })),
      stages: many((i) => ({ name: long(i), seconds: i, steps: i, reused: i, rowsIn: i, rowsOut: i })),
      parameters: many((i) => ({ name: long(i), value: long(i) })),
      notes: many(long),
    });
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(MAX_REPORT_BYTES);
    expect(page).toMatch(/and 9,9\d\d more/);
  }, 30_000);

  test('what is left out is counted', () => {
    const outputs = Array.from({ length: 100 }, (_, i) => ({ name: `file${i}`, rows: 1, bytes: 1, sha256: sha }));
    expect(renderReport(sampleReport({ outputs }))).toContain('and 40 more');
  });
});
