import { z } from 'zod';

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

const A_DURATION = 'expected a duration such as 500ms, 10s, 5m or 1h';
const A_SIZE = 'expected a size such as 600MB, 4GB or 512MiB';

const split = (text: string): [number, string] => {
  const match = /^([\d.]+)\s*(\w+)$/.exec(text);
  return [Number(match?.[1]), match?.[2] ?? ''];
};

/** `500ms`, `10s`, `5m`, `1h`, `30d`; parsed to whole milliseconds. */
export const duration = z
  .string(A_DURATION)
  .regex(/^\d+(\.\d+)?\s*(ms|s|m|h|d)$/, A_DURATION)
  .transform((text) => {
    const [count, unit] = split(text);
    return Math.round(count * MILLISECONDS[unit as keyof typeof MILLISECONDS]);
  });

/** `600MB`, `4GB`, `512MiB`; parsed to whole bytes. */
export const size = z
  .string(A_SIZE)
  .regex(/^\d+(\.\d+)?\s*(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/, A_SIZE)
  .transform((text) => {
    const [count, unit] = split(text);
    return Math.round(count * BYTES[unit as keyof typeof BYTES]);
  });
