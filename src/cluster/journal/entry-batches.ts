import type { JournalEntry } from '../../journal/journal.ts'
import { HeadgateError } from '../../task/errors.ts'

/** Entries of one transaction at most. */
const MAX_ENTRIES = 500

interface Pending {
  readonly entry: JournalEntry
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Writes entries; what came while the last transaction ran is written by the next one. */
export class EntryBatches {
  readonly #write: (entries: readonly JournalEntry[]) => Promise<ReadonlySet<string>>
  #pending: Pending[] = []
  #isWriting = false

  /** @param write writes at most one entry of each task, and returns the ids of those that were not stale */
  constructor(write: (entries: readonly JournalEntry[]) => Promise<ReadonlySet<string>>) {
    this.#write = write
  }

  /** @throws HeadgateError `stale-run` for an event that does not follow the newest one, or is of another run. */
  append(entry: JournalEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ entry, resolve, reject })
      if (!this.#isWriting) void this.#writeAll()
    })
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    // What is appended in this turn goes together.
    await Promise.resolve()
    while (this.#pending.length > 0) await this.#writeSome(this.#takeSome())
    this.#isWriting = false
  }

  /** The first entry of each task, in the order in which they came. */
  #takeSome(): readonly Pending[] {
    const taken = new Map<string, Pending>()
    const left: Pending[] = []
    for (const pending of this.#pending) {
      const { id } = pending.entry.task
      if (taken.has(id) || taken.size === MAX_ENTRIES) left.push(pending)
      else taken.set(id, pending)
    }
    this.#pending = left
    return [...taken.values()]
  }

  async #writeSome(batch: readonly Pending[]): Promise<void> {
    try {
      const written = await this.#write(batch.map(({ entry }) => entry))
      for (const { entry, resolve, reject } of batch) {
        if (written.has(entry.task.id)) resolve()
        else reject(new HeadgateError('stale-run', `Task ${entry.task.id}: a newer version is known.`))
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
