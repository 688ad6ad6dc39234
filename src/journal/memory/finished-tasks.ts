import type { Memory, Record } from './records.ts'

export interface ShelfLimits {
  /** Finished tasks that are kept; the one that finished first is forgotten first. */
  readonly maxFinished: number
  /** Bytes of results and events of finished tasks that are kept, as a rough sum of their text. */
  readonly maxFinishedBytes: number
}

/** Keeps the finished tasks within their bounds, the oldest end forgotten first. */
export class FinishedTasks {
  readonly #memory: Memory
  readonly #limits: ShelfLimits
  /** A ring: what was forgotten leaves its place to the next. */
  readonly #finished: { id: string; bytes: number }[] = []
  #oldest = 0
  #kept = 0
  #bytes = 0

  constructor(memory: Memory, limits: ShelfLimits) {
    this.#memory = memory
    this.#limits = limits
  }

  add(id: string): void {
    const record = this.#memory.records.get(id)
    const bytes = record === undefined ? 0 : joinText(record)
    if (this.#kept === this.#limits.maxFinished) this.#forgetOldest()
    this.#finished[(this.#oldest + this.#kept) % this.#limits.maxFinished] = { id, bytes }
    this.#kept += 1
    this.#bytes += bytes
    // The newest stays, however large it is.
    while (this.#bytes > this.#limits.maxFinishedBytes && this.#kept > 1) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const oldest = this.#finished[this.#oldest]
    this.#oldest = (this.#oldest + 1) % this.#limits.maxFinished
    this.#kept -= 1
    if (oldest === undefined) return
    this.#bytes -= oldest.bytes
    this.#memory.forget(oldest.id)
  }
}

/** Text that a finished task holds in memory, in UTF-16 units. */
function joinText({ task, events }: Record): number {
  let sum = textIn(task.input) + textIn(task.metadata) + textIn(task.result)
  for (const event of events) {
    if (event.type === 'output') sum += event.chunk.length
    else if (event.type === 'log' || event.type === 'progress') sum += event.message?.length ?? 0
  }
  return sum
}

/** The strings in a value, however deep. */
function textIn(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let sum = 0
  for (const inner of Object.values(value)) sum += textIn(inner)
  return sum
}
