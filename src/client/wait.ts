/** Pauses between tries double from the first to the last, ms. */
const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 10_000

/** The pause before try number `tries`, ms; with jitter, so that many clients do not come back at once. */
export function pauseMs(tries: number): number {
  return Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10)) * (0.5 + Math.random())
}

/** @throws the reason of the signal when it is aborted, before or meanwhile */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** Values that are pushed, as an async iterator; `close` ends it after what was pushed, `fail` with an error. */
export class Queue<Value> implements AsyncIterable<Value> {
  readonly #values: Value[] = []
  #end: { readonly error: unknown } | 'closed' | null = null
  #wake: (() => void) | null = null

  push(value: Value): void {
    if (this.#end !== null) return
    this.#values.push(value)
    this.#wake?.()
  }

  close(): void {
    this.#end ??= 'closed'
    this.#wake?.()
  }

  fail(error: unknown): void {
    this.#end ??= { error }
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
    for (;;) {
      if (this.#values.length > 0) yield this.#values.shift() as Value
      else if (this.#end === 'closed') return
      else if (this.#end !== null) throw this.#end.error
      else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = null
      }
    }
  }
}
