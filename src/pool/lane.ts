import type { Task } from '../task/task.ts'

/** One waiting task: a link of its lane's list, so that it can be taken out in O(1) from anywhere. */
export interface Entry {
  readonly task: Task
  /** The lowest key in the room starts next. */
  readonly key: number
  readonly lane: Lane
  previous: Entry | null
  next: Entry | null
}

/** One FIFO of the waiting room: the tasks of one level and one type, in the order of their keys. */
export class Lane {
  readonly type: string
  /** Its tasks are suspected of ending the process: of all suspects one runs at a time. */
  readonly isOfSuspects: boolean
  isOpen = true
  length = 0
  head: Entry | null = null
  #tail: Entry | null = null

  constructor(type: string, isOfSuspects: boolean) {
    this.type = type
    this.isOfSuspects = isOfSuspects
  }

  /** A new task has the highest key and goes last in O(1); one that returns finds its place from the front. */
  insert(task: Task, key: number): Entry {
    const entry: Entry = { task, key, lane: this, previous: null, next: null }
    const before = this.#tail === null || this.#tail.key < key ? this.#tail : this.#lastBelow(key)
    this.#link(entry, before)
    this.length += 1
    return entry
  }

  remove(entry: Entry): void {
    if (entry.previous === null) this.head = entry.next
    else entry.previous.next = entry.next
    if (entry.next === null) this.#tail = entry.previous
    else entry.next.previous = entry.previous
    entry.previous = entry.next = null
    this.length -= 1
  }

  /** How many entries have a lower key: O(answer). */
  countBelow(key: number): number {
    let count = 0
    for (let entry = this.head; entry !== null && entry.key < key; entry = entry.next) count += 1
    return count
  }

  #lastBelow(key: number): Entry | null {
    let last: Entry | null = null
    for (let entry = this.head; entry !== null && entry.key < key; entry = entry.next) last = entry
    return last
  }

  #link(entry: Entry, before: Entry | null): void {
    entry.previous = before
    entry.next = before === null ? this.head : before.next
    if (entry.next === null) this.#tail = entry
    else entry.next.previous = entry
    if (before === null) this.head = entry
    else before.next = entry
  }
}
