import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Upload } from '../task/task.ts'
import { cleanName } from './file-name.ts'
import { HEAD_BYTES, recognise } from './recognise.ts'

export interface PutOptions {
  /** The client's name for the file, any text; kept for show only. */
  readonly name: string
  readonly maxBytes: number
  /** Media types that are welcome. */
  readonly accept: readonly string[]
}

export type PutReply =
  | { readonly kind: 'stored'; readonly upload: Upload }
  | { readonly kind: 'too-large'; readonly maxBytes: number }
  | { readonly kind: 'empty' }
  | { readonly kind: 'unsupported'; readonly mediaType: string }

interface Received {
  readonly head: Buffer
  readonly bytes: number
  readonly sha256: string
  readonly isTooLarge: boolean
}

/** Uploaded files in a folder of our own, under ids of our own: a client's name never becomes a path. */
export class Spool {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Where a stored file lies. */
  pathOf({ spoolId }: Pick<Upload, 'spoolId'>): string {
    return join(this.#folder, spoolId)
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
  }

  async remove(upload: Pick<Upload, 'spoolId'>): Promise<void> {
    await rm(this.pathOf(upload), { force: true })
  }

  /** Removes the folder and all that lies in it. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  /**
   * Streams a file to disk, recognises it by its content, and syncs file and folder. Nothing is left behind
   * when it is refused or the stream breaks.
   *
   * @throws what the stream or the disk throws.
   */
  async put(stream: Readable, { name, maxBytes, accept }: PutOptions): Promise<PutReply> {
    const spoolId = randomUUID()
    const partPath = this.pathOf({ spoolId: `${spoolId}.part` })
    try {
      const received = await receive(stream, partPath, maxBytes)
      if (received.isTooLarge) return { kind: 'too-large', maxBytes }
      if (received.bytes === 0) return { kind: 'empty' }
      const mediaType = await recognise(partPath, received.head)
      if (!accept.includes(mediaType)) return { kind: 'unsupported', mediaType }

      await rename(partPath, this.pathOf({ spoolId }))
      await syncFolder(this.#folder)
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
    const received = await copy(stream, file, maxBytes)
    if (!received.isTooLarge) await file.sync()
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
  }
  return { head, bytes, sha256: hash.digest('hex'), isTooLarge: bytes > maxBytes }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes the spools in `folder` of processes that are gone: a memory journal has forgotten their tasks. */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    const pid = /^spool-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(folder, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
