import { PRIORITIES, type Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import { ConcurrencyGates, type GateOptions } from './concurrency-gates.ts'
import { Lane, type Entry, type LaneKind } from './lane.ts'
import { choose, Level, charge, type FairShare, type LevelView, type Turn } from './level.ts'

export interface RoomOptions extends GateOptions {
  /** A level is this much ahead of the one below it; 0: levels are strict. */
  readonly headStartMs: number
  /** How many turns a caller gets for one of another; null: callers take no turns. */
  readonly weightOf: ((caller: string) => number) | null
}

const SWEEP_EVERY = 1024
/** One turn that all share, where callers take none. */
const EVERYBODY = ''

/**
 * The bounded queue's order. Levels are strict (URGENT before HIGH before NORMAL before LOW) or, with a head
 * start, ordered by age less the level's lead; inside a level callers may take turns; what is left is exact
 * first in, first out. A lane holds the tasks that the same gates hold back.
 *
 * Costs: enqueue, take and remove are O(1) in waiting tasks (take looks at one head per lane); positions are
 * O(answer), with turns O(answer × callers).
 */
export class PriorityQueue {
  readonly gates: ConcurrencyGates
  readonly #options: RoomOptions
  readonly #entries = new Map<string, Entry>()
  /** Before all levels: tasks that ran when the process before ended. */
  readonly #front = new Level(Infinity, true)
  readonly #levels: readonly Level[]
  /** In the order in which they are looked at. */
  readonly #inOrder: readonly Level[]
  readonly #lanesByGate = new Map<string, Set<Lane>>()
  #arrivals = 0
  #eligible = 0
  #taken = 0

  constructor(options: RoomOptions) {
    this.#options = options
    const { headStartMs } = options
    this.#levels = PRIORITIES.map(
      (level) => new Level(headStartMs === 0 ? Infinity : level * headStartMs, false),
    )
    this.#inOrder = [this.#front, ...this.#levels.toReversed()]
    this.gates = new ConcurrencyGates(options, (gate) => this.#openOrClose(gate))
  }

  get size(): number {
    return this.#entries.size
  }

  /** Waiting tasks that no gate holds back. */
  get eligible(): number {
    return this.#eligible
  }

  countOf(priority: Priority): number {
    return this.#levelOf(priority).length
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** The age of a task that arrives now. */
  arrive(): number {
    this.#arrivals += 1
    return this.#arrivals
  }

  /** Puts a task where its age belongs: one that was taken before goes in front of later arrivals. */
  put(task: Task, seq: number): void {
    this.#put(task, seq, this.#levelOf(task.priority))
  }

  /** Puts a task before all levels, behind those that were put there before it. */
  putFirst(task: Task, seq: number): void {
    this.#put(task, seq, this.#front)
  }

  /** Moves a waiting task to the level of its new version; it keeps its age. */
  reprioritise(task: Task): boolean {
    const entry = this.#entries.get(task.id)
    if (entry === undefined) return false
    this.#takeOut(entry)
    if (entry.lane.level.isFront) this.putFirst(task, entry.seq)
    else this.put(task, entry.seq)
    return true
  }

  /** Takes out the task that is next among those that no gate holds back. */
  take(): { readonly task: Task; readonly seq: number } | undefined {
    if (this.#eligible === 0) return undefined
    const entry = choose(this.#inOrder)
    if (entry === null) return undefined
    if (this.#options.weightOf !== null) this.#charge(entry)
    this.#takeOut(entry)
    return entry
  }

  remove(id: string): Task | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#takeOut(entry)
    return entry.task
  }

  /** Waiting tasks that would start before this one, were every gate open; undefined when it does not wait. */
  tasksAhead(id: string): number | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    if (this.#options.weightOf !== null) return this.#walkTo(id)
    if (!entry.lane.level.isFront) return this.aheadOf(entry.task, entry.seq)
    return countIn(this.#front, ({ seq }) => seq < entry.seq)
  }

  /** Waiting tasks that would start before one of this age; with fair turns, an approximation. */
  aheadOf({ priority, createdAt }: Task, seq: number): number {
    const own = this.#levelOf(priority)
    const isStrict = this.#options.headStartMs === 0
    const ahead = isStrict ? this.#aboveLevel(priority) : this.#aheadOfAge(own, createdAt)
    return ahead + countIn(own, (other) => other.seq < seq)
  }

  /** Waiting tasks that would start before one of this priority and caller that comes now. */
  aheadOfNewcomer(priority: Priority, caller: string, now: () => number): number {
    const own = this.#levelOf(priority)
    const { weightOf, headStartMs } = this.#options
    const ahead = headStartMs === 0 ? this.#aboveLevel(priority) : this.#aheadOfAge(own, now())
    return ahead + (weightOf === null ? own.length : own.countBefore(caller, weightOf(caller)))
  }

  /** Every waiting task in the order in which they would start. */
  *inOrder(): Generator<Task> {
    const views = new Map<object, object>()
    const levels = this.#inOrder.map((level) => copyOf(level, views))
    for (let next = choose(levels); next !== null; next = choose(levels)) {
      yield next.task
      const { level, turn } = next.lane
      if (this.#options.weightOf !== null) charge(views.get(level) as LevelView, views.get(turn) as Turn)
      ;(views.get(next.lane) as { head: Entry | null }).head = next.next
    }
  }

  /** When the task that waits longest was admitted, epoch ms; null when none waits. */
  get oldestCreatedAt(): number | null {
    let oldest = Infinity
    for (const level of this.#inOrder) {
      for (const turn of level.turns) {
        for (const { head } of turn.lanes) if (head !== null) oldest = Math.min(oldest, head.task.createdAt)
      }
    }
    return oldest === Infinity ? null : oldest
  }

  #put(task: Task, seq: number, level: Level): void {
    const { weightOf } = this.#options
    const { caller } = task
    const turn = weightOf === null ? level.turnOf(EVERYBODY, 1) : level.turnOf(caller, weightOf(caller))
    const kind = this.gates.kindOf(task)
    let lane = turn.laneOf(kind)
    if (lane === undefined) {
      lane = this.#register(new Lane(kind, turn, level))
      turn.lanes.push(lane)
    }
    this.#entries.set(task.id, lane.insert(task, seq))
    this.#count(lane, 1)
  }

  #takeOut(entry: Entry): void {
    const { task, lane } = entry
    lane.remove(entry)
    this.#entries.delete(task.id)
    this.#count(lane, -1)
    if (lane.length > 0 || (lane.kind.isLasting && this.#options.weightOf === null)) return
    const { lanes } = lane.turn as FairShare
    lanes.splice(lanes.indexOf(lane), 1)
    for (const gate of lane.kind.gates) {
      const known = this.#lanesByGate.get(gate)
      known?.delete(lane)
      if (known?.size === 0) this.#lanesByGate.delete(gate)
    }
  }

  #charge({ lane }: Entry): void {
    charge(lane.level as Level, lane.turn as FairShare)
    this.#taken += 1
    if (this.#taken % SWEEP_EVERY === 0) for (const level of this.#levels) level.sweep()
  }

  #count(lane: Lane, change: 1 | -1): void {
    lane.level.length += change
    lane.turn.length += change
    if (lane.isOpen) this.#eligible += change
  }

  /** A lane opens and closes with its gates. */
  #register(lane: Lane): Lane {
    lane.isOpen = this.#areOpen(lane.kind)
    for (const gate of lane.kind.gates) {
      const known = this.#lanesByGate.get(gate)
      if (known === undefined) this.#lanesByGate.set(gate, new Set([lane]))
      else known.add(lane)
    }
    return lane
  }

  #areOpen({ gates }: LaneKind): boolean {
    return gates.every((gate) => this.gates.isOpen(gate))
  }

  #openOrClose(gate: string): void {
    for (const lane of this.#lanesByGate.get(gate) ?? []) {
      const isOpen = this.#areOpen(lane.kind)
      if (lane.isOpen === isOpen) continue
      lane.isOpen = isOpen
      this.#eligible += isOpen ? lane.length : -lane.length
    }
  }

  #levelOf(priority: Priority): Level {
    return this.#levels[priority] as Level
  }

  /** Waiting tasks of the levels above. */
  #aboveLevel(priority: Priority): number {
    let above = this.#front.length
    for (let level = priority + 1; level < this.#levels.length; level += 1) {
      above += this.#levels[level]?.length ?? 0
    }
    return above
  }

  /** Waiting tasks of other levels that are further ahead than one of this level and age. */
  #aheadOfAge(own: Level, createdAt: number): number {
    const rank = createdAt - own.aheadMs
    return this.#levels.reduce((ahead, level) => {
      if (level === own) return ahead
      return ahead + countIn(level, ({ task }) => task.createdAt - level.aheadMs < rank)
    }, this.#front.length)
  }

  #walkTo(id: string): number {
    let ahead = 0
    for (const task of this.inOrder()) {
      if (task.id === id) break
      ahead += 1
    }
    return ahead
  }
}

function countIn(level: Level, is: (entry: Entry) => boolean): number {
  let count = 0
  for (const turn of level.turns) for (const lane of turn.lanes) count += lane.countWhile(is)
  return count
}

/** A level to go through, with every gate open; `views` finds the copy of each part. */
function copyOf(level: Level, views: Map<object, object>): LevelView {
  const turns = level.turns.map((turn) => {
    const lanes = turn.lanes.map((lane) => {
      const view = { isOpen: true, head: lane.head }
      views.set(lane, view)
      return view
    })
    const view = { lanes, weight: turn.weight, tag: turn.tag }
    views.set(turn, view)
    return view
  })
  const view = { aheadMs: level.aheadMs, length: level.length, turns, virtual: level.virtual }
  views.set(level, view)
  return view
}
