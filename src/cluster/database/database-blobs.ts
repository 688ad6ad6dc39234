import { createReadStream } from 'node:fs'
import type { Upload } from '../../task/task.ts'
import type { Blobs } from '../../uploads/blobs.ts'
import type { Database, Statements } from './database.ts'

/** Bytes of one row. */
const PART_BYTES = 1024 * 1024

/** Files in the database, part by part. */
export class DatabaseBlobs implements Blobs {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  put({ spoolId }: Pick<Upload, 'spoolId'>, path: string): Promise<void> {
    return this.#db.transaction((tx) => writeParts(tx, spoolId, path))
  }

  read(id: string): AsyncIterable<Buffer> {
    return readParts(this.#db, id)
  }

  async copy(from: string, to: string): Promise<boolean> {
    const copied = await this.#db.query(
      `INSERT INTO headgate.uploads (id, part, bytes) SELECT $2, part, bytes FROM headgate.uploads WHERE id = $1 RETURNING 1`,
      [from, to],
    )
    return copied.length > 0
  }

  async remove(id: string): Promise<void> {
    await this.#db.query('DELETE FROM headgate.uploads WHERE id = $1', [id])
  }

  async *listOld(ageMs: number): AsyncGenerator<readonly string[]> {
    const rows = await this.#db.query<{ id: string }>(
      `SELECT DISTINCT id FROM headgate.uploads
        WHERE created_at < clock_timestamp() - make_interval(secs => $1::float8)
          AND NOT EXISTS (SELECT FROM headgate.tasks WHERE spool_id = uploads.id)`,
      [ageMs / 1000],
    )
    yield rows.map(({ id }) => id)
  }
}

/** Which of these files a task names. */
export async function findNamedUploads(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const sql = 'SELECT spool_id AS id FROM headgate.tasks WHERE spool_id = ANY ($1)'
  return new Set((await db.query<{ id: string }>(sql, [ids])).map(({ id }) => id))
}

/** Writes a file, part by part. */
async function writeParts(tx: Statements, id: string, path: string): Promise<void> {
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
async function* readParts(db: Database, id: string): AsyncGenerator<Buffer> {
  for (let part = 0; ; part += 1) {
    const sql = 'SELECT bytes FROM headgate.uploads WHERE id = $1 AND part = $2'
    const [row] = await db.query<{ bytes: Buffer }>(sql, [id, part])
    if (row === undefined) return
    yield row.bytes
  }
}
