import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { Upload } from '../task/task.ts'
import type { Blobs } from './blobs.ts'
import {
  parseFetchedId,
  type PutOptions,
  type PutReply,
  type SweepResult,
  type UploadStore,
} from './upload-store.ts'

/** A file that no task names goes after this time: its submit has failed, or is still under way. */
const ORPHAN_MS = 3_600_000
/** A file of a task that starts is asked for again after these times, ms: its store may be away for a moment. */
const TRY_AGAIN_MS = [200, 1000, 3000, 10_000]

export interface SharedStoreDeps {
  /** Where files are taken in, and used, on this machine. */
  readonly local: UploadStore
  readonly blobs: Blobs
  /** Which of these files a task names. */
  readonly findNamed: (ids: readonly string[]) => Promise<ReadonlySet<string>>
}

/**
 * Uploaded files where any process has them. A store on this machine takes a file in, since it knows how to read and
 * recognise it, and has it again while a task of this process uses it.
 */
export class SharedStore implements UploadStore {
  readonly #local: UploadStore
  readonly #blobs: Blobs
  readonly #findNamed: SharedStoreDeps['findNamed']

  constructor({ local, blobs, findNamed }: SharedStoreDeps) {
    this.#local = local
    this.#blobs = blobs
    this.#findNamed = findNamed
  }

  assertOwn(): void {
    this.#local.assertOwn()
  }

  async start(): Promise<void> {
    await this.#local.start()
    await this.#blobs.start()
  }

  async put(stream: Readable, options: PutOptions): Promise<PutReply> {
    const reply = await this.#local.put(stream, options)
    if (reply.kind !== 'stored') return reply
    try {
      await this.#blobs.put(reply.upload, await this.#local.open(reply.upload))
      return reply
    } finally {
      await this.#local.remove(reply.upload)
    }
  }

  async open(upload: Upload): Promise<string> {
    try {
      return await this.#local.open(upload)
    } catch (error) {
      return this.#fetch(upload, error)
    }
  }

  async copy(upload: Upload): Promise<Upload | undefined> {
    const spoolId = randomUUID()
    return (await this.#blobs.copy(upload.spoolId, spoolId)) ? { ...upload, spoolId } : undefined
  }

  async remove(upload: Pick<Upload, 'spoolId'>): Promise<void> {
    await this.#blobs.remove(upload.spoolId)
    await this.#local.remove(upload)
  }

  release(upload: Pick<Upload, 'spoolId'>): Promise<void> {
    return this.#local.remove(upload)
  }

  /**
   * Removes what no task names; on this machine the copies that a process has left which was killed: only documents that
   * were fetched are of use again.
   */
  async sweep(isKept: (spoolId: string) => boolean): Promise<SweepResult> {
    for await (const ids of this.#blobs.listOld(ORPHAN_MS)) {
      const named = await this.#findNamed(ids)
      for (const id of ids) if (!named.has(id)) await this.#blobs.remove(id)
    }
    return this.#local.sweep((id) => parseFetchedId(id) !== '' && isKept(id))
  }

  sweepFetched(isLive: (taskId: string) => boolean): Promise<void> {
    return this.#local.sweepFetched(isLive)
  }

  clear(): Promise<void> {
    return this.#local.clear()
  }

  /** Takes a file of another machine in; what is not as it came is refused as if it were not there. */
  async #fetch(upload: Upload, missing: unknown): Promise<string> {
    const { spoolId, name, bytes, mediaType } = upload
    const options = { spoolId, name, maxBytes: bytes, accept: [mediaType] }
    for (const pauseMs of [...TRY_AGAIN_MS, null]) {
      try {
        const reply = await this.#local.put(Readable.from(this.#blobs.read(spoolId)), options)
        if (reply.kind !== 'stored') throw missing
        return await this.#local.open(upload)
      } catch (error) {
        if (error === missing || pauseMs === null) throw error
        await setTimeout(pauseMs)
      }
    }
    throw missing
  }
}
