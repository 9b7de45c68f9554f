import {
  AnonymousCredential,
  BlobServiceClient,
  type BlockBlobClient,
  type ContainerClient,
  type ContainerListBlobFlatSegmentResponse,
  RestError,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { type ErrorCode, GeorefreshError } from '../config/errors.js';
import type { Bucket, Judgement, Looked, Page, PartedUpload, Piece, Writing, Written } from './bucket.js';
import { judgeConnection, judgeStatus } from './network-faults.js';

export interface AzureOptions {
  /** Of the account; default: by the connection string, else `https://<account>.blob.core.windows.net`. */
  endpoint?: string | undefined;
}

const MARK = 'georefresh';
const COPY_POLL_MS = 200;

const WORDS: Record<string, ErrorCode> = {
  ContainerNotFound: 'GR-5007',
  ContainerDisabled: 'GR-5007',
  AccountIsDisabled: 'GR-5007',
  AuthenticationFailed: 'GR-5008',
  InvalidAuthenticationInfo: 'GR-5008',
  NoAuthenticationInformation: 'GR-5008',
  AuthorizationFailure: 'GR-5004',
  UnsupportedHeader: 'GR-5009',
};

/** A container of Azure Blob Storage. A large blob is staged in blocks, and seen when their list is committed. */
export class AzureBucket implements Bucket {
  readonly base: string;
  readonly maxParts = 50_000;
  readonly copyBytes = Number.POSITIVE_INFINITY;
  readonly #container: ContainerClient;

  /**
   * Keys come from the environment: AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or
   * AZURE_STORAGE_SAS_TOKEN. GR-5008 where there are none.
   */
  constructor(container: string, { endpoint }: AzureOptions = {}, env: NodeJS.ProcessEnv = process.env) {
    this.base = `azure://${container}`;
    this.#container = serviceOf(endpoint, env).getContainerClient(container);
  }

  async put(name: string, bytes: Uint8Array, { only, mark }: Writing, abortSignal: AbortSignal) {
    const options = { abortSignal, metadata: { [MARK]: mark }, ...conditions(only) };
    return orRefused(
      this.#blob(name).upload(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), bytes.length, options),
    );
  }

  async begin(name: string, { only, mark }: Writing): Promise<PartedUpload> {
    const blob = this.#blob(name);
    const blocks = new Map<number, string>();
    return {
      put: async (number, bytes, abortSignal) => {
        // All ids of a blob must be of one length; the mark keeps those of two writers apart.
        const id = Buffer.from(`${mark}-${String(number).padStart(6, '0')}`).toString('base64');
        await blob.stageBlock(id, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), bytes.length, {
          abortSignal,
        });
        blocks.set(number, id);
      },
      finish: (abortSignal) => {
        const ids = [...blocks].sort(([a], [b]) => a - b).map(([, id]) => id);
        const options = { abortSignal, metadata: { [MARK]: mark }, ...conditions(only) };
        return orRefused(blob.commitBlockList(ids, options));
      },
      // Blocks that were not committed go by themselves after a week.
      abandon: async () => undefined,
    };
  }

  async read(name: string, from: number, to: number, state: string | undefined, signal: AbortSignal): Promise<Piece> {
    try {
      const answer = await this.#blob(name).download(from, to - from, {
        abortSignal: signal,
        // Going on where a body broke off is the store's business.
        maxRetryRequests: 0,
        ...(state !== undefined && { conditions: { ifMatch: state } }),
      });
      const total = Number(/\/(\d+)$/.exec(answer.contentRange ?? '')?.[1] ?? answer.contentLength ?? 0);
      return { body: answer.readableStreamBody as AsyncIterable<Buffer>, total, state: answer.etag ?? '' };
    } catch (error) {
      // No range of an empty blob can be given.
      if (statusOf(error) !== 416 || from > 0) throw error;
      const found = await this.head(name, signal);
      if (found?.bytes !== 0) throw error;
      return { body: nothing(), total: 0, state: found.state };
    }
  }

  async head(name: string, abortSignal: AbortSignal): Promise<Looked | undefined> {
    try {
      const { contentLength = 0, etag = '', metadata } = await this.#blob(name).getProperties({ abortSignal });
      return { bytes: contentLength, state: etag, mark: metadata?.[MARK] };
    } catch (error) {
      if (statusOf(error) === 404 && wordOf(error) !== 'ContainerNotFound') return undefined;
      throw error;
    }
  }

  async page(prefix: string, after: string | undefined, limit: number, abortSignal: AbortSignal): Promise<Page> {
    const pages = this.#container
      .listBlobsFlat({ prefix, abortSignal })
      .byPage({ maxPageSize: limit, ...(after !== undefined && { continuationToken: after }) });
    const { done, value }: IteratorResult<ContainerListBlobFlatSegmentResponse> = await pages.next();
    if (done) return { objects: [], next: undefined };
    const objects = value.segment.blobItems.map(({ name, properties }) => ({
      name,
      bytes: properties.contentLength ?? 0,
      modified: properties.lastModified,
      state: properties.etag ?? '',
    }));
    return { objects, next: value.continuationToken || undefined };
  }

  async delete(name: string, abortSignal: AbortSignal): Promise<void> {
    await this.#blob(name).deleteIfExists({ abortSignal });
  }

  async copy(from: string, to: string, abortSignal: AbortSignal): Promise<void> {
    const poller = await this.#blob(to).beginCopyFromURL(this.#blob(from).url, {
      abortSignal,
      intervalInMs: COPY_POLL_MS,
    });
    const { copyStatus } = await poller.pollUntilDone();
    if (copyStatus !== 'success') throw new Error(`the copy ended as ${copyStatus}`);
  }

  judge(error: unknown): Judgement {
    const status = statusOf(error);
    const text = `${status ?? ''} ${wordOf(error)}${requestOf(error)}`.trim();
    const word = WORDS[wordOf(error)];
    if (word !== undefined) return { code: word, text, again: false, unsure: false };
    if (status !== undefined && status >= 300) return judgeStatus(status, text);
    const connection = judgeConnection(error);
    if (connection !== undefined) return connection;
    return { code: 'GR-5002', text, again: true, unsure: true };
  }

  close(): void {
    // The client shares Node's connections, which let the process end.
  }

  #blob(name: string): BlockBlobClient {
    return this.#container.getBlockBlobClient(name);
  }
}

