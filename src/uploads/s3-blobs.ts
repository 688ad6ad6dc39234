import { openAsBlob } from 'node:fs'
import { AwsClient } from 'aws4fetch'
import { HeadgateError } from '../task/errors.ts'
import type { Upload } from '../task/task.ts'
import type { Blobs } from './blobs.ts'

export interface S3Options {
  /** `s3://bucket/prefix?endpoint=https://…&region=…`; without an endpoint that of AWS. */
  readonly url: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A store that answers 5xx is asked again this often. */
const RETRIES = 3
const REQUEST_MS = 30_000
/** A file on its way, either way. */
const TRANSFER_MS = 600_000
const PAGE = 1000

/** Objects in a bucket of S3, R2, MinIO or another store that speaks as they do; addressed by path. */
export class S3Blobs implements Blobs {
  readonly #client: AwsClient
  readonly #bucketUrl: string
  readonly #bucket: string
  /** Begins each key; empty, or with a slash at its end. */
  readonly #prefix: string

  /** @throws HeadgateError `invalid-setting` */
  constructor({ url, accessKeyId, secretAccessKey }: S3Options) {
    const { hostname: bucket, pathname, searchParams } = new URL(url)
    if (accessKeyId === '' || secretAccessKey === '') {
      throw refused('an S3 store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
    }
    const region = searchParams.get('region') ?? 'us-east-1'
    const endpoint = searchParams.get('endpoint') ?? `https://s3.${region}.amazonaws.com`
    if (!URL.canParse(endpoint)) throw refused('its endpoint is no address')
    const prefix = pathname.split('/').filter((part) => part !== '')
    this.#client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: RETRIES })
    this.#bucket = bucket
    this.#bucketUrl = new URL(bucket, endpoint.endsWith('/') ? endpoint : `${endpoint}/`).href
    this.#prefix = prefix.map((part) => `${part}/`).join('')
  }

  async start(): Promise<void> {
    const url = new URL(this.#bucketUrl)
    url.search = `list-type=2&max-keys=1&prefix=${encodeURIComponent(this.#prefix)}`
    const { status } = await this.#ask(url.href)
    if (status !== 200) throw refused(`the bucket ${this.#bucket} answers ${status}`)
  }

  async put({ spoolId, sha256 }: Pick<Upload, 'spoolId' | 'sha256'>, path: string): Promise<void> {
    const headers = { 'x-amz-content-sha256': sha256 }
    const body = await openAsBlob(path)
    await this.#expect(
      await this.#ask(this.#urlOf(spoolId), { method: 'PUT', headers, body, signal: within(TRANSFER_MS) }),
    )
  }

  async *read(id: string): AsyncGenerator<Uint8Array> {
    const response = await this.#ask(this.#urlOf(id), { signal: within(TRANSFER_MS) })
    if (response.status === 404) {
      await response.body?.cancel()
      return
    }
    assertOk(response)
    if (response.body !== null) yield* response.body as unknown as AsyncIterable<Uint8Array>
  }

  async copy(from: string, to: string): Promise<boolean> {
    const headers = { 'x-amz-copy-source': `/${this.#bucket}/${this.#prefix}${from}` }
    const response = await this.#ask(this.#urlOf(to), {
      method: 'PUT',
      headers,
      signal: within(TRANSFER_MS),
    })
    const text = await response.text()
    if (response.status === 404) return false
    assertOk(response)
    // A copy that fails on its way is answered with 200 and an error.
    if (text.includes('<Error>')) throw unavailable('a copy failed')
    return true
  }

  async remove(id: string): Promise<void> {
    const response = await this.#ask(this.#urlOf(id), { method: 'DELETE' })
    if (response.status !== 404) await this.#expect(response)
  }

  async *listOld(ageMs: number): AsyncGenerator<readonly string[]> {
    const before = Date.now() - ageMs
    for (let token: string | null = ''; token !== null;) {
      const url = new URL(this.#bucketUrl)
      url.searchParams.set('list-type', '2')
      url.searchParams.set('max-keys', `${PAGE}`)
      url.searchParams.set('prefix', this.#prefix)
      if (token !== '') url.searchParams.set('continuation-token', token)
      const response = await this.#ask(url.href)
      assertOk(response)
      const text = await response.text()
      yield listObjects(text).flatMap(({ key, at }) => {
        const id = key.slice(this.#prefix.length)
        return at < before && OWN_ID.test(id) ? [id] : []
      })
      token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1] ?? null
    }
  }

  #urlOf(id: string): string {
    return `${this.#bucketUrl}/${this.#prefix}${id}`
  }

  async #ask(url: string, init: RequestInit = {}): Promise<Response> {
    try {
      return await this.#client.fetch(url, { signal: within(REQUEST_MS), ...init })
    } catch (error) {
      throw unavailable((error as Error).message, error)
    }
  }

  async #expect(response: Response): Promise<void> {
    await response.text()
    assertOk(response)
  }
}

/** Ids of ours alone are listed: the bucket may hold what others have put there. */
const OWN_ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

/** The objects of a listing, whose keys are ids of ours, or nothing that is looked at. */
function listObjects(xml: string): { readonly key: string; readonly at: number }[] {
  return xml
    .split('<Contents>')
    .slice(1)
    .map((part) => ({
      key: /<Key>([^<]*)</.exec(part)?.[1] ?? '',
      at: Date.parse(/<LastModified>([^<]*)</.exec(part)?.[1] ?? ''),
    }))
}

function within(ms: number): AbortSignal {
  return AbortSignal.timeout(ms)
}

function assertOk({ ok, status }: Response): void {
  if (!ok) throw unavailable(`it answers ${status}`)
}

function unavailable(what: string, cause?: unknown): HeadgateError {
  return new HeadgateError('journal-unavailable', `The store of uploads: ${what}.`, { cause })
}

function refused(what: string): HeadgateError {
  return new HeadgateError('invalid-setting', `UPLOADS_URL: ${what}.`)
}
