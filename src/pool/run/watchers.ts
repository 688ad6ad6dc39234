/** Who waits for a state to be reached. */
export class Watchers {
  readonly #watchers = new Set<() => void>()

  /** Settles as soon as the state is reached: now, or when one of the changes that are told has led to it. */
  when(isReached: () => boolean): Promise<void> {
    if (isReached()) return Promise.resolve()
    return new Promise((resolve) => {
      const watcher = () => {
        if (!isReached()) return
        this.#watchers.delete(watcher)
        resolve()
      }
      this.#watchers.add(watcher)
    })
  }

  /** Something has changed. */
  tell(): void {
    if (this.#watchers.size > 0) for (const watcher of this.#watchers) watcher()
  }
}
