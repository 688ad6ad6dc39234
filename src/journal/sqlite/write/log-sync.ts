import { closeSync, fdatasync, openSync } from 'node:fs'

export interface LogSyncParts {
  /** The write-ahead log. */
  readonly path: string
  /** Every commit up to this number is durable. */
  readonly synced: (upTo: number) => void
  readonly failed: (error: Error) => void
}

/**
 * Makes commits durable: what SQLite's `synchronous=FULL` does at the end of each commit, done beside the
 * commits that follow, so that one sync serves all that were made meanwhile. SQLite itself runs with
 * `synchronous=NORMAL`, which syncs the log before a checkpoint and the journal after it; a commit counts
 * when this has synced the log behind it, and not before.
 */
export class LogSync {
  readonly #parts: LogSyncParts
  readonly #file: number
  #wanted = -1
  #syncing = -1
  #done = -1
  #whenDone: (() => void) | null = null

  constructor(parts: LogSyncParts) {
    this.#parts = parts
    this.#file = openSync(parts.path, 'r+')
  }

  /** A commit up to this number was made. */
  upTo(number: number): void {
    this.#wanted = number
    this.#next()
  }

  /** Settles when every commit is durable. */
  async close(): Promise<void> {
    if (this.#done < this.#wanted) await new Promise<void>((resolve) => (this.#whenDone = resolve))
    closeSync(this.#file)
  }

  #next(): void {
    if (this.#syncing > this.#done || this.#done === this.#wanted) return
    this.#syncing = this.#wanted
    fdatasync(this.#file, (error) => {
      if (error !== null) return this.#parts.failed(error)
      this.#done = this.#syncing
      this.#parts.synced(this.#done)
      if (this.#done === this.#wanted) this.#whenDone?.()
      else this.#next()
    })
  }
}
