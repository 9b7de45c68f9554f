import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createLogger, forBatch } from '../../config/logging.js';
import { redactText } from '../../config/redact.js';
import { temporaryFolder } from './support.js';

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the log', () => {
  test('is JSON lines with event, batch_id, execution_mode and an ISO timestamp (S3.12)', () => {
    const file = join(temporaryFolder(), 'logs', 'pipeline.log');
    const log = createLogger({ level: 'info', file, base: { role: 'io' } });
    forBatch(log, '20260220_143022').info({ event: 'batch_started', source: 'stations' }, 'reading');
    log.debug({ event: 'too_fine' });
    expect(linesOf(file)).toEqual([
      {
        level: 'info',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
        pid: process.pid,
        role: 'io',
        event: 'batch_started',
        batch_id: '20260220_143022',
        execution_mode: 'local',
        source: 'stations',
        msg: 'reading',
      },
    ]);
  });

  test('masks what stands under secret names at any depth, and credentials inside text', () => {
    const file = join(temporaryFolder(), 'a.log');
    const log = createLogger({ level: 'info', file });
    log.info({
      password: 'hunter2',
      headers: { authorization: ['Bearer hunter2hunter2'] },
      a: {
        b: { c: { d: { DB_PASSWORD: 'hunter2', aws_secret_access_key: 'hunter2', nested: { token: 'hunter2"\\' } } } },
      },
      url: 'postgres://me:hunter2@db:5432/x',
      store: 'DefaultEndpointsProtocol=https;AccountKey=hunter2==;EndpointSuffix=x',
      key: 'geoid',
    });
    log.child({ apiKey: 'hunter2' }).warn('GET https://x/y?sig=hunter2&z=1 with Bearer hunter2hunter2');
    log.error({ err: new Error('cannot reach s3://key:hunter2@bucket') });
    expect(readFileSync(file, 'utf8')).not.toContain('hunter2');
    const [first] = linesOf(file);
    expect(first).toMatchObject({ key: 'geoid', url: 'postgres://[redacted]@db:5432/x', password: '[redacted]' });
  });

  test('is bounded: a full file becomes .1 while the process runs, and no line is cut', () => {
    const file = join(temporaryFolder(), 'a.log');
    const log = createLogger({ level: 'info', file, maxBytes: 20_000 });
    for (let i = 0; i < 1000; i++) log.info({ event: 'step', i });
    expect(statSync(file).size + statSync(`${file}.1`).size).toBeLessThan(45_000);
    const kept = [...linesOf(`${file}.1`), ...linesOf(file)].map(({ i }) => i as number);
    expect(kept.at(-1)).toBe(999);
    expect(kept).toEqual(kept.map((_, j) => 1000 - kept.length + j));
    expect(existsSync(`${file}.2`)).toBe(false);
  });

  test('moves a file that is too large at the start', () => {
    const file = join(temporaryFolder(), 'a.log');
    writeFileSync(file, 'x'.repeat(1000));
    createLogger({ level: 'info', file, maxBytes: 500 }).info('new');
    expect(linesOf(file)).toHaveLength(1);
    expect(statSync(`${file}.1`).size).toBe(1000);
  });

  test('two loggers of one file lose no line when one of them moves it', () => {
    const file = join(temporaryFolder(), 'a.log');
    const first = createLogger({ level: 'info', file, maxBytes: 20_000 });
    const second = createLogger({ level: 'info', file, maxBytes: 20_000 });
    for (let i = 0; i < 400; i++) (i % 2 === 0 ? first : second).info({ i });
    const kept = [...linesOf(`${file}.1`), ...linesOf(file)].map(({ i }) => i as number);
    expect(new Set(kept).size).toBe(400);
  });

  test('goes to stderr without a file, and never to stdout', () => {
    const write = vi.spyOn(process.stdout, 'write');
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    createLogger({ level: 'info', pretty: true }).info(
      { event: 'batch_started', batch_id: 'x', password: 'hunter2' },
      'reading',
    );
    const text = stderr.mock.calls.map(([line]) => String(line)).join('');
    stderr.mockRestore();
    expect(text).toMatch(/^\d\d:\d\d:\d\d INFO batch_started reading batch_id=x password=\[redacted\]\n$/);
    expect(write).not.toHaveBeenCalled();
  });

  test('a line stays one JSON line, whatever text it holds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), fc.string(), (fields, text) => {
        const line = JSON.stringify({ ...fields, password: text, msg: `Bearer ${text} https://a:${text}@b` });
        const clean = JSON.parse(redactText(line)) as Record<string, unknown>;
        expect(clean.password).toBe('[redacted]');
      }),
    );
  });

  test('masking takes linear time', () => {
    const started = performance.now();
    for (const part of ['secret', '"token', 'a://b', 'Bearer ', '\\"password\\":', '-----BEGIN PRIVATE KEY-----'])
      redactText(`{"x":"${part.repeat(20_000)}"}`);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('a log whose folder is gone is said once and stops nothing', () => {
    const folder = join(temporaryFolder(), 'logs');
    const file = join(folder, 'a.log');
    const log = createLogger({ level: 'info', file, maxBytes: 1600 });
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'in the way');
    for (let i = 0; i < 100; i++) log.info({ i });
    const said = stderr.mock.calls.length;
    stderr.mockRestore();
    expect(said).toBe(1);
  });
});
