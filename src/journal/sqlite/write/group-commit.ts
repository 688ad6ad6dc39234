import type { DatabaseSync } from 'node:sqlite'
import { reached } from '../../../milestone.ts'
import type { DiskReserve } from './disk-reserve.ts'
import type { Fault, NumberedReply, WriteBatch, WriterNews } from '../protocol.ts'
import { primaryCodeOf } from '../start/lock.ts'
import { STALE, Writes, type Write } from './writes.ts'

const DISK_FULL = 13
/** How often a full disk is tried again. */
const RETRY_MS = 500

const STALE_RUN: Fault = {
  code: 'stale-run',
  message: 'The event is not the next one of its task, or of a run that is over.',
}
const REFUSED: Fault = { code: 'disk-full', message: 'The disk under the journal is full.' }

export interface GroupCommitParts {
  readonly db: DatabaseSync
  readonly reserve: DiskReserve
  readonly writesPerCheckpoint: number
  readonly tell: (news: WriterNews) => void
}

interface Numbered {
  readonly number: number
  readonly write: Write
}

/**
 * All writes that arrived while a commit ran share the next one, and its sync (`synchronous=FULL`). When the
 * disk is full, new tasks are refused and everything else is held in its order until there is room. Any other
 * fault of the disk is the end: after a sync that failed, nobody knows what the disk holds.
 */
export class GroupCommit {
  readonly #db: DatabaseSync
  readonly #writes: Writes
  readonly #reserve: DiskReserve
  readonly #writesPerCheckpoint: number
  readonly #tell: (news: WriterNews) => void
  /** Writes that wait for room on the disk, in their order. */
  #held: readonly Numbered[] = []
  #isFull = false
  #isBroken = false
  #sinceCheckpoint = 0
  #retry: NodeJS.Timeout | undefined

  constructor({ db, reserve, writesPerCheckpoint, tell }: GroupCommitParts) {
    this.#db = db
    this.#writes = new Writes(db)
    this.#reserve = reserve
    this.#writesPerCheckpoint = writesPerCheckpoint
    this.#tell = tell
  }

  /** Commits these after those that are held, and tells how they went. */
  commit(batches: readonly WriteBatch[]): void {
    const given = batches.flatMap(({ first, writes }) =>
      writes.map((write, index) => ({ number: first + index, write })),
    )
    this.#commitAll([...this.#held, ...(this.#isFull ? this.#refuseNewTasks(given) : given)])
  }

  /** Everything into the journal itself. */
  close(): void {
    if (this.#isBroken) return
    clearTimeout(this.#retry)
    this.#commitAll(this.#held)
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      // The log holds everything; the next start reads it.
      if (primaryCodeOf(error) !== DISK_FULL) throw error
    }
    this.#db.close()
  }

  #commitAll(writes: readonly Numbered[]): void {
    const last = writes.at(-1)
    if (this.#isBroken || last === undefined) return
    this.#held = []
    try {
      const replies = this.#transaction(writes)
      this.#tell({ kind: 'written', upTo: last.number, replies })
    } catch (error) {
      this.#rollBack()
      if (primaryCodeOf(error) === DISK_FULL) this.#hold(writes)
      else this.#break(error)
      return
    }
    this.#checkpointSometimes(writes.length)
  }

  #transaction(writes: readonly Numbered[]): readonly NumberedReply[] {
    const replies: NumberedReply[] = []
    this.#db.exec('BEGIN IMMEDIATE')
    reached('batch-begun')
    for (const { number, write } of writes) {
      const value = this.#writes.apply(write)
      if (value === STALE) replies.push({ number, fault: STALE_RUN })
      else if (value !== null) replies.push({ number, value })
    }
    this.#writes.flushTotals()
    const hasEnd = writes.some(({ write }) => write.op === 'append' && write.isEnd)
    if (hasEnd) reached('end-written')
    this.#db.exec('COMMIT')
    reached('batch-committed')
    if (hasEnd) reached('end-committed')
    return replies
  }

  /** The room that is left goes to tasks that were accepted. */
  #refuseNewTasks(writes: readonly Numbered[]): readonly Numbered[] {
    const refused = writes.filter(({ write }) => write.op === 'admit')
    if (refused.length === 0) return writes
    const replies = refused.map(({ number }) => ({ number, fault: REFUSED }))
    this.#tell({ kind: 'refused', replies })
    return writes.filter(({ write }) => write.op !== 'admit')
  }

  /** The disk is full: give the reserve back and go on without new tasks; if even that fails, wait. */
  #hold(writes: readonly Numbered[]): void {
    const isNews = !this.#isFull
    this.#isFull = true
    this.#held = this.#refuseNewTasks(writes)
    if (!isNews) return
    this.#tell({ kind: 'disk', isFull: true })
    this.#reserve.give()
    this.#retry = setTimeout(() => this.#tryAgain(), RETRY_MS)
    this.#commitAll(this.#held)
  }

  #tryAgain(): void {
    this.#commitAll(this.#held)
    if (this.#isBroken) return
    if (this.#held.length > 0 || !this.#reserve.keep()) {
      this.#retry = setTimeout(() => this.#tryAgain(), RETRY_MS)
      return
    }
    this.#isFull = false
    this.#tell({ kind: 'disk', isFull: false })
  }

  /** Not left to SQLite, which would not tell when it fails. */
  #checkpointSometimes(writes: number): void {
    this.#sinceCheckpoint += writes
    if (this.#sinceCheckpoint < this.#writesPerCheckpoint) return
    this.#sinceCheckpoint = 0
    try {
      this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch (error) {
      // Everything is durable in the log; it goes on growing until there is room.
      if (primaryCodeOf(error) !== DISK_FULL) this.#break(error)
    }
  }

  #rollBack(): void {
    this.#writes.forgetTotals()
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
  }

  /** Nothing more is written, and nothing more confirmed. */
  #break(error: unknown): void {
    this.#isBroken = true
    const message = `The journal can no longer be written: ${(error as Error).message}`
    this.#tell({ kind: 'fault', fault: { code: 'journal-failed', message } })
  }
}
