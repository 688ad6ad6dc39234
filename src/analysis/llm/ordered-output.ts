/**
 * Parts of a text that are written concurrently, passed on in their order: the first unfinished part as it
 * arrives, later ones when all before them are finished.
 */
export class OrderedOutput {
  readonly #write: (text: string) => void
  readonly #held = new Map<number, string>()
  readonly #ended = new Set<number>()
  #turn = 0

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  write(part: number, text: string): void {
    if (text === '') return
    if (part === this.#turn) this.#write(text)
    else this.#held.set(part, (this.#held.get(part) ?? '') + text)
  }

  end(part: number): void {
    this.#ended.add(part)
    while (this.#ended.has(this.#turn)) {
      this.#turn += 1
      const held = this.#held.get(this.#turn) ?? ''
      this.#held.delete(this.#turn)
      if (held !== '') this.#write(held)
    }
  }

  /** What a part has written so far is dropped: its call starts again. */
  restart(part: number): void {
    if (part !== this.#turn) this.#held.delete(part)
  }
}
