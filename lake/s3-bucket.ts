import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { Bucket, Judgement, Looked, Page, PartedUpload, Piece, Writing, Written } from './bucket.js';
import { S3Faults, statusOf } from './s3-faults.js';

export interface S3Options {
  /** Of a service other than Amazon's; default: AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL, else Amazon's. */
  endpoint?: string | undefined;
  /** Default: by the AWS chain (AWS_REGION, the profile), else us-east-1. */
  region?: string | undefined;
  /** Buckets in the path rather than in the host's name; default: wherever an endpoint is set. */
  pathStyle?: boolean | undefined;
  /** The largest object that one request copies; default: 5 GiB, which is the service's own limit. */
  copyBytes?: number | undefined;
}

const COPY_BYTES = 5 * 2 ** 30;

const MARK = 'georefresh-write';
const CONNECT_MS = 5_000;
/** A connection over which nothing moves for so long is given up. */
const IDLE_MS = 20_000;

/** A bucket of Amazon S3, or of a service that speaks as it does and honours `If-None-Match` on writes. */
export class S3Bucket implements Bucket {
  readonly base: string;
  readonly maxParts = 10_000;
  readonly copyBytes: number;
  readonly #bucket: string;
  readonly #client: S3Client;
  readonly #faults = new S3Faults(IDLE_MS);

  /** Credentials come by the AWS chain when first needed: environment, profile, role of the machine or container. */
  constructor(
    bucket: string,
    { endpoint, region, pathStyle, copyBytes = COPY_BYTES }: S3Options = {},
    env: NodeJS.ProcessEnv = process.env,
  ) {
    // The version is pinned; what it says of later ones would stand between the lines of every command.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
    this.base = `s3://${bucket}`;
    this.#bucket = bucket;
    this.copyBytes = copyBytes;
    const elsewhere = endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
    const given = region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
    this.#client = new S3Client({
      ...(endpoint !== undefined && { endpoint }),
      ...(given !== undefined ? { region: given } : elsewhere !== undefined && { region: 'us-east-1' }),
      forcePathStyle: pathStyle ?? elsewhere !== undefined,
      // Trying again is the store's business, which knows what became of the first try.
      maxAttempts: 1,
      // Every object has a digest of ours. The client's own check would tell of damage as of a connection that broke.
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: IDLE_MS },
    });
  }

  async put(name: string, bytes: Uint8Array, { only, mark }: Writing, signal: AbortSignal) {
    const command = new PutObjectCommand({
      ...this.#at(name),
      Body: bytes,
      Metadata: { [MARK]: mark },
      ...conditionOf(only),
    });
    return orRefused(this.#client.send(command, { abortSignal: signal }));
  }

  async begin(name: string, { only, mark }: Writing, signal: AbortSignal): Promise<PartedUpload> {
    const at = this.#at(name);
    const begin = new CreateMultipartUploadCommand({ ...at, Metadata: { [MARK]: mark } });
    const { UploadId } = await this.#client.send(begin, { abortSignal: signal });
    const parts = new Map<number, string | undefined>();
    return {
      put: async (number, Body, abortSignal) => {
        const command = new UploadPartCommand({ ...at, UploadId, PartNumber: number, Body });
        parts.set(number, (await this.#client.send(command, { abortSignal })).ETag);
      },
      copy: async (PartNumber, { name: source, state, from, to }, abortSignal) => {
        const command = new UploadPartCopyCommand({
          ...{ ...at, UploadId, PartNumber, CopySource: this.#source(source) },
          CopySourceRange: `bytes=${from}-${to - 1}`,
          CopySourceIfMatch: state,
        });
        parts.set(PartNumber, (await this.#client.send(command, { abortSignal })).CopyPartResult?.ETag);
      },
      finish: (abortSignal) => {
        const Parts = [...parts].sort(([a], [b]) => a - b).map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
        const command = new CompleteMultipartUploadCommand({
          ...at,
          UploadId,
          MultipartUpload: { Parts },
          ...conditionOf(only),
        });
        return orRefused(this.#client.send(command, { abortSignal }));
      },
      abandon: async (abortSignal) => {
        await this.#client.send(new AbortMultipartUploadCommand({ ...at, UploadId }), { abortSignal });
      },
    };
  }

  async read(name: string, from: number, to: number, state: string | undefined, signal: AbortSignal): Promise<Piece> {
    const condition = state === undefined ? {} : { IfMatch: state };
    const command = new GetObjectCommand({ ...this.#at(name), Range: `bytes=${from}-${to - 1}`, ...condition });
    try {
      const {
        Body,
        ContentRange,
        ContentLength,
        ETag = '',
      } = await this.#client.send(command, {
        abortSignal: signal,
      });
      const total = Number(/\/(\d+)$/.exec(ContentRange ?? '')?.[1] ?? ContentLength ?? 0);
      return { body: Body as AsyncIterable<Uint8Array>, total, state: ETag };
    } catch (error) {
      // No range of an empty object can be given.
      if (statusOf(error) !== 416 || from > 0) throw error;
      const found = await this.head(name, signal);
      if (found?.bytes !== 0) throw error;
      return { body: nothing(), total: 0, state: found.state };
    }
  }

  async head(name: string, signal: AbortSignal): Promise<Looked | undefined> {
    try {
      const found = await this.#client.send(new HeadObjectCommand(this.#at(name)), { abortSignal: signal });
      return { bytes: found.ContentLength ?? 0, state: found.ETag ?? '', mark: found.Metadata?.[MARK] };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async page(prefix: string, after: string | undefined, limit: number, signal: AbortSignal): Promise<Page> {
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: prefix,
      MaxKeys: limit,
      ...(after !== undefined && { ContinuationToken: after }),
    });
    const { Contents = [], NextContinuationToken: next } = await this.#client.send(command, { abortSignal: signal });
    const objects = Contents.map(({ Key = '', Size = 0, LastModified, ETag = '' }) => ({
      name: Key,
      bytes: Size,
      modified: LastModified ?? new Date(0),
      state: ETag,
    }));
    return { objects, next };
  }

  async delete(name: string, signal: AbortSignal): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#at(name)), { abortSignal: signal });
  }

  async copy(from: string, to: string, signal: AbortSignal): Promise<void> {
    const command = new CopyObjectCommand({ ...this.#at(to), CopySource: this.#source(from) });
    await this.#client.send(command, { abortSignal: signal });
  }

  judge(error: unknown): Judgement {
    return this.#faults.judge(error);
  }

  close(): void {
    this.#client.destroy();
  }

  #source(name: string): string {
    return `${this.#bucket}/${name}`.split('/').map(encodeURIComponent).join('/');
  }

  #at(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: name };
  }
}

function conditionOf(only: Writing['only']): { IfNoneMatch?: string; IfMatch?: string } {
  if (only === undefined) return {};
  return only === 'if-absent' ? { IfNoneMatch: '*' } : { IfMatch: only.state };
}

async function orRefused(sent: Promise<unknown>): Promise<Written> {
  try {
    await sent;
    return 'written';
  } catch (error) {
    if (statusOf(error) === 412) return 'refused';
    throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
