import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { GeorefreshError } from '../../config/errors.js';
import { projectRoot } from '../../config/root.js';

export const EV_SITES = join(projectRoot(), 'config', 'pipelines', 'ev-sites');
export const evSitesText = readFileSync(join(EV_SITES, 'pipeline.yaml'), 'utf8');

/** A folder that is gone when the test has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'georefresh-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder that holds one pipeline: ev-sites' files, its pipeline.yaml replaced. */
export function pipelineFolder(text: string, name = 'ev-sites'): string {
  const folder = join(temporaryFolder(), name);
  mkdirSync(folder, { recursive: true });
  cpSync(EV_SITES, folder, { recursive: true, filter: (path) => path === EV_SITES || path.endsWith('.sql') });
  writeFileSync(join(folder, 'pipeline.yaml'), text);
  return folder;
}

/** The error that a promise or function ends with; it must be one of ours. */
export async function failureOf(work: () => unknown): Promise<GeorefreshError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof GeorefreshError) return error;
    throw error;
  }
  throw new Error('expected a failure');
}

/** `line text` of each fault. */
export const faultsOf = (error: GeorefreshError): string[] =>
  error.where.map(({ line, note }) => `${line ?? ''} ${note}`);
