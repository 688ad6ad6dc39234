/** Messages that a server takes at once, and each second after that; it closes the socket of one that sends more. */
const AT_ONCE = 110
const PER_SECOND = 15

/** Sends messages in their order, no faster than the server takes them. */
export class Outbox {
  readonly #write: (text: string) => void
  #waiting: string[] = []
  #left = AT_ONCE
  #countedAt = 0
  #isOpen = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  open(): void {
    this.#isOpen = true
    this.#left = AT_ONCE
    this.#countedAt = Date.now()
  }

  /** What has not been sent is forgotten. */
  close(): void {
    this.#isOpen = false
    this.#waiting = []
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  push(text: string): void {
    if (!this.#isOpen) return
    this.#waiting.push(text)
    this.#flush()
  }

  #flush(): void {
    const now = Date.now()
    this.#left = Math.min(AT_ONCE, this.#left + ((now - this.#countedAt) / 1000) * PER_SECOND)
    this.#countedAt = now
    while (this.#left >= 1 && this.#waiting.length > 0) {
      this.#left -= 1
      this.#write(this.#waiting.shift() as string)
    }
    if (this.#waiting.length === 0) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#flush()
    }, 1000 / PER_SECOND)
  }
}
