import fc from 'fast-check';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import type { Stage } from '../../../activities/types.js';
import { doneLine, drawRun, eventLine, secondsLeft, summaryLines } from '../../../client/cli/lines.js';
import { newView, observe, observeEnd, type RunView, standing } from '../../../client/cli/progress.js';
import type { RunningStep, RunProgress } from '../../../client/refreshes.js';

const plain = picocolors.createColors(false);
const RUN = '7f3c0000-0000-4000-8000-000000000000';

const stage = (name: Stage, steps: number, done: number, running: string[] = [], rowsOut = 0, quarantined = 0) => ({
  ...{ stage: name, steps, done, reused: 0, running, rowsIn: rowsOut, rowsOut, quarantined },
});
const seen = (stages: RunProgress['stages'], running: RunningStep[] = [], waiting = false): RunProgress => ({
  ...{ pipeline: 'ev-sites', run: RUN, logicalTime: '2026-11-21T06:00:00.000Z', stages, running, waiting },
});
const draw = (view: RunView, now: number): string[] => drawRun(view, { now, frame: 0, paint: plain });

describe('progress of a run', () => {
  test('tells each stage once when it begins and once when it is done', () => {
    let view = newView('ev-sites', RUN);
    const told: string[] = [];
    const looks = [
      seen([]),
      seen([stage('ingest', 2, 0, ['ingest/a']), stage('train', 1, 0)]),
      seen([stage('ingest', 2, 1, ['ingest/b'], 50), stage('train', 1, 0)]),
      seen([stage('ingest', 2, 2, [], 100, 3), stage('train', 1, 0, ['train/model'])]),
      seen([stage('ingest', 2, 2, [], 100, 3), stage('train', 1, 1)]),
    ];
    for (const [i, look] of looks.entries()) {
      const step = observe(view, look, i * 1000);
      view = step.view;
      told.push(...step.events.map(eventLine));
    }
    expect(told).toEqual([
      'planned for 2026-11-21T06:00Z: ingest 2, train 1',
      'ingest     started, 2 steps',
      'ingest     done, 100 rows in 2.00 s, 3 quarantined',
      'train      started, 1 step',
      'train      done, 0 rows in 1.00 s',
    ]);
  });

  test('draws what is done, what goes on with its bar, and what is ahead', () => {
    const running: RunningStep[] = [
      { id: 'features/tracts', attempt: 1, progress: { done: 0, total: 100, unit: 'rows' } },
    ];
    const look = (done: number) =>
      seen(
        [stage('ingest', 7, 7, [], 91_204), stage('features', 4, 1, ['features/tracts'], 500), stage('train', 3, 0)],
        running.map((step) => ({ ...step, progress: { done, total: 100_000, unit: 'rows' } })),
      );
    const first = observe(newView('ev-sites', RUN), look(0), 0).view;
    const { view } = observe(first, look(50_000), 5000);
    expect(draw(view, 5000)).toEqual([
      'ev-sites  2026-11-21T06:00Z  run 7f3c0000-0000',
      ' ✓ ingest     7 steps         91,204 rows   0.00 s',
      ' ⠋ features   ████░░░░░░░ 1/4 steps  500 rows',
      '              10 k rows/s   ~10 seconds left   tracts',
      ' ○ train',
    ]);
  });

  test('says that it waits for another run only when it has waited for a while', () => {
    const first = observe(newView('ev-sites', RUN), seen([], [], true), 0);
    expect(first.events).toEqual([]);
    const later = observe(first.view, seen([], [], true), 2500);
    expect(later.events).toEqual([{ event: 'waiting' }]);
    expect(draw(later.view, 2500)[1]).toContain('waits for another run');
    expect(observe(later.view, seen([], [], true), 3000).events).toEqual([]);
  });

  test('tells of a step that is tried again, once an attempt, with the reason', () => {
    const again = (attempt: number, lastFailure?: string) =>
      seen(
        [stage('train', 1, 0, ['train/model'])],
        [{ id: 'train/model', attempt, ...(lastFailure && { lastFailure }) }],
      );
    const first = observe(newView('ev-sites', RUN), again(1), 0);
    const second = observe(first.view, again(2), 1000);
    expect(second.events).toContainEqual({
      event: 'step_retried',
      step: 'train/model',
      attempt: 2,
      reason: 'the worker fell silent',
    });
    expect(observe(second.view, again(2), 2000).events).toEqual([]);
    expect(observe(second.view, again(3, 'a kernel thread died'), 2000).events).toEqual([
      { event: 'step_retried', step: 'train/model', attempt: 3, reason: 'a kernel thread died' },
    ]);
  });

  test('gives no time left before it can know one', () => {
    const at = (share: number, startedAt = 0) => ({
      ...stage('train', 1, 0),
      state: 'running' as const,
      share,
      startedAt,
    });
    expect(secondsLeft(at(0.01), 60_000)).toBeUndefined();
    expect(secondsLeft(at(0.5), 1000)).toBeUndefined();
    expect(secondsLeft(at(0.5), 10_000)).toBe(10);
    expect(secondsLeft(at(1), 10_000)).toBeUndefined();
  });

  test('tells at the end what its last look missed, and shares stay between 0 and 1', () => {
    const counts = fc.record({ steps: fc.nat(5), done: fc.nat(5), items: fc.nat(200), total: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(counts, { maxLength: 8 }), (looks) => {
        let view = newView('p', RUN);
        let told = 0;
        for (const [i, { steps, done, items, total }] of looks.entries()) {
          const running = done < steps ? ['train/x'] : [];
          const under = running.map((id) => ({ id, attempt: 1, progress: { done: items, total, unit: 'rows' } }));
          const step = observe(view, seen([stage('train', steps, Math.min(done, steps), running)], under), i * 700);
          view = step.view;
          for (const { share } of view.stages) expect(share >= 0 && share <= 1).toBe(true);
          expect(draw(view, i * 700).length).toBeGreaterThan(0);
          told += standing(view).length;
        }
        const end = observeEnd(
          view,
          { stages: { train: { seconds: 1, steps: 3, reused: 0, rowsIn: 1, rowsOut: 1 } } },
          10_000,
        );
        expect(end.view.stages.map(({ state }) => state)).toEqual(['done']);
        expect(told).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('ends with one line that grep finds, and the times that the workers measured', () => {
    const summary = {
      outcome: 'published',
      run: RUN,
      seconds: 4.08,
      quarantined: 14,
      stages: {
        ingest: { seconds: 1.2, steps: 150, reused: 149, rowsIn: 10, rowsOut: 91_204 },
        train: { seconds: 2, steps: 3, reused: 1, rowsIn: 10, rowsOut: 10 },
      },
    };
    expect(doneLine(summary)).toBe(`Done. outcome=published ran=3 reused=150 quarantined=14 seconds=4.1 run=${RUN}`);
    expect(summaryLines(summary, plain)[0]).toBe(' ✓ ingest     150 steps       91,204 rows   1.20 s  149 reused');
  });
});
