import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { Upload } from '../../task/task.ts'
import {
  parseFetchedId,
  type PutOptions,
  type PutReply,
  type SweepResult,
  type UploadStore,
} from '../../uploads/upload-store.ts'
import type { Database, Statements } from './database.ts'

/** Bytes of one row. */
const PART_BYTES = 1024 * 1024
/** A file that no task names goes after this time: its submit has failed, or is still under way. */
const ORPHAN_SECONDS = 3600

/**
 * Uploaded files in the database, so that any process of the cluster has them. A store on this machine takes a file in, since
 * it knows how to read and recognise it, and has it again while a task of this process uses it.
 */
export class DatabaseStore implements UploadStore {
  readonly #db: Database
  readonly #local: UploadStore

  /** @param local where files are taken in, and used */
  constructor(db: Database, local: UploadStore) {
    this.#db = db
    this.#local = local
  }

  assertOwn(): void {
    this.#local.assertOwn()
  }

  start(): Promise<void> {
    return this.#local.start()
  }

  async put(stream: Readable, options: PutOptions): Promise<PutReply> {
    const reply = await this.#local.put(stream, options)
    if (reply.kind !== 'stored') return reply
    try {
      const path = await this.#local.open(reply.upload)
      await this.#db.transaction((tx) => writeParts(tx, reply.upload.spoolId, path))
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
    const copied = await this.#db.query(
      `INSERT INTO headgate.uploads (id, part, bytes) SELECT $2, part, bytes FROM headgate.uploads WHERE id = $1 RETURNING 1`,
      [upload.spoolId, spoolId],
    )
    return copied.length === 0 ? undefined : { ...upload, spoolId }
  }

  async remove(upload: Pick<Upload, 'spoolId'>): Promise<void> {
    await this.#db.query('DELETE FROM headgate.uploads WHERE id = $1', [upload.spoolId])
    await this.#local.remove(upload)
  }

  release(upload: Pick<Upload, 'spoolId'>): Promise<void> {
    return this.#local.remove(upload)
  }

  /**
   * In the database what no task names; here the copies that a process has left which was killed: only documents that were
   * fetched are of use again.
   */
  async sweep(isKept: (spoolId: string) => boolean): Promise<SweepResult> {
    await this.#db.query(
      `DELETE FROM headgate.uploads WHERE created_at < clock_timestamp() - make_interval(secs => ${ORPHAN_SECONDS})
        AND NOT EXISTS (SELECT FROM headgate.tasks WHERE spool_id = uploads.id)`,
    )
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
    const parts = Readable.from(readParts(this.#db, spoolId))
    const options = { spoolId, name, maxBytes: bytes, accept: [mediaType] }
    const reply = await this.#local.put(parts, options)
    if (reply.kind !== 'stored') throw missing
    return this.#local.open(upload)
  }
}

/** Writes a file, part by part. */
export async function writeParts(tx: Statements, id: string, path: string): Promise<void> {
  let part = 0
  for await (const bytes of createReadStream(path, { highWaterMark: PART_BYTES })) {
    await tx.query('INSERT INTO headgate.uploads (id, part, bytes) VALUES ($1, $2, $3)', [
      id,
      part,
      bytes as Buffer,
    ])
    part += 1
  }
}

/** One part at a time: a file may be large. */
export async function* readParts(db: Database, id: string): AsyncGenerator<Buffer> {
  for (let part = 0; ; part += 1) {
    const sql = 'SELECT bytes FROM headgate.uploads WHERE id = $1 AND part = $2'
    const [row] = await db.query<{ bytes: Buffer }>(sql, [id, part])
    if (row === undefined) return
    yield row.bytes
  }
}
