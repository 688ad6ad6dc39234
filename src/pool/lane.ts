import type { Task } from '../task/task.ts'

/** One waiting task: a link of its lane's list, so that it can be taken out in O(1) from anywhere. */
export interface Entry {
  readonly task: Task
  /** Its age: rises with every arrival, and is kept while it runs, is parked, or changes its level. */
  readonly seq: number
  readonly lane: Lane
  previous: Entry | null
  next: Entry | null
}

/** What the tasks of a lane have in common. */
export interface LaneKind {
  readonly name: string
  /** All of them have to be open. */
  readonly gates: readonly string[]
  /** Whether it is soon wanted again when it is empty. */
  readonly isLasting: boolean
}

interface Counted {
  length: number
}

/** One FIFO of the queue: tasks of one level behind the same gates, the oldest first. */
export class Lane {
  readonly kind: LaneKind
  /** Whose turns its tasks take, and of what level; each counts its tasks. */
  readonly turn: Counted
  readonly level: Counted & { readonly isFront: boolean }
  isOpen = true
  length = 0
  head: Entry | null = null
  #tail: Entry | null = null

  constructor(kind: LaneKind, turn: Counted, level: Counted & { readonly isFront: boolean }) {
    this.kind = kind
    this.turn = turn
    this.level = level
  }

  /** A new task is the youngest and goes last in O(1); one that returns finds its place from the front. */
  insert(task: Task, seq: number): Entry {
    const entry: Entry = { task, seq, lane: this, previous: null, next: null }
    const isLast = this.#tail === null || this.#tail.seq < seq
    this.#link(entry, isLast ? this.#tail : this.#lastBefore(seq))
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

  /** How many entries, from the oldest on, are what is asked: O(answer). */
  countWhile(is: (entry: Entry) => boolean): number {
    let count = 0
    for (let entry = this.head; entry !== null && is(entry); entry = entry.next) count += 1
    return count
  }

  #lastBefore(seq: number): Entry | null {
    let last: Entry | null = null
    for (let entry = this.head; entry !== null && entry.seq < seq; entry = entry.next) last = entry
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
