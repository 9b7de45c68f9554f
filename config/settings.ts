import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { diagnose } from './documents/diagnose.js';
import { type Fault, type Finding, faultsError } from './documents/faults.js';
import { readSmallText } from './documents/files.js';
import { nearest } from './documents/nearest.js';
import { isRecord } from './documents/shape.js';
import { parseYaml } from './documents/yaml.js';
import { absolutePlace, faultOfPlace } from './places.js';
import { displayPath, projectRoot } from './root.js';
import { ENVIRONMENT, type LogLevel, OTHER_ENVIRONMENT, type Settings, settingsSchema } from './settings-schema.js';

export type { Settings } from './settings-schema.js';
export type Environment = Readonly<Record<string, string | undefined>>;

/** A settings file as it was read; `path` is how faults name it. */
export interface SettingsFile {
  path: string;
  text: string;
}

/** What the machine adds to the settings: paths of the file are relative to `root`, those of the environment to `cwd`. */
export interface Surroundings {
  root: string;
  cwd: string;
  processors: number;
}

export type ReadonlyDeep<T> = T extends object ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> } : T;

/** Python's names of levels, which older installations set. */
const LEVEL_ALIASES: Record<string, LogLevel> = { warning: 'warn', critical: 'fatal', notset: 'trace' };

const PROVIDERS: Record<string, Settings['storage']['provider']> = {
  'file:': 'local',
  's3:': 'aws',
  'azure:': 'azure',
};

/** A key that looks like one for a secret is refused with the reason, not only as unknown. */
const SECRET_KEY = /password|passwd|secret|token|credential|api_?key|access_?key/i;

const here = (): Surroundings => ({ root: projectRoot(), cwd: process.cwd(), processors: availableParallelism() });

type Raw = Record<string, unknown>;

const setAt = (raw: Raw, key: string, value: unknown): void => {
  const parts = key.split('.');
  const last = parts.pop() ?? key;
  let holder = raw;
  for (const part of parts) {
    const inner = holder[part];
    // Something other than keys stands there: a fault of the file, which the schema tells.
    if (inner !== undefined && inner !== null && !isRecord(inner)) return;
    holder[part] = inner ?? {};
    holder = holder[part] as Raw;
  }
  holder[last] = value;
};

/** Keys that are numbers, whose variables are words like all others. */
const NUMERIC = new Set(['compute.threads', 'engine.maxCachedWorkflows', 'retry.maximumAttempts']);

/** Keys that are true or false. */
const FLAGS = new Set(['storage.pathStyle']);

const isNumeric = (text: string): boolean => /^-?\d+(\.\d+)?$/.test(text);

/** The words of an environment variable as the value of its key. */
const parseVariable = (key: string, text: string, { cwd }: Surroundings): unknown => {
  if (key === 'home') return resolve(cwd, text);
  if (key === 'store') return /^[a-z][a-z0-9+.-]+:/i.test(text) ? text : resolve(cwd, text);
  if (key === 'pipelines')
    return text
      .split(delimiter === ':' ? /:(?!\/\/)/ : delimiter)
      .filter(Boolean)
      .map((place) => absolutePlace(place, cwd));
  if (FLAGS.has(key) && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return NUMERIC.has(key) && isNumeric(text) ? Number(text) : text;
};

/** Puts the environment over the file's values; returns which variable a key's value came from. */
const overlay = (raw: Raw, env: Environment, surroundings: Surroundings): Map<string, string> => {
  const origin = new Map<string, string>();
  for (const [variable, key] of Object.entries(ENVIRONMENT)) {
    const text = env[variable]?.trim();
    if (text === undefined || text === '') continue;
    setAt(raw, key, parseVariable(key, text, surroundings));
    origin.set(key, variable);
  }
  const bucket = env.S3_BUCKET?.trim();
  if (bucket && isRecord(raw.storage) && raw.storage.provider === 'aws' && raw.store === undefined) {
    raw.store = `s3://${bucket}`;
    origin.set('store', 'S3_BUCKET');
  }
  const { log } = raw;
  if (isRecord(log) && typeof log.level === 'string') {
    const level = log.level.toLowerCase();
    log.level = Object.hasOwn(LEVEL_ALIASES, level) ? LEVEL_ALIASES[level] : level;
  }
  return origin;
};

/** Variables of ours that are misspelt; those of tests and tools, whose names are not near, are left alone. */
const misspeltVariables = (env: Environment): Fault[] => {
  const known: string[] = [...Object.keys(ENVIRONMENT), ...OTHER_ENVIRONMENT];
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith('GEOREFRESH_') || known.includes(name)) return [];
    const stem = (variable: string): string => variable.slice('GEOREFRESH_'.length);
    const ours = known.filter((variable) => variable.startsWith('GEOREFRESH_'));
    const guess = nearest(stem(name), ours.map(stem));
    return guess === undefined ? [] : [{ file: name, text: `no such variable; meant \`GEOREFRESH_${guess}\`?` }];
  });
};

const storeUri = (store: string, root: string): URL | undefined => {
  if (!/^[a-z][a-z0-9+.-]+:/i.test(store) || /^[a-z]:[\\/]/i.test(store)) return pathToFileURL(resolve(root, store));
  return URL.canParse(store) ? new URL(store) : undefined;
};

