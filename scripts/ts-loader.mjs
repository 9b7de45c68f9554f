// node --import ./scripts/ts-loader.mjs file.ts: runs the sources as they are, without a build (tests, benchmarks).
import { register } from 'node:module';

register('./ts-hooks.mjs', import.meta.url);
