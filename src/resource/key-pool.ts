/** A secret of a provider, and the project that its limits belong to. */
export interface ProjectKey {
  readonly project: string
  readonly key: string
}

/** The keys of one project, used in turn; one that the provider does not know any more is left out. */
export class KeyPool {
  readonly #keys: readonly string[]
  readonly #refused = new Set<string>()
  #next = 0

  /** @param keys none: calls need no key */
  constructor(keys: readonly string[]) {
    this.#keys = keys
  }

  /** Keys that are still valid. */
  get good(): number {
    return this.#keys.length - this.#refused.size
  }

  /** Whether there were keys, and all of them were refused. */
  get isUsedUp(): boolean {
    return this.#keys.length > 0 && this.good === 0
  }

  /** The next key; null where none is needed. */
  next(): string | null {
    for (let tries = 0; tries < this.#keys.length; tries += 1) {
      const key = this.#keys[this.#next % this.#keys.length] as string
      this.#next += 1
      if (!this.#refused.has(key)) return key
    }
    return null
  }

  /** The provider does not know this key. */
  refuse(key: string | null): void {
    if (key !== null && this.#keys.includes(key)) this.#refused.add(key)
  }
}