function serviceOf(endpoint: string | undefined, env: NodeJS.ProcessEnv): BlobServiceClient {
  // Trying again is the store's business, which knows what became of the first try.
  const options = { retryOptions: { maxTries: 1 } };
  const { AZURE_STORAGE_CONNECTION_STRING: whole, AZURE_STORAGE_ACCOUNT: account, AZURE_STORAGE_KEY: key } = env;
  const sas = env.AZURE_STORAGE_SAS_TOKEN?.replace(/^\?/, '');
  if (whole) {
    const named =
      endpoint === undefined ? whole : `${whole.replace(/BlobEndpoint=[^;]*;?/i, '')};BlobEndpoint=${endpoint}`;
    return BlobServiceClient.fromConnectionString(named, options);
  }
  const url = endpoint ?? (account === undefined ? undefined : `https://${account}.blob.core.windows.net`);
  if (url !== undefined && account !== undefined && key)
    return new BlobServiceClient(url, new StorageSharedKeyCredential(account, key), options);
  if (url !== undefined && sas) return new BlobServiceClient(`${url}?${sas}`, new AnonymousCredential(), options);
  throw new GeorefreshError('GR-5008', 'the environment has none for Azure');
}

function conditions(only: Writing['only']) {
  if (only === undefined) return {};
  return { conditions: only === 'if-absent' ? { ifNoneMatch: '*' } : { ifMatch: only.state } };
}

async function orRefused(sent: Promise<unknown>): Promise<Written> {
  try {
    await sent;
    return 'written';
  } catch (error) {
    // A blob that is there breaks the condition; which of the two is said depends on the request.
    if (statusOf(error) === 412 || wordOf(error) === 'BlobAlreadyExists') return 'refused';
    throw error;
  }
}

const statusOf = (error: unknown): number | undefined => (error instanceof RestError ? error.statusCode : undefined);

const wordOf = (error: unknown): string =>
  error instanceof RestError ? (error.code ?? '') : error instanceof Error ? error.name : '';

const requestOf = (error: unknown): string => {
  const id = error instanceof RestError ? error.response?.headers.get('x-ms-request-id') : undefined;
  return id === undefined ? '' : `, request ${id}`;
};

async function* nothing(): AsyncGenerator<Uint8Array> {}
