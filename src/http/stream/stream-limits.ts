import { LOCAL_CALLER, type Caller } from '../../auth/caller.ts'

export interface PlacesOptions {
  /** Streams of everybody together. */
  readonly max: number
  /** Streams of one caller; those of this machine, without tokens, are only counted together. */
  readonly maxPerCaller: number
}

/** How many streams are open, and whether one more may be. */
export class StreamLimits {
  readonly #options: PlacesOptions
  readonly #ofCaller = new Map<string, number>()
  #taken = 0

  constructor(options: PlacesOptions) {
    this.#options = options
  }

  get taken(): number {
    return this.#taken
  }

  /** Takes a place; call the reply once to give it back. Undefined: there is none. */
  take(caller: Caller): (() => void) | undefined {
    const { max, maxPerCaller } = this.#options
    const own = this.#ofCaller.get(caller.name) ?? 0
    const isFull = this.#taken >= max || (caller !== LOCAL_CALLER && own >= maxPerCaller)
    if (isFull) return undefined
    this.#taken += 1
    this.#ofCaller.set(caller.name, own + 1)
    return () => this.#giveBack(caller.name)
  }

  #giveBack(name: string): void {
    this.#taken -= 1
    const own = (this.#ofCaller.get(name) ?? 1) - 1
    if (own === 0) this.#ofCaller.delete(name)
    else this.#ofCaller.set(name, own)
  }
}
