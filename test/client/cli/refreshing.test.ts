import { describe, expect, test } from 'vitest';
import type { RunSummary } from '../../../activities/types.js';
import { followRefresh } from '../../../client/cli/follow.js';
import { Shell } from '../../../client/cli/shell.js';
import type { Refresh, RunProgress } from '../../../client/refreshes.js';
import { streams } from './shells.js';

const RUN = '01a1fdd0-f186-71ab-8460-b5b7dd14114b';
const summary: RunSummary = {
  ...{ pipeline: 'p', run: RUN, outcome: 'published', seconds: 3, metrics: null, model: null, outputs: [] },
  ...{ trigger: 'operator', sample: false, quarantined: 1, generation: 2 },
  stages: { ingest: { seconds: 1, steps: 1, reused: 0, rowsIn: 5, rowsOut: 5 } },
};
const looking: RunProgress = {
  ...{ pipeline: 'p', run: RUN, logicalTime: '2026-11-21T06:00:00.000Z', waiting: false, running: [] },
  stages: [
    { stage: 'ingest', steps: 1, done: 0, reused: 0, running: ['ingest/a'], rowsIn: 0, rowsOut: 0, quarantined: 0 },
  ],
};

const refresh = (result: Promise<RunSummary>): Refresh => ({
  ...{ workflowId: 'w', run: RUN, pipeline: 'p', startedAt: '' },
  progress: async () => looking,
  result: () => result,
  cancel: async () => undefined,
});
const later = <T>(ms: number, value: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, ms, value));

describe('following a refresh', () => {
  test('off a terminal each change is a line on stderr, and stdout stays free for data', async () => {
    const io = streams();
    const result = await followRefresh(refresh(later(50, summary)), new Shell(io), new AbortController().signal);
    expect(result).toBe(summary);
    const { out, err } = io.said();
    expect(out).toBe('');
    expect(
      err
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/^[\d:]{8} p 01a1fdd0-f186 {2}/, '')),
    ).toEqual([
      'started',
      'planned for 2026-11-21T06:00Z: ingest 1',
      'ingest     started, 1 step',
      expect.stringMatching(/^ingest {5}done, 5 rows in /),
    ]);
  });

  test('with --json each change is an object on stdout with time, event and run', async () => {
    const io = streams();
    const shell = new Shell(io);
    shell.configure({ json: true });
    await followRefresh(refresh(later(50, summary)), shell, new AbortController().signal);
    const events = io
      .said()
      .out.trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['run_started', 'planned', 'stage_started', 'stage_completed']);
    for (const event of events) expect(event).toMatchObject({ time: expect.any(String), run: RUN, pipeline: 'p' });
    expect(io.said().err).toBe('');
  });

  test('on a terminal the lines move, and a hint says how to stop it', async () => {
    const io = streams({}, true);
    await followRefresh(refresh(later(150, summary)), new Shell(io), new AbortController().signal);
    expect(io.said().err).toContain('Ctrl-C leaves it running; stop it: georefresh cancel 01a1fdd0-f186');
    expect(io.said().out).toBe('');
  });

  test('an abort leaves it running', async () => {
    const forever = new Promise<RunSummary>(() => undefined);
    const leave = new AbortController();
    setTimeout(() => leave.abort(), 50);
    expect(await followRefresh(refresh(forever), new Shell(streams()), leave.signal)).toBe('detached');
  });

  test('what ended it is thrown on', async () => {
    const failing = later(20, undefined).then(() => Promise.reject(new Error('broken')));
    await expect(followRefresh(refresh(failing), new Shell(streams()), new AbortController().signal)).rejects.toThrow(
      'broken',
    );
  });
});
