/** Bodies that are read at once; the others wait. */
const LOADS_AT_ONCE = 2

/** A long body that several replies send. */
export interface SharedBody<Loaded> {
  readonly loaded: Loaded
  /** Gives one reply's share back; further calls do nothing. */
  readonly release: () => void
}

interface Entry<Loaded> {
  /** null: there was no memory for it, or nothing to load. */
  readonly loading: Promise<Loaded | null>
  replies: number
  free: () => void
}

export interface Body {
  readonly bytes: Uint8Array
}

export interface BodySource<Loaded extends Body> {
  /** Memory that it will take, bytes. */
  readonly bytes: () => Promise<number>
  readonly load: () => Promise<Loaded>
}

/**
 * The memory that long replies may hold together. A reply to a slow reader holds its body for as long as that takes,
 * so equal bodies are held once, and what does not fit is refused: without a bound some hundred slow readers end the
 * process.
 */
export class ReplyMemory {
  readonly #maxBytes: number
  readonly #shared = new Map<string, Entry<Body>>()
  readonly #waiting: (() => void)[] = []
  #used = 0
  #loads = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#used
  }

  /** Reserves memory; calling the result releases it, once. null: there is not enough. One body may be larger than the limit. */
  take(bytes: number): (() => void) | null {
    if (this.#used > 0 && this.#used + bytes > this.#maxBytes) return null
    this.#used += bytes
    let isHeld = true
    return () => {
      if (isHeld) this.#used -= bytes
      isHeld = false
    }
  }

  /**
   * The body of a name, loaded once for all replies that send it at the same time.
   *
   * @returns null when there is no memory for it
   * @throws what `source` throws
   */
  async share<Loaded extends Body>(
    name: string,
    source: BodySource<Loaded>,
  ): Promise<SharedBody<Loaded> | null> {
    const entry = (this.#shared.get(name) ?? this.#open(name, source)) as Entry<Loaded>
    entry.replies += 1
    let isHeld = true
    const release = () => {
      if (!isHeld) return
      isHeld = false
      entry.replies -= 1
      if (entry.replies > 0) return
      if (this.#shared.get(name) === entry) this.#shared.delete(name)
      entry.free()
    }
    try {
      const loaded = await entry.loading
      if (loaded !== null) return { loaded, release }
    } catch (error) {
      release()
      throw error
    }
    release()
    return null
  }

  #open<Loaded extends Body>(name: string, source: BodySource<Loaded>): Entry<Loaded> {
    const entry: Entry<Loaded> = {
      loading: this.#load(source, () => entry),
      replies: 0,
      free: () => undefined,
    }
    this.#shared.set(name, entry)
    return entry
  }

  async #load<Loaded extends Body>(
    { bytes, load }: BodySource<Loaded>,
    entry: () => Entry<Loaded>,
  ): Promise<Loaded | null> {
    if (this.#loads >= LOADS_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#loads += 1
    try {
      // Taken before it is read: what does not fit is not read at all.
      const free = this.take(await bytes())
      if (free === null) return null
      return await load().then(
        (loaded) => {
          entry().free = free
          return loaded
        },
        (error: unknown) => {
          free()
          throw error
        },
      )
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#loads -= 1
      else next()
    }
  }
}
