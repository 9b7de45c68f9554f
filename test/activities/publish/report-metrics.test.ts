import { describe, expect, test } from 'vitest';
import type { ReportMetrics } from '../../../activities/publish/report-data.js';
import { contendersOf, renderMetrics, verdictOf } from '../../../activities/publish/report-metrics.js';

type Values = Record<string, number | null>;

const metricsOf = (
  models: Record<string, Values>,
  baselines: Record<string, Values>,
  more: Partial<ReportMetrics> = {},
): ReportMetrics => ({
  table: { champion: 'm', models, baselines },
  judge: 'hit',
  better: { hit: 'higher', loss: 'lower' },
  evaluation: 'five folds',
  evaluations: [],
  ...more,
});

describe('verdictOf', () => {
  test('a champion that beats every baseline is said to, with the margin over the best', () => {
    const verdict = verdictOf(metricsOf({ m: { hit: 0.5 } }, { a: { hit: 0.3 }, b: { hit: 0.4 } }));
    expect(verdict).toEqual({
      beaten: false,
      sentences: ['The champion m beats the best baseline, b: hit 0.5000 against 0.4000, 25.0\u00a0% higher.'],
    });
  });

  test('a champion that loses to a baseline, or is no better, is said to', () => {
    const lost = verdictOf(metricsOf({ m: { hit: 0.3 } }, { a: { hit: 0.31 } }));
    expect(lost.beaten).toBe(true);
    expect(lost.sentences[0]).toBe(
      'The champion m loses to the baseline a: hit 0.3000 against 0.3100. Ranking by the baseline would serve better.',
    );
    const equal = verdictOf(metricsOf({ m: { hit: 0.3 } }, { a: { hit: 0.3 } }));
    expect(equal.beaten).toBe(true);
    expect(equal.sentences[0]).toBe('The champion m is no better than the baseline a: both have hit 0.3000.');
  });

  test('each other metric and each other evaluation by which a baseline is better is named', () => {
    const { sentences } = verdictOf(
      metricsOf(
        { m: { hit: 0.5, loss: 2, other: 1 } },
        { a: { hit: 0.4, loss: 1, other: 0.5 } },
        {
          evaluations: [
            { title: 'five folds', values: { m: 0.5, a: 0.4 } },
            { title: 'later years', values: { m: 0.4, a: 0.45 } },
            { title: 'elsewhere', values: { m: 0.4, a: null } },
          ],
        },
      ),
    );
    expect(sentences.slice(1)).toEqual([
      'Measured by “later years” the baseline a is better: hit 0.4500 against 0.4000.',
      'By loss the baseline a is better: 1 against 2.',
    ]);
  });

  test('where lower is better, lower wins', () => {
    const better = { hit: 'lower' } as const;
    expect(verdictOf(metricsOf({ m: { hit: 3 } }, { a: { hit: 4 } }, { better })).beaten).toBe(false);
    expect(verdictOf(metricsOf({ m: { hit: 4 } }, { a: { hit: 3 } }, { better })).beaten).toBe(true);
  });

  test('metrics that are not defined and missing baselines are said, not compared', () => {
    expect(verdictOf(metricsOf({ m: { hit: null } }, { a: { hit: 1 } })).sentences[0]).toMatch(/not defined/);
    expect(verdictOf(metricsOf({ m: { hit: 1 } }, {})).sentences[0]).toMatch(/no baseline/);
    expect(verdictOf(metricsOf({}, {})).sentences[0]).toMatch(/not measured/);
  });
});

describe('renderMetrics', () => {
  test('the champion stands first, then models, then baselines, each best first', () => {
    const metrics = metricsOf(
      { z: { hit: 0.9 }, m: { hit: 0.5 }, y: { hit: null } },
      { a: { hit: 0.1 }, b: { hit: 0.2 } },
    );
    expect(contendersOf(metrics).map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'm champion',
      'z model',
      'y model',
      'b baseline',
      'a baseline',
    ]);
  });

  test('the judge is marked and the best of each column is bold, by its own direction', () => {
    const text = renderMetrics(
      metricsOf({ m: { hit: 0.5, loss: 2.5 }, n: { hit: 0.5, loss: null } }, { a: { hit: 0.4, loss: 1.5 } }),
    ).text;
    expect(text.match(/<strong>[^<]*<\/strong>/g)).toEqual([
      '<strong>0.5000</strong>',
      '<strong>0.5000</strong>',
      '<strong>1.500</strong>',
    ]);
    expect(text).toContain('hit <span class="judge">judge</span>');
    expect(text).toContain('<small>lower is better</small>');
  });

  test('curves and bars are drawn for the champion and the best few others, with a title and a description', () => {
    const values = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`n${i}`, { hit: i / 100 }]));
    const curve = [
      { rows: 0, gain: 0 },
      { rows: 0.2, gain: 0.6 },
      { rows: 1, gain: 1 },
    ];
    const { text } = renderMetrics(
      metricsOf(
        { ...values, m: { hit: 0.5 } },
        { a: { hit: -0.1 } },
        {
          lift: { rows: 'rows', gain: 'things', mark: 0.1, curves: { m: curve, a: curve, n39: curve, n0: curve } },
          evaluations: [{ title: 'five folds', values: { m: 0.5, a: -0.1 } }],
        },
      ),
    );
    expect(text.match(/<path class="[^"]*" d="M[^"]+"/g)).toHaveLength(3);
    // Between (0, 0) and (0.2, 0.6) the curve stands at 0.3, three times what chance would find.
    expect(text).toContain('30\u00a0%\u20023.0\u00a0×');
    expect(text).toMatch(/<title id="lift-title">.*\n<desc id="lift-desc">/);
    expect(text).toMatch(/<title id="bars-title">.*\n<desc id="bars-desc">/);
    expect(text.match(/<rect class="[^"]*" x="(\d+\.\d)"/g)).toHaveLength(2);
    expect(text).not.toMatch(/width="-|NaN|undefined/);
  });

  test('what the champion leans on is listed by permutation and by gain, as far as there is room', () => {
    const features = Array.from({ length: 30 }, (_, i) => ({
      name: `f<${i}`,
      share: i / 435,
      loss: i === 0 ? null : 0.25,
    }));
    const { text } = renderMetrics(metricsOf({ m: { hit: 0.5 } }, {}, { importance: { rows: 9000, features } }));
    expect(text.match(/<th scope="row">f&lt;\d+/g)).toHaveLength(20);
    expect(text).toContain('loses when a feature');
    expect(text).toContain('<td class="num">0.2500</td><td class="num">0.2\u00a0%</td>');
    expect(text).toContain('10 more matter less');
  });
});
