import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { RetentionJournal } from '../journal/journal.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { Clock } from '../time/clock.ts'
import { MINUTE_MS } from '../time/minute.ts'
import type { ProvenTime } from '../time/proven-time.ts'
import { failpoint } from '../failpoints.ts'

export interface RetentionDeps {
  readonly journal: RetentionJournal
  readonly uploadStore: UploadStore
  /** Wall clock that a jump does not move: what is erased cannot be had again. */
  readonly time: Pick<ProvenTime, 'now' | 'cutoff' | 'save'>
  /** Whether a task has not ended. */
  readonly isLive: (taskId: string) => boolean
  readonly clock: Clock
  readonly log: Logger
  /** How long each is kept after the end of its task, ms; `tracesMs` after it was erased. */
  readonly keepMs: {
    readonly results: number
    readonly events: number
    readonly uploads: number
    readonly traces: number
    readonly history: number
  }
}

const FIRST_ROUND_MS = 1000
const ROUND_MS = MINUTE_MS
/** Tasks a piece; then the work has its turn for as long as the piece took, and a little more. */
const PIECE = 100
const PAUSE_MS = 10

/** Forgets what has been kept long enough, piece by piece beside the work. */
export class Retention {
  readonly #deps: RetentionDeps
  #takeBackTimer: (() => void) | null = null
  #round: Promise<void> | null = null
  #isStopped = false

  constructor(deps: RetentionDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#pruneAfter(FIRST_ROUND_MS)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#takeBackTimer?.()
    this.#takeBackTimer = null
    await this.#round
  }

  /** One round now; another follows after a minute. Never rejects. */
  prune(): Promise<void> {
    this.#takeBackTimer?.()
    this.#takeBackTimer = null
    this.#round ??= this.#pruneAll()
      .catch((error: unknown) => this.#deps.log.error({ err: error }, 'retention failed'))
      .finally(() => {
        this.#round = null
        this.#pruneAfter(ROUND_MS)
      })
    return this.#round
  }

  #pruneAfter(ms: number): void {
    if (this.#isStopped) return
    this.#takeBackTimer ??= this.#deps.clock.after(ms, () => void this.prune())
  }

  async #pruneAll(): Promise<void> {
    const { journal, keepMs, time } = this.#deps
    const now = time.now()
    await time.save()
    await this.#deps.uploadStore.sweepFetched(this.#deps.isLive)
    await this.#piecemeal(() => this.#pruneUploads(time.cutoff(keepMs.uploads)))
    await this.#piecemeal(async () => {
      const { tasks, spoolIds } = await journal.eraseEnded(time.cutoff(keepMs.results), now, PIECE)
      await this.#removeFiles(spoolIds)
      return tasks
    })
    await this.#piecemeal(() => journal.pruneEvents(time.cutoff(keepMs.events), PIECE))
    const oldestMinute = Math.floor(time.cutoff(keepMs.history) / MINUTE_MS)
    await this.#piecemeal(() => journal.pruneMinutes(oldestMinute, PIECE))
    await this.#piecemeal(() => journal.pruneTraces(now, time.cutoff(keepMs.traces), PIECE))
  }

  /** Piece after piece, until one finds nothing. */
  async #piecemeal(prune: () => Promise<number>): Promise<void> {
    while (!this.#isStopped) {
      const startedAt = performance.now()
      if ((await prune()) === 0) return
      failpoint('retention-deleted')
      await sleep(performance.now() - startedAt + PAUSE_MS)
    }
  }

  /** The files first: a name without a file does no harm. */
  async #pruneUploads(before: number): Promise<number> {
    const { journal } = this.#deps
    const ended = await journal.endedUploads(before, PIECE)
    if (ended.length === 0) return 0
    await this.#removeFiles(ended.map(({ spoolId }) => spoolId))
    await journal.forgetUploads(ended.map(({ taskId }) => taskId))
    return ended.length
  }

  /** One that cannot be removed holds nothing up: no task names it any more, so the next start tries again. */
  async #removeFiles(spoolIds: readonly string[]): Promise<void> {
    for (const spoolId of spoolIds) {
      await this.#deps.uploadStore.remove({ spoolId }).catch((error: unknown) => {
        this.#deps.log.warn({ err: error, spoolId }, 'upload not removed')
      })
    }
  }
}
