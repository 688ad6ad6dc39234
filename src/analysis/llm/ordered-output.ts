/**
 * Parts of a text that are written side by side, told in their order: the first unfinished part as it comes, those
 * behind it when their turn has come.
 */
export class OrderedOutput {
  readonly #tell: (text: string) => void
  readonly #held = new Map<number, string>()
  readonly #ended = new Set<number>()
  #turn = 0

  constructor(tell: (text: string) => void) {
    this.#tell = tell
  }

  write(part: number, text: string): void {
    if (text === '') return
    if (part === this.#turn) this.#tell(text)
    else this.#held.set(part, (this.#held.get(part) ?? '') + text)
  }

  end(part: number): void {
    this.#ended.add(part)
    while (this.#ended.has(this.#turn)) {
      this.#turn += 1
      const held = this.#held.get(this.#turn) ?? ''
      this.#held.delete(this.#turn)
      if (held !== '') this.#tell(held)
    }
  }

  /** What a part has told so far does not count: its call begins anew. */
  restart(part: number): void {
    if (part !== this.#turn) this.#held.delete(part)
  }
}
