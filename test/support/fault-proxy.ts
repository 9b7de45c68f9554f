import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Random } from '../../config/samples.js';

/**
 * What a store in trouble does to a request:
 * - `lost`: carries it out, and the answer never comes. - `reset`: drops it before it is carried out.
 * - `slowDown`: 503. - `internal`: 500 after it was carried out. - `conflict`: 409, for writes under a condition.
 * - `cut`: ends the answer in the middle of its body. - `slow`: answers late. - `hang`: never answers, and stays open.
 */
export const FAULTS = ['lost', 'reset', 'slowDown', 'internal', 'conflict', 'cut', 'slow', 'hang'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Requested {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingMessage['headers'];
}

/** Says what happens to a request; undefined: nothing. */
export type Decide = (request: Requested) => Fault | undefined;

export interface FaultProxy {
  readonly endpoint: string;
  /** Requests so far, and how often each fault fired. */
  requests: number;
  readonly fired: Map<Fault, number>;
  decide: Decide;
  /** Nobody is at home: connections are refused until it is called with false. */
  away(gone: boolean): Promise<void>;
  close(): Promise<void>;
}

const SLOW_MS = 150;

const isWrite = ({ method }: Requested): boolean => method === 'PUT' || method === 'POST' || method === 'DELETE';
const isConditional = ({ headers }: Requested): boolean => headers['if-none-match'] !== undefined;

/** Faults by seed: each has its share of the requests that it can befall. */
export function seeded(seed: number, shares: Partial<Record<Fault, number>>): Decide {
  const random = new Random(seed, 'faults');
  return (request) => {
    let at = random.next();
    for (const fault of FAULTS) {
      at -= shares[fault] ?? 0;
      if (at >= 0) continue;
      if (fault === 'conflict' && !isConditional(request)) return undefined;
      if ((fault === 'lost' || fault === 'internal') && !isWrite(request)) return undefined;
      if (fault === 'cut' && request.method !== 'GET') return undefined;
      return fault;
    }
    return undefined;
  };
}

/** An HTTP proxy on 127.0.0.1 before a server there. Requests pass as they are, their signatures stay good. */
export async function startFaultProxy(upstream: number, decide: Decide = () => undefined): Promise<FaultProxy> {
  const server = createServer((incoming, outgoing) => {
    const request = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers };
    proxy.requests++;
    const fault = proxy.decide(request);
    if (fault !== undefined) proxy.fired.set(fault, (proxy.fired.get(fault) ?? 0) + 1);
    handle(fault, upstream, incoming, outgoing);
  });
  server.keepAliveTimeout = 60_000;
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${port}`,
    requests: 0,
    fired: new Map(),
    decide,
    away: (gone) => (gone ? shut() : listen(port)),
    close: () => (server.listening ? shut() : Promise.resolve()),
  };
  return proxy;
}

function handle(fault: Fault | undefined, upstream: number, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (fault === 'reset') incoming.socket.destroy();
  else if (fault === 'hang') incoming.resume();
  else if (fault === 'slowDown') refuse(incoming, outgoing, 503, 'SlowDown');
  else if (fault === 'conflict') refuse(incoming, outgoing, 409, 'ConditionalRequestConflict');
  else forward(fault, upstream, incoming, outgoing);
}

/** Carries a request out, and does to the answer what the fault says. */
function forward(
  fault: Fault | undefined,
  upstream: number,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { method, url, headers } = incoming;
  const forwarded = httpRequest({ host: '127.0.0.1', port: upstream, method, path: url, headers, agent: false });
  // Whoever gave up before the answer has closed the connection.
  outgoing.once('close', () => forwarded.destroy());
  forwarded.once('error', () => incoming.socket.destroy());
  forwarded.once('response', (answer) => {
    const pass = (): void => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    };
    if (fault === 'lost') incoming.socket.destroy();
    else if (fault === 'internal') answer.resume().once('end', () => fail(outgoing, 500, 'InternalError'));
    else if (fault === 'cut') cut(answer, outgoing);
    else if (fault === 'slow') setTimeout(pass, SLOW_MS);
    else pass();
  });
  incoming.pipe(forwarded);
}

function refuse(incoming: IncomingMessage, outgoing: ServerResponse, status: number, code: string): void {
  incoming.resume().once('end', () => fail(outgoing, status, code));
}

function fail(outgoing: ServerResponse, status: number, code: string): void {
  outgoing.writeHead(status, { 'content-type': 'application/xml' });
  outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>as it happens</Message></Error>`);
}

function cut(answer: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  let left = Math.floor(Number(answer.headers['content-length'] ?? 0) / 2);
  answer.on('data', (bytes: Buffer) => {
    const some = bytes.subarray(0, left);
    left -= some.length;
    outgoing.write(some);
    if (left <= 0) outgoing.socket?.end();
  });
  answer.once('end', () => outgoing.socket?.destroy());
}
