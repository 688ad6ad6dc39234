import type { DatabaseSync } from 'node:sqlite'
import { failpoint } from '../../../failpoints.ts'
import type { DiskReserve } from './disk-reserve.ts'
import type { Fault, NumberedReply, WriteBatch, WriterMessage } from '../thread-protocol.ts'
import { toPrimaryCode } from '../open/lock.ts'
import type { Checkpoints } from './checkpoints.ts'
import { MUTATIONS, STALE, type AnyMutation, type Write } from './mutations.ts'
import { unpack } from './packing.ts'
import { Transaction } from './transaction.ts'

const DISK_FULL = 13
/** How often a full disk is tried again. */
const RETRY_MS = 500

const STALE_RUN: Fault = {
  code: 'stale-run',
  message: 'The event is not the next one of its task, or the run that it is of is over.',
}
const REFUSED: Fault = { code: 'disk-full', message: 'The disk under the journal is full.' }

export interface GroupCommitDeps {
  readonly db: DatabaseSync
  readonly reserve: DiskReserve
  /** Counts what is written. */
  readonly checkpoints: Pick<Checkpoints, 'count' | 'whenIdle'>
  /** The reason why the files of the journal are no longer those that are open; null: they are. */
  readonly lost: () => string | null
  readonly report: (message: WriterMessage) => void
}

/** Text of one transaction: it goes to the log as a whole. */
const MAX_TRANSACTION_CHARS = 16 * 1024 * 1024

interface Numbered {
  readonly number: number
  readonly write: Write
}

/**
 * All writes that arrived while a commit ran share the next one, and its sync (`synchronous=FULL`). When the
 * disk is full, new tasks are refused and everything else is held in its order until there is room. Any other
 * fault of the disk is the end: after a failed sync it is unknown what the disk holds.
 */
export class GroupCommit {
  readonly #db: DatabaseSync
  readonly #transaction: Transaction
  readonly #reserve: DiskReserve
  readonly #checkpoints: GroupCommitDeps['checkpoints']
  readonly #report: (message: WriterMessage) => void
  /** Writes that wait for room on the disk, in their order. */
  #held: readonly Numbered[] = []
  #isFull = false
  #isBroken = false
  readonly #lost: () => string | null
  #retry: NodeJS.Timeout | undefined

  constructor({ db, reserve, checkpoints, lost, report }: GroupCommitDeps) {
    this.#lost = lost
    this.#db = db
    this.#transaction = new Transaction(db)
    this.#reserve = reserve
    this.#checkpoints = checkpoints
    this.#report = report
  }

  /** Commits these after the held ones, and reports their results. */
  commit(batches: readonly WriteBatch[]): void {
    const given = batches.flatMap(({ first, writes }) =>
      writes.map((write, index) => ({ number: first + index, write: unpack(write) })),
    )
    for (const piece of splitPieces(given)) {
      this.#commitAll([...this.#held, ...(this.#isFull ? this.#refuseNewTasks(piece) : piece)])
    }
    if (!this.#isBroken) this.#checkpoints.whenIdle()
  }

  /** Checks whether the files are still those that are open; called periodically too. */
  checkFiles(): boolean {
    if (this.#isBroken) return false
    const lost = this.#lost()
    if (lost === null) return true
    this.fail(lost)
    return false
  }

  /** Nothing more is written, and nothing more confirmed. */
  fail(reason: string): void {
    this.#isBroken = true
    const message = `The journal can no longer be written: ${reason}`
    this.#report({ kind: 'fault', fault: { code: 'journal-failed', message } })
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
      if (toPrimaryCode(error) !== DISK_FULL) throw error
    }
    this.#db.close()
  }

  #commitAll(writes: readonly Numbered[]): void {
    const last = writes.at(-1)
    if (this.#isBroken || last === undefined) return
    this.#held = []
    const rowsBefore = this.#transaction.changes
    try {
      const replies = this.#apply(writes)
      // Nothing is confirmed that was written to a file which is no longer reachable.
      if (!this.checkFiles()) return
      this.#report({ kind: 'written', upTo: last.number, replies })
    } catch (error) {
      this.#rollBack()
      if (toPrimaryCode(error) === DISK_FULL) this.#hold(writes)
      else this.fail((error as Error).message)
      return
    }
    const chars = writes.reduce((sum, { write }) => sum + countChars(write), 0)
    this.#checkpoints.count({ writes: writes.length, chars, rows: this.#transaction.changes - rowsBefore })
  }

  #apply(writes: readonly Numbered[]): readonly NumberedReply[] {
    const replies: NumberedReply[] = []
    this.#transaction.begin()
    failpoint('batch-begun')
    for (const { number, write } of writes) {
      const value = toMutation(write).apply(this.#transaction, ...write.args)
      if (value === STALE) replies.push({ number, fault: STALE_RUN })
      else if (value !== undefined && value !== null) replies.push({ number, value })
    }
    this.#transaction.flushTotals()
    const hasEnd = writes.some(({ write }) => write.name === 'append' && write.args[0].isEnd)
    if (hasEnd) failpoint('end-written')
    this.#transaction.commit()
    failpoint('batch-committed')
    if (hasEnd) failpoint('end-committed')
    return replies
  }

  /** The room that is left goes to tasks that were accepted. */
  #refuseNewTasks(writes: readonly Numbered[]): readonly Numbered[] {
    const refused = writes.filter(({ write }) => isNew(write))
    if (refused.length === 0) return writes
    const replies = refused.map(({ number }) => ({ number, fault: REFUSED }))
    this.#report({ kind: 'refused', replies })
    return writes.filter(({ write }) => !isNew(write))
  }

  /** The disk is full: release the reserve and continue without new tasks; if even that fails, wait. */
  #hold(writes: readonly Numbered[]): void {
    const hasMoved = !this.#isFull
    this.#isFull = true
    this.#held = this.#refuseNewTasks(writes)
    if (!hasMoved) return
    this.#report({ kind: 'disk', isFull: true })
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
    this.#report({ kind: 'disk', isFull: false })
  }

  #rollBack(): void {
    this.#transaction.rolledBack()
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
  }
}

/** Writes in pieces that each fit into one transaction, in their order. */
function splitPieces(writes: readonly Numbered[]): readonly (readonly Numbered[])[] {
  const pieces: Numbered[][] = [[]]
  let chars = 0
  for (const each of writes) {
    const own = countChars(each.write)
    if (chars > 0 && chars + own > MAX_TRANSACTION_CHARS) {
      pieces.push([])
      chars = 0
    }
    chars += own
    pieces.at(-1)?.push(each)
  }
  return pieces
}

function countChars(write: Write): number {
  return toMutation(write).chars?.(...write.args) ?? 0
}

function isNew(write: Write): boolean {
  return toMutation(write).isNew ?? false
}

function toMutation({ name }: Write): AnyMutation {
  return MUTATIONS[name] as unknown as AnyMutation
}
