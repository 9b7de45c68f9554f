import { readFileSync } from 'node:fs';
import { GeorefreshError } from '../../../config/errors.js';
import { builtFile } from '../../../config/root.js';
import { NODE_BYTES, SET_BYTES } from '../assembly/layout.js';

/** Nodes and sets of one tree as the kernel lays them out, see assembly/layout.ts. */
export interface RawTree {
  round: number;
  nodes: Uint8Array;
  sets: Uint8Array;
  /** Loss of the rows held out, not yet divided by their weight; 0 where there are none. */
  loss: number;
}

/**
 * Functions of the compiled kernel: `binNumbers(feature, values, scratch)`, `fillPanels(from, to)`, and `boost(thread)` or
 * `forest(thread)`, which all threads call.
 */
export type KernelCall = 'binNumbers' | 'fillPanels' | 'boost' | 'forest';

let compiled: WebAssembly.Module | undefined;

/** The kernel's module, compiled once a process. */
export function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(builtFile(new URL('./trees.wasm', import.meta.url))));
  return compiled;
}

/** Calls a function of the kernel, and returns the trees that it grew. */
export type KernelThread = (name: KernelCall, args: readonly number[]) => RawTree[];

/** One thread's instance of the kernel over the shared memory. `onTree` is called as soon as a tree has grown. */
export function openKernel(module: WebAssembly.Module, memory: WebAssembly.Memory, onTree: () => void): KernelThread {
  let trees: RawTree[] = [];
  const copy = (at: number, bytes: number): Uint8Array => new Uint8Array(memory.buffer, at >>> 0, bytes).slice();
  const emit = (round: number, nodesAt: number, nodes: number, setsAt: number, sets: number, loss: number): void => {
    trees.push({ round, nodes: copy(nodesAt, nodes * NODE_BYTES), sets: copy(setsAt, sets * SET_BYTES), loss });
    onTree();
  };
  const words = new Int32Array(memory.buffer);
  const sleep = (address: number, value: number): void => {
    Atomics.wait(words, address >>> 2, value);
  };
  const wake = (address: number): void => {
    Atomics.notify(words, address >>> 2);
  };
  const abort = (): never => {
    throw new GeorefreshError('GR-3009', 'the tree kernel stopped');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort }, host: { emit, sleep, wake } });
  const calls = exports as unknown as Record<KernelCall, (...args: number[]) => void>;
  return (name, args) => {
    trees = [];
    calls[name](...args);
    return trees;
  };
}
