import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  volumes?: string[];
}

const compose = parse(read('docker-compose.yml')) as { services: Record<string, Service>; volumes: object };
const services = Object.entries(compose.services);

/** `name:1.2`, more than a major version, never `latest`. */
const PINNED = /^[\w./-]+:\d+\.\d+[\w.-]*$/;

describe('docker-compose.yml', () => {
  test('is YAML without duplicate keys or warnings', () => {
    const document = parseDocument(read('docker-compose.yml'), { uniqueKeys: true });
    expect([...document.errors, ...document.warnings]).toEqual([]);
  });

  test('has Temporal on PostgreSQL, its UI and one worker', () => {
    expect(Object.keys(compose.services)).toEqual(['postgresql', 'temporal', 'temporal-ui', 'worker']);
  });

  test.each(services)('%s has a pinned image and a healthcheck', (_, service) => {
    expect(service.image).toMatch(PINNED);
    expect(service.healthcheck?.test.length).toBeGreaterThan(1);
  });

  test.each(services)('%s waits only for services that exist and can be healthy', (_, { depends_on = {} }) => {
    for (const [name, { condition }] of Object.entries(depends_on)) {
      expect(compose.services[name]?.healthcheck).toBeDefined();
      expect(condition).toBe('service_healthy');
    }
  });

  test.each(services)('%s is reached from this machine only', (_, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test.each(services)('%s mounts volumes that are declared', (_, { volumes = [] }) => {
    for (const volume of volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
  });

  test('the worker is built from a file that exists', () => {
    expect(existsSync(`${root}${compose.services.worker?.build?.dockerfile}`)).toBe(true);
  });
});

describe('deploy/Dockerfile', () => {
  const lines = read('deploy/Dockerfile').split('\n');
  const copied = lines
    .filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));

  test('starts from pinned images and ends as another user than root', () => {
    const from = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(/\s+/)[1]);
    expect(from.length).toBeGreaterThan(0);
    for (const image of from) expect(image).toMatch(PINNED);
    expect(lines.filter((line) => line.startsWith('USER ')).at(-1)).toBe('USER node');
  });

  test('copies files that exist and are not kept out of the context', () => {
    const ignored = read('.dockerignore').split('\n');
    for (const path of copied) {
      expect(existsSync(`${root}${path}`), path).toBe(true);
      expect(ignored).not.toContain(path);
    }
  });
});

describe('.github/workflows/ci.yml', () => {
  const workflow = parse(read('.github/workflows/ci.yml')) as {
    jobs: Record<string, { steps: { uses?: string; run?: string }[]; strategy?: { matrix: { node: number[] } } }>;
  };

  test('runs .ci/run on each Node that is promised, and Windows as an experiment', () => {
    expect(workflow.jobs.linux?.strategy?.matrix.node).toEqual([20, 22, 24]);
    expect(workflow.jobs.linux?.steps.map(({ run }) => run)).toContain('bash .ci/run');
    expect(workflow.jobs.windows).toMatchObject({ 'continue-on-error': true });
  });

  test('names a version of each action', () => {
    for (const { steps } of Object.values(workflow.jobs)) {
      for (const { uses } of steps) if (uses) expect(uses).toMatch(/@(v\d+|[0-9a-f]{40})$/);
    }
  });
});
