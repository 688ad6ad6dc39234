import { closeSync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { ownFile } from '../../../own-file.ts'
import { toPrimaryCode } from '../open/lock.ts'

/** Why a checkpoint failed, with SQLite's own number of the error; null: it did not. */
export type CheckpointReply = { readonly code: number | undefined; readonly message: string } | null

export interface CheckpointThreadData {
  readonly path: string
  /** Descriptor by which the journal is synced. It is closed last: that ends every lock of the process on the file. */
  readonly file: number
}

/** What was written since the last checkpoint began. */
export interface Written {
  readonly writes: number
  /** Characters of long texts. */
  readonly chars: number
  readonly rows: number
}

interface CheckpointsDeps {
  readonly db: DatabaseSync
  /** The journal's file. */
  readonly path: string
  readonly writesPerCheckpoint: number
  /** Size of the log on disk, bytes. */
  readonly logBytes: () => number
  /** A fault of the disk other than that it is full. */
  readonly onFault: (message: string) => void
}

/** The log is checkpointed after this much text, whatever the number of writes. */
const CHARS_PER_CHECKPOINT = 16 * 1024 * 1024
/** And after this many rows: a piece of the retention is one write of hundreds of them. */
const ROWS_PER_CHECKPOINT = 16_000
/** A larger log is truncated during operation. */
const MAX_LOG_BYTES = 64 * 1024 * 1024
/** A larger log is cut when nothing is written. */
const IDLE_LOG_BYTES = 8 * 1024 * 1024
const IDLE_MS = 1000
/** A reader that takes longer is not waited for: the log is cut the next time. */
const CUT_LOG = 'PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 5000'
const COPY_LOG = 'PRAGMA wal_checkpoint(PASSIVE)'
/** What was written during a copy is copied too, so often at the most, before the writing thread does what is left. */
const MAX_COPIES = 3
/** So little is left to the writing thread at once: a share of what makes a checkpoint due. */
const SMALL_SHARE = 1 / 8
const DISK_FULL = 13
const NOTHING: Written = { writes: 0, chars: 0, rows: 0 }

/**
 * When the log is copied into the journal. The copy is made by a thread of its own, started for the first one, beside the
 * commits; what they add meanwhile is little, and copied by the writing thread, which then begins the log anew.
 */
export class Checkpoints {
  readonly #deps: CheckpointsDeps
  #written = NOTHING
  #thread: Worker | null = null
  #file: number | null = null
  #copies = 0
  #isCutWanted = false
  #idle: NodeJS.Timeout | undefined
  #whenCopied: (() => void) | null = null
  #isStopped = false

  constructor(deps: CheckpointsDeps) {
    this.#deps = deps
  }

  /** Not left to SQLite, which would not report a failure. */
  count({ writes, chars, rows }: Written): void {
    const before = this.#written
    this.#written = { writes: before.writes + writes, chars: before.chars + chars, rows: before.rows + rows }
    if (this.#shareOfDue >= 1) this.#begin()
  }

  /** A log that has grown is made small again when there is nothing else to do. */
  whenIdle(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => {
      if (this.#deps.logBytes() <= IDLE_LOG_BYTES) return
      this.#isCutWanted = true
      this.#begin()
    }, IDLE_MS)
  }

  /** Resolves when no copy is under way, and none will be. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#idle)
    if (this.#copies > 0) await new Promise<void>((resolve) => (this.#whenCopied = resolve))
    const thread = this.#thread
    if (thread === null) return
    this.#thread = null
    const exited = new Promise((resolve) => thread.once('exit', resolve))
    thread.postMessage('close')
    await exited
  }

  /** When the journal is closed. */
  release(): void {
    if (this.#file !== null) closeSync(this.#file)
    this.#file = null
  }

  /** How much of what makes a checkpoint due has been written. */
  get #shareOfDue(): number {
    const { writes, chars, rows } = this.#written
    return Math.max(
      writes / this.#deps.writesPerCheckpoint,
      chars / CHARS_PER_CHECKPOINT,
      rows / ROWS_PER_CHECKPOINT,
    )
  }

  #begin(): void {
    if (this.#copies > 0 || this.#isStopped) return
    this.#copy()
  }

  #copy(): void {
    this.#written = NOTHING
    this.#copies += 1
    try {
      this.#thread ??= this.#startThread()
      this.#thread.postMessage('checkpoint')
    } catch {
      this.#copied(null)
    }
  }

  /** Without it the writing thread copies, and meets what is wrong itself. */
  #startThread(): Worker {
    const { path } = this.#deps
    this.#file ??= openSync(path, 'r+')
    const workerData: CheckpointThreadData = { path, file: this.#file }
    const thread = new Worker(ownFile('./checkpoint-thread', import.meta.url), { workerData })
    thread.on('message', (reply: CheckpointReply) => this.#copied(reply))
    thread.on('error', () => {
      this.#thread = null
      this.#copied(null)
    })
    return thread
  }

  #copied(reply: CheckpointReply): void {
    const isRest = this.#shareOfDue <= SMALL_SHARE || this.#copies >= MAX_COPIES
    if (reply !== null) this.#fail(reply)
    else if (!this.#isStopped && !isRest && this.#thread !== null) return this.#copy()
    else if (!this.#isStopped) this.#finish()
    this.#copies = 0
    this.#whenCopied?.()
  }

  /** What came since the copy, and the log from its beginning again. */
  #finish(): void {
    this.#written = NOTHING
    const isCut = this.#isCutWanted || this.#deps.logBytes() > MAX_LOG_BYTES
    this.#isCutWanted = false
    try {
      this.#deps.db.exec(isCut ? CUT_LOG : COPY_LOG)
    } catch (error) {
      this.#fail({ code: toPrimaryCode(error), message: (error as Error).message })
    }
  }

  /** On a full disk everything is durable in the log, which grows until there is space. */
  #fail({ code, message }: NonNullable<CheckpointReply>): void {
    if (code !== DISK_FULL) this.#deps.onFault(message)
  }
}
