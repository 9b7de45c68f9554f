import type { Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import { untilAborted } from '../../client/refreshes.js';

test('a call that nobody wants any more is not begun, as it would outlive its connection', async () => {
  let begun = 0;
  const call = async (): Promise<number> => ++begun;
  const client = { withAbortSignal: (_: AbortSignal, work: () => Promise<unknown>) => work() } as unknown as Client;
  await expect(untilAborted(client, AbortSignal.abort(), call)).rejects.toMatchObject({ name: 'AbortError' });
  expect(begun).toBe(0);
  expect(await untilAborted(client, new AbortController().signal, call)).toBe(1);
  expect(await untilAborted(client, undefined, call)).toBe(2);
});