const checkStore = (store: string, provider: string | undefined, root: string): string | undefined => {
  const uri = storeUri(store, root);
  const meantProvider = uri === undefined ? undefined : PROVIDERS[uri.protocol];
  if (uri === undefined || meantProvider === undefined) return 'expected a folder, file:///…, s3://… or azure://…';
  if (uri.username !== '' || uri.password !== '')
    return 'secrets come from the environment only, not in the URI of the store';
  if (provider !== undefined && provider !== meantProvider)
    return `storage.provider is ${provider}, but this store is ${meantProvider === 'local' ? 'a folder' : meantProvider}`;
  return undefined;
};

const deepFreeze = <T>(value: T): ReadonlyDeep<T> => {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value as ReadonlyDeep<T>;
};

const firstKeys = (
  findings: Finding[],
  origin: Map<string, string>,
): { finding: Finding; variable: string | undefined }[] =>
  findings.map((finding) => {
    const keys = finding.path.map((_, depth) => finding.path.slice(0, depth + 1).join('.'));
    const key = keys.find((one) => origin.has(one));
    return { finding, variable: key === undefined ? undefined : origin.get(key) };
  });

/**
 * Settings from the defaults, the file over them and the environment over both, deeply frozen. A function of its
 * arguments alone. All faults come in one GR-1002, those of the file with line and column, those of the environment by
 * the variable's name; unknown keys are faults.
 */
export function loadSettings(
  env: Environment,
  file?: SettingsFile,
  surroundings: Surroundings = here(),
): ReadonlyDeep<Settings> {
  const { root, processors } = surroundings;
  const yaml = parseYaml(file?.path ?? 'settings', file?.text ?? '');
  const faults = [...yaml.faults, ...misspeltVariables(env)];
  const locate = (findings: Finding[]): Fault[] =>
    firstKeys(findings, origin).map(({ finding, variable }) =>
      variable === undefined ? yaml.locate(finding) : { file: variable, text: finding.text },
    );
  const raw: unknown = yaml.value ?? {};
  const origin = isRecord(raw) ? overlay(raw, env, surroundings) : new Map<string, string>();
  const findings = diagnose(settingsSchema, raw).map((finding) => {
    const isSecret =
      finding.at === 'key' && finding.text.includes('unknown') && SECRET_KEY.test(String(finding.path.at(-1)));
    return isSecret ? { ...finding, text: `${finding.text}; secrets come from the environment only` } : finding;
  });
  faults.push(...locate(findings));
  if (faults.length > 0) throw faultsError('GR-1002', faults);
  const parsed = settingsSchema.parse(raw);
  const home = resolve(root, parsed.home);
  const store = parsed.store ?? home;
  const wrongStore = checkStore(store, parsed.storage.provider, root);
  if (wrongStore !== undefined) {
    const key = parsed.store === undefined ? ['storage', 'provider'] : ['store'];
    throw faultsError('GR-1002', locate([{ path: key, at: 'value', text: wrongStore }]));
  }
  const wrongPlaces = parsed.pipelines.flatMap((place, i) => {
    const text = faultOfPlace(place);
    return text === undefined ? [] : [{ path: ['pipelines', i], at: 'value' as const, text }];
  });
  if (wrongPlaces.length > 0) throw faultsError('GR-1002', locate(wrongPlaces));
  const uri = storeUri(store, root) as URL;
  return deepFreeze({
    ...parsed,
    home,
    store: uri.href,
    pipelines: parsed.pipelines.map((place) => absolutePlace(place, root)),
    compute: { ...parsed.compute, threads: parsed.compute.threads ?? processors },
    storage: { ...parsed.storage, provider: PROVIDERS[uri.protocol] ?? 'local' },
    log: { ...parsed.log, file: isAbsolute(parsed.log.file) ? parsed.log.file : join(home, parsed.log.file) },
  });
}

/**
 * Reads the settings file (GEOREFRESH_SETTINGS, else config/settings.yaml of the project, which may be absent) and
 * loads the settings; once per process, at its edge. A home that cannot be a folder is a fault too (GR-1002).
 */
export async function readSettings(env: Environment = process.env): Promise<ReadonlyDeep<Settings>> {
  const named = env.GEOREFRESH_SETTINGS?.trim();
  const path = named ? resolve(named) : join(projectRoot(), 'config', 'settings.yaml');
  const read = await readSmallText(path);
  if (!('text' in read) && (!read.absent || named))
    throw faultsError('GR-1002', [{ file: displayPath(path), text: read.fault }]);
  const settings = loadSettings(env, 'text' in read ? { path: displayPath(path), text: read.text } : undefined);
  if (!(await mayBeFolder(settings.home)))
    throw faultsError('GR-1002', [
      {
        file: env.GEOREFRESH_HOME?.trim() ? 'GEOREFRESH_HOME' : displayPath(path),
        text: `home ${settings.home} is no folder`,
      },
    ]);
  return settings;
}

/** Whether a folder is there or can be made; what else stands in its way is for those who make it to tell. */
const mayBeFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => !(error instanceof Error && 'code' in error && error.code === 'ENOTDIR'),
  );
