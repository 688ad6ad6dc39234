import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { TaskError } from '../task/failure.ts'
import { failpoint } from '../failpoints.ts'
import type { Upload } from '../task/task.ts'
import { assertOwnFolder, removeFolder, removeOwnFile } from './own-files.ts'
import {
  parseFetchedId,
  type PutOptions,
  type PutReply,
  type SweepResult,
  type UploadStore,
} from './upload-store.ts'
import { HEAD_BYTES, recognise } from './detect-media-type.ts'
import { syncPath } from '../sync-path.ts'

interface Received {
  readonly head: Buffer
  readonly bytes: number
  readonly sha256: string
  readonly isTooLarge: boolean
}

/** Uploaded files in a folder of our own, under ids of our own: a client's name never becomes a path. */
export class FolderStore implements UploadStore {
  readonly #folder: string
  /** Places whose files are known to be whole: taken in, or read through, by this process. */
  readonly #own = new Set<string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Where a stored file lies. */
  pathOf({ spoolId }: Pick<Upload, 'spoolId'>): string {
    return join(this.#folder, spoolId)
  }

  /** @throws HeadgateError `invalid-setting` for a folder that is a link, or holds what is not ours. */
  assertOwn(): void {
    assertOwnFolder(this.#folder)
  }

  /** @throws HeadgateError as `assertOwn`. */
  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    this.assertOwn()
  }

  /**
   * Removes plain files with names of ours that no task names, and nothing else.
   *
   * @param isKept whether a task may ask for the file of this id
   */
  async sweep(isKept: (spoolId: string) => boolean): Promise<SweepResult> {
    const orphans = (await readdir(this.#folder)).filter((name) => !isKept(name))
    const removed = await Promise.all(orphans.map((name) => removeOwnFile(this.#folder, name)))
    const count = removed.filter(Boolean).length
    return { removed: count, left: orphans.length - count }
  }

  /**
   * Where an uploaded file lies. One that an earlier process took in is looked at once more.
   * @throws TaskError `input_missing` when it is not there as it came.
   */
  async open({ spoolId, bytes, sha256 }: Upload): Promise<string> {
    const path = this.pathOf({ spoolId })
    const size = await stat(path).then(
      (found) => found.size,
      () => -1,
    )
    const isWhole = size === bytes && (this.#own.has(spoolId) || (await sha256Of(path)) === sha256)
    if (!isWhole) throw new TaskError('input_missing', 'The file of this task is no longer there as it came.')
    this.#own.add(spoolId)
    return path
  }

  /** The same file under another id, so that either may go; undefined when it is no longer there. */
  async copy(upload: Upload): Promise<Upload | undefined> {
    const spoolId = randomUUID()
    try {
      await link(this.pathOf(upload), this.pathOf({ spoolId }))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    await syncPath(this.#folder)
    return { ...upload, spoolId }
  }

  /** Here it is kept where it is used. */
  release(): Promise<void> {
    return Promise.resolve()
  }

  async remove(upload: Pick<Upload, 'spoolId'>): Promise<void> {
    this.#own.delete(upload.spoolId)
    await rm(this.pathOf(upload), { force: true })
  }

  /** Removes documents that were fetched for tasks that have ended while nothing of them ran. */
  async sweepFetched(isLive: (taskId: string) => boolean): Promise<void> {
    const names = await readdir(this.#folder).catch(() => [])
    for (const spoolId of names) {
      const taskId = parseFetchedId(spoolId)
      if (taskId !== '' && !isLive(taskId)) await removeOwnFile(this.#folder, spoolId)
    }
  }

  /** Removes our files, and the folder when nothing else lies in it. */
  async clear(): Promise<void> {
    await removeFolder(this.#folder)
  }

  /**
   * Streams a file to disk, recognises it by its content, and syncs file and folder. Nothing is left behind
   * when it is refused or the stream breaks.
   *
   * @throws what the stream or the disk throws.
   */
  async put(
    stream: Readable,
    { name, maxBytes, accept, spoolId = randomUUID() }: PutOptions,
  ): Promise<PutReply> {
    const partPath = this.pathOf({ spoolId: `${spoolId}.part` })
    try {
      const received = await receive(stream, partPath, maxBytes)
      if (received.isTooLarge) return { kind: 'too-large', maxBytes }
      if (received.bytes === 0) return { kind: 'empty' }
      const mediaType = await recognise(partPath, received.head)
      if (!accept.includes(mediaType)) return { kind: 'unsupported', mediaType }

      await rename(partPath, this.pathOf({ spoolId }))
      failpoint('spool-renamed')
      await syncPath(this.#folder)
      failpoint('spool-folder-synced')
      this.#own.add(spoolId)
      const { bytes, sha256 } = received
      return { kind: 'stored', upload: { spoolId, name: cleanName(name), mediaType, bytes, sha256 } }
    } finally {
      await rm(partPath, { force: true })
    }
  }
}

async function receive(stream: Readable, path: string, maxBytes: number): Promise<Received> {
  const file = await open(path, 'wx', 0o600)
  try {
    failpoint('spool-opened')
    const received = await copy(stream, file, maxBytes)
    if (!received.isTooLarge) await file.sync()
    failpoint('spool-synced')
    return received
  } finally {
    await file.close()
  }
}

async function copy(stream: Readable, file: FileHandle, maxBytes: number): Promise<Received> {
  const hash = createHash('sha256')
  let head = Buffer.alloc(0)
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) break
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)])
    hash.update(chunk)
    await file.writev([chunk])
    failpoint('spool-half')
  }
  return { head, bytes, sha256: hash.digest('hex'), isTooLarge: bytes > maxBytes }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Removes the spools in `folder` of processes that are gone: a memory journal has forgotten their tasks. */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    const pid = /^spool-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await removeFolder(join(folder, name))
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const MAX_NAME_CHARS = 200
/** Path parts, control characters, and the marks that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Cf}]/gu

/** A client's file name as it may be shown: its last part, without control or invisible characters. */
function cleanName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  const clean = last.normalize('NFC').replace(UNSAFE, '').trim().slice(0, MAX_NAME_CHARS)
  return clean === '' || clean === '.' || clean === '..' ? 'file' : clean
}
