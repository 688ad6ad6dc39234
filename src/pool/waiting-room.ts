import { PRIORITIES, type Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import { Lane, type Entry } from './lane.ts'

/** A task that was interrupted so often without getting further is a suspect (design D6). */
const STRIKES_OF_SUSPECT = 2
/** Order keys of one level; 2^51 arrivals per level keep every key an exact integer. */
const KEYS_PER_LEVEL = 2 ** 51
const HIGHEST_LEVEL = PRIORITIES.length - 1
/** Before every level. */
const FIRST = -KEYS_PER_LEVEL

/**
 * The bounded queue's order: lanes are FIFOs by level and type, and the next task is the lowest key among
 * the heads of open lanes. Levels are strict (URGENT before HIGH before NORMAL before LOW) and first in,
 * first out inside a level; a type at its limit closes its lanes and is passed over without being scanned.
 *
 * Costs: enqueue, take and remove are O(1) in waiting tasks (take looks at one head per lane);
 * `tasksAhead` is O(answer).
 */
export class WaitingRoom {
  readonly #entries = new Map<string, Entry>()
  readonly #lanes: Lane[] = []
  readonly #lanesByType = new Map<string, readonly Lane[]>()
  readonly #lanesByName = new Map<string, readonly Lane[]>()
  readonly #countByPriority: number[] = PRIORITIES.map(() => 0)
  readonly #closedTypes = new Set<string>()
  #areSuspectsOpen = true
  #arrivals = 0
  #eligible = 0

  get size(): number {
    return this.#entries.size
  }

  /** Waiting tasks whose type may start now. */
  get eligible(): number {
    return this.#eligible
  }

  countOf(priority: Priority): number {
    return this.#countByPriority[priority] ?? 0
  }

  /** Puts a task last in its level. The reply is its order key, with which it can be put back later. */
  enqueue(task: Task): number {
    const key = (HIGHEST_LEVEL - task.priority) * KEYS_PER_LEVEL + this.#arrivals
    this.#arrivals += 1
    this.putBack(task, key)
    return key
  }

  /** Puts a task before all others, behind those that were put there before it. */
  enqueueFirst(task: Task): void {
    this.putBack(task, FIRST + this.#arrivals)
    this.#arrivals += 1
  }

  /** Puts a task where its key belongs: one that was taken before goes in front of later arrivals. */
  putBack(task: Task, key: number): void {
    const lane = this.#laneOf(task)
    this.#entries.set(task.id, lane.insert(task, key))
    this.#count(lane, task.priority, 1)
  }

  /** Moves a waiting task to the level of its new version; it keeps its age. */
  reprioritise(task: Task): boolean {
    const entry = this.#entries.get(task.id)
    if (entry === undefined) return false
    const lift = (task.priority - entry.task.priority) * KEYS_PER_LEVEL
    this.#takeOut(entry)
    this.putBack(task, entry.key < 0 ? entry.key : entry.key - lift)
    return true
  }

  /** Takes out the best eligible task. */
  take(): { readonly task: Task; readonly key: number } | undefined {
    let best: Entry | null = null
    for (const lane of this.#lanes) {
      if (lane.isOpen && lane.head !== null && (best === null || lane.head.key < best.key)) best = lane.head
    }
    if (best === null) return undefined
    this.#takeOut(best)
    return best
  }

  remove(id: string): Task | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#takeOut(entry)
    return entry.task
  }

  /** Waiting tasks that would start before this one, were every type open; undefined when it does not wait. */
  tasksAhead(id: string): number | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    return this.#lanes.reduce((ahead, lane) => ahead + lane.countBelow(entry.key), 0)
  }

  setOpen(type: string, isOpen: boolean): void {
    if (isOpen) this.#closedTypes.delete(type)
    else this.#closedTypes.add(type)
    for (const lane of this.#lanesByType.get(type) ?? []) this.#openOrClose(lane)
  }

  /** Whether the next suspect may start. */
  setSuspectsOpen(areOpen: boolean): void {
    this.#areSuspectsOpen = areOpen
    for (const lane of this.#lanes) if (lane.isOfSuspects) this.#openOrClose(lane)
  }

  /** Every waiting task in the order in which they would start. */
  *inOrder(): Generator<Task> {
    const heads = this.#lanes.map((lane) => lane.head)
    for (;;) {
      let best = -1
      for (const [index, head] of heads.entries()) {
        if (head != null && (best < 0 || head.key < (heads[best]?.key ?? Infinity))) best = index
      }
      const entry = heads[best]
      if (entry == null) return
      yield entry.task
      heads[best] = entry.next
    }
  }

  /** When the task that waits longest was admitted, epoch ms; null when none waits. */
  get oldestCreatedAt(): number | null {
    let oldest: number | null = null
    for (const { head } of this.#lanes) {
      if (head !== null && (oldest === null || head.task.createdAt < oldest)) oldest = head.task.createdAt
    }
    return oldest
  }

  #laneOf(task: Task): Lane {
    const name = isSuspect(task) ? `suspects of ${task.type}` : task.type
    let lanes = this.#lanesByName.get(name)
    if (lanes === undefined) {
      lanes = PRIORITIES.map(() => new Lane(task.type, isSuspect(task)))
      this.#lanesByName.set(name, lanes)
      this.#lanesByType.set(task.type, [...(this.#lanesByType.get(task.type) ?? []), ...lanes])
      this.#lanes.push(...lanes)
      for (const lane of lanes) this.#openOrClose(lane)
    }
    return lanes[task.priority] as Lane
  }

  #openOrClose(lane: Lane): void {
    const isOpen = !this.#closedTypes.has(lane.type) && (!lane.isOfSuspects || this.#areSuspectsOpen)
    if (lane.isOpen === isOpen) return
    lane.isOpen = isOpen
    this.#eligible += isOpen ? lane.length : -lane.length
  }

  #takeOut(entry: Entry): void {
    entry.lane.remove(entry)
    this.#entries.delete(entry.task.id)
    this.#count(entry.lane, entry.task.priority, -1)
  }

  #count(lane: Lane, priority: Priority, change: 1 | -1): void {
    this.#countByPriority[priority] = this.countOf(priority) + change
    if (lane.isOpen) this.#eligible += change
  }
}

export function isSuspect({ strikes }: Task): boolean {
  return strikes >= STRIKES_OF_SUSPECT
}
