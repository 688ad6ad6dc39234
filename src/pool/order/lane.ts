import type { Ticket } from '../../task/ticket.ts'
import { BlockList, type Linked } from './block-list.ts'

/** One waiting task: a link of its lane's list, so that it can be taken out in O(1) from anywhere. */
export interface Entry extends Linked<Entry> {
  readonly ticket: Ticket
  /** Its age: rises with every arrival, and is kept while it runs, is parked, or changes its level. */
  readonly seq: number
  readonly lane: Lane
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

interface LaneLevel extends Counted {
  readonly isFront: boolean
  /** Counts the entries and blocks that are looked at. */
  readonly work: { steps: number }
}

/** One FIFO of the queue: tasks of one level behind the same gates, the oldest first. */
export class Lane {
  readonly kind: LaneKind
  /** Whose turns its tasks take, and of what level; each counts its tasks. */
  readonly turn: Counted
  readonly level: LaneLevel
  isOpen = true
  readonly #entries: BlockList<Entry>

  constructor(kind: LaneKind, turn: Counted, level: LaneLevel) {
    this.kind = kind
    this.turn = turn
    this.level = level
    this.#entries = new BlockList(level.work)
  }

  get length(): number {
    return this.#entries.length
  }

  get head(): Entry | null {
    return this.#entries.head
  }

  /** A new task is the youngest and goes last in O(1); one that returns finds its place among the others. */
  insert(ticket: Ticket, seq: number): Entry {
    const entry: Entry = { ticket, seq, lane: this, block: null, previous: null, next: null }
    this.#entries.insert(entry)
    return entry
  }

  remove(entry: Entry): void {
    this.#entries.remove(entry)
  }

  /** Entries of a lower age than this one. */
  countBefore(seq: number): number {
    return this.#entries.countBefore(seq)
  }

  /** How many entries, from the first on, were admitted before this instant, epoch ms. */
  countAdmittedBefore(instant: number): number {
    return this.#entries.countAdmittedBefore(instant)
  }
}
