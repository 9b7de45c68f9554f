import { describe, expect, test } from 'vitest';
import { type LogLine, timeOf } from '../support/log-tail.js';
import { faultsOf, pointerOf } from '../support/snapshots.js';
import { PIPELINE, type Scenario, withCluster } from './scenario.js';

const COUNT = 5;
const HOUR_MS = 3_600_000;
const FROM = Date.parse('2026-01-06T01:00:00.000Z');

/** F9: refreshes that are started at the same moment. */
export function describeTogether(scenario: () => Scenario): void {
  describe('refreshes that are started at once (F9)', () => {
    test('run one at a time, each to an outcome of its own, and leave generations without a gap (P2, P5)', async () => {
      scenario().faults.expect('five refreshes at once');
      await withCluster(scenario(), {}, async (cluster) => {
        const logicalTimes = Array.from({ length: COUNT }, (_, i) => new Date(FROM + i * HOUR_MS).toISOString());
        // Each has something of its own to publish.
        const refreshes = await Promise.all(
          logicalTimes.map((logicalTime, i) =>
            cluster.client.refresh({ pipeline: PIPELINE, logicalTime, overrides: { 'candidates.ridge.alpha': i + 2 } }),
          ),
        );
        const summaries = await Promise.all(refreshes.map((refresh) => refresh.result()));

        const published = summaries.filter(({ outcome }) => outcome === 'published');
        // The latest of them is later than whatever was published before it, so it always publishes.
        expect(summaries.at(-1)?.outcome).toBe('published');
        expect(summaries.filter(({ outcome }) => outcome !== 'published' && outcome !== 'superseded')).toEqual([]);
        const generations = published.map(({ generation }) => generation).sort((a, b) => Number(a) - Number(b));
        expect(generations).toEqual(published.map((_, i) => i + 2));
        expect(await pointerOf(cluster.home, PIPELINE)).toMatchObject({
          run: refreshes.at(-1)?.run,
          generation: published.length + 1,
        });
        expect(await faultsOf(cluster.home, PIPELINE)).toEqual([]);

        const spans = spansOf(cluster.log.lines());
        expect(spans).toHaveLength(COUNT);
        for (const [i, span] of spans.entries()) expect(span.from).toBeGreaterThanOrEqual(spans[i - 1]?.to ?? 0);
        const manifests = await Promise.all(refreshes.map(({ run }) => cluster.client.show(run)));
        expect(manifests.map(({ outcome }) => outcome)).toEqual(summaries.map(({ outcome }) => outcome));
        scenario().faults.saw('five refreshes at once', `${published.length} published`);
      });
    });
  });
}

interface Span {
  from: number;
  to: number;
}

/** When each run's first step began and its last one ended, in milliseconds since the epoch, in order. */
function spansOf(lines: readonly LogLine[]): Span[] {
  const spans = new Map<string, Span>();
  for (const line of lines) {
    if (line.run === undefined || line.event?.startsWith('step_') !== true) continue;
    const span = spans.get(line.run) ?? { from: timeOf(line), to: 0 };
    span.to = Math.max(span.to, timeOf(line));
    spans.set(line.run, span);
  }
  return [...spans.values()].sort((a, b) => a.from - b.from);
}
