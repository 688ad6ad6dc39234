import type { Logger } from 'pino'
import type { NoteJournal } from '../../journal/journal.ts'
import type { Clock } from '../../task/clock.ts'
import type { Tally } from '../record/tally.ts'

/** Where the count of refused submits is kept. */
const NOTE = 'total_rejected'
const SAVE_EVERY_MS = 5000

export interface RejectedCountParts {
  readonly notes: NoteJournal
  readonly tally: Tally
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Keeps the number of refused submits, the only total that no task tells. It is written now and then, so a
 * process that is killed loses what it refused in its last seconds.
 */
export class RejectedCount {
  readonly #parts: RejectedCountParts
  #saved = 0
  #takeBackTimer: (() => void) | null = null

  constructor(parts: RejectedCountParts) {
    this.#parts = parts
  }

  async load(): Promise<number> {
    this.#saved = Number((await this.#parts.notes.loadNote(NOTE)) ?? 0)
    return this.#saved
  }

  start(): void {
    this.#takeBackTimer ??= this.#parts.clock.after(SAVE_EVERY_MS, () => {
      this.#takeBackTimer = null
      this.start()
      void this.save()
    })
  }

  async stop(): Promise<void> {
    this.#takeBackTimer?.()
    this.#takeBackTimer = null
    await this.save()
  }

  /** Never rejects: a count is not worth a stop. */
  async save(): Promise<void> {
    const { notes, tally, log } = this.#parts
    const { rejected } = tally
    if (rejected === this.#saved) return
    this.#saved = rejected
    await notes.saveNote(NOTE, `${rejected}`).catch((error: unknown) => {
      log.warn({ err: error }, 'the count of refused submits could not be saved')
    })
  }
}
