import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type CardData, renderCard } from '../../../activities/train/card.js';

const card: CardData = {
  pipeline: 'wells',
  title: 'Where wells <come> next',
  description: 'Ranks parishes\nby expected wells.',
  sample: true,
  version: '14',
  logicalTime: '2026-11-20T06:00:00Z',
  model: {
    learner: 'ridge',
    scale: 'count',
    params: { alpha: 1 },
    sha256: 'cd'.repeat(32),
    target: 'new_wells',
    features: [
      { name: 'depth', importance: 0.12345678 },
      { name: 'rain|fall', importance: 3 },
    ],
    unused: ['depth is missing'],
  },
  intendedUse: 'Ranking parishes.',
  limits: ['It repeats habits.'],
  data: {
    trainingTableSha256: 'ab'.repeat(32),
    rows: 74133,
    sources: [{ name: 'wells', title: 'Wells (2022)', sha256: 'ef'.repeat(32), rows: 50270 }],
  },
  metrics: {
    champion: 'ridge',
    models: { ridge: { top: 0.48563834347937923, any: null }, ridge_backtest: { top: 0.4 } },
    baselines: { nearby: { top: 0.47 } },
  },
  evaluations: [
    { suffix: '', title: 'Five folds' },
    { suffix: 'backtest', title: 'Earlier cut-off' },
  ],
  verdict: 'ridge is at least as good as every baseline.',
  slices: [{ title: 'By kind', parts: [{ label: 'urban', rows: 1200, metrics: { top: 0.5 } }] }],
  parity: 1.25e-15,
};

describe('the model card', () => {
  const text = renderCard(card);
  const [, front, body] = text.split(/^---$/m) as [string, string, string];

  it('begins with front matter that model hubs read', () => {
    expect(parse(front)).toEqual({
      library_name: 'onnx',
      pipeline_tag: 'tabular-regression',
      tags: ['georefresh', 'wells', 'ridge', 'sample-data'],
      'model-index': [
        {
          name: 'wells',
          results: [
            {
              task: { type: 'tabular-regression' },
              dataset: { name: 'wells', type: 'wells' },
              metrics: [{ type: 'top', value: 0.48563834347937923 }],
            },
          ],
        },
      ],
    });
  });

  it('has the sections of a model card, with its figures beside the baselines', () => {
    const headings = body.split('\n').filter((line) => line.startsWith('#'));
    expect(headings).toEqual([
      '# Where wells &lt;come> next',
      '## Intended use',
      '## Limits',
      '## Training data',
      '## Metrics',
      '### By kind',
      '## Features',
    ]);
    expect(body).toContain('> **Sample data.**');
    expect(body).toContain('| **ridge** | undefined | 0.4856 |');
    expect(body).toContain('| nearby |  | 0.47 |');
    expect(body).toContain('| urban | 1,200 | 0.5 |');
    expect(body).toContain('- No ending: Five folds\n- `_backtest`: Earlier cut-off');
    expect(body).toContain('1.25e-15 deviations');
  });

  it('keeps hostile names inside their cells, features in order of importance', () => {
    expect(body.indexOf('`rain\\|fall`')).toBeLessThan(body.indexOf('| `depth` | 0.1235 |'));
    expect(body).toContain('Ranks parishes by expected wells.');
  });

  it('says so where there is nothing to say', () => {
    const bare = renderCard({
      ...card,
      sample: false,
      limits: [],
      slices: [],
      model: { ...card.model, unused: [], scale: 'probability' },
    });
    expect(bare).toContain('None were written down.');
    expect(bare).toContain('tabular-classification');
    expect(bare).not.toContain('Sample data');
    expect(bare).not.toContain('\n\n\n');
  });
});
