import { findReschedule } from '../../handler/retry/reschedule-error.ts'

/**
 * Runs `work` on every item, `limit` at once, in their order. After a failure nothing new begins, and what has begun is
 * waited for, so that no answer that was paid for is thrown away. An item for which there is no room while others of
 * this same list are at work is tried again after the next of them.
 *
 * @throws the first failure.
 */
export async function inParallel<Item, Value>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, index: number) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = []
  const waiting = [...items.keys()]
  const running = new Map<number, Promise<void>>()
  const failures: unknown[] = []
  /** How many may run as far as is known: fewer than `limit` after one has found no room. */
  let room = limit

  const begin = (index: number) => {
    const settle = work(items[index] as Item, index).then(
      (value) => {
        values[index] = value
        room = Math.min(limit, room + 1)
      },
      (error: unknown) => {
        const others = running.size - 1
        if (!hasNoRoom(error) || others === 0) return void failures.push(error)
        waiting.push(index)
        waiting.sort((a, b) => a - b)
        room = others
      },
    )
    const gone = settle.finally(() => running.delete(index))
    running.set(index, gone)
  }

  while (running.size > 0 || (waiting.length > 0 && failures.length === 0)) {
    const mayBegin = failures.length === 0 && running.size < room
    const next = mayBegin ? waiting.shift() : undefined
    if (next === undefined) await Promise.race(running.values())
    else begin(next)
  }
  if (failures.length > 0) throw failures[0]
  return values
}

/** A resource is used up to its limit, by tasks such as this one. */
function hasNoRoom(error: unknown): boolean {
  const wait = findReschedule(error)
  return wait !== null && wait.reason === 'resource' && wait.failure === null
}
