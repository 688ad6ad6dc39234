import { PRIORITIES, type Priority } from '../../task/priority.ts'
import type { Clock } from '../../time/clock.ts'
import type { TaskGroup } from '../../task/task-group.ts'
import type { Ticket } from '../../task/ticket.ts'
import { ConcurrencyGates, type GateOptions } from './concurrency-gates.ts'
import { Lane, type Entry, type LaneKind } from './lane.ts'
import { choose, Level, charge, type FairShare } from './level.ts'
import { FairPlaces, MAX_COUNTED } from './fair-places.ts'
import { createSchedule } from './schedule.ts'

export interface RoomOptions extends GateOptions {
  /** A level is this much ahead of the one below it; 0: levels are strict. */
  readonly headStartMs: number
  /** How many turns a caller gets for one of another; null: callers take no turns. */
  readonly weightOf: ((caller: string) => number) | null
  readonly clock: Clock
}

/** A task that has left the queue to run. */
export interface TakenTicket {
  readonly ticket: Ticket
  /** Its age. */
  readonly seq: number
}

const SWEEP_EVERY = 1024
/** One turn that all share, where callers take none. */
const EVERYBODY = ''

/**
 * The bounded queue's order. Levels are strict (URGENT before HIGH before NORMAL before LOW) or, with a head
 * start, ordered by age less the level's lead; inside a level callers may take turns; what is left is exact
 * first in, first out. A lane holds the tasks that the same gates hold back.
 *
 * Costs: enqueue, take and remove are O(1) in waiting tasks (take looks at one head per lane); positions among n
 * are O(n / 512 + 512) for each lane. With turns the first 1000 are counted in one go, at most once a second where more
 * than 1000 wait, and those further back estimated.
 */
export class PriorityQueue {
  readonly gates: ConcurrencyGates
  /** Counts entries, blocks of entries and callers that are looked at for a position or an order. */
  readonly work = { steps: 0 }
  readonly #options: RoomOptions
  readonly #entries = new Map<string, Entry>()
  /** Before all levels: tasks that ran when the process before ended. */
  readonly #front = new Level(Infinity, true, this.work)
  readonly #levels: readonly Level[]
  /** In the order in which they are looked at. */
  readonly #inOrder: readonly Level[]
  readonly #lanesByGate = new Map<string, Set<Lane>>()
  readonly #fair: FairPlaces | null
  #arrivals = 0
  #eligible = 0
  #taken = 0

  constructor(options: RoomOptions) {
    this.#options = options
    const { headStartMs } = options
    this.#levels = PRIORITIES.map(
      (level) => new Level(headStartMs === 0 ? Infinity : level * headStartMs, false, this.work),
    )
    this.#inOrder = [this.#front, ...this.#levels.toReversed()]
    const schedule = () => createSchedule(this.#inOrder, this.work)
    this.#fair =
      options.weightOf === null
        ? null
        : new FairPlaces({ schedule, size: () => this.size, clock: options.clock })
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
  put(ticket: Ticket, seq: number): void {
    this.#put(ticket, seq, this.#levelOf(ticket.priority))
  }

  /** Puts a task before all levels, behind those that were put there before it. */
  putFirst(ticket: Ticket, seq: number): void {
    this.#put(ticket, seq, this.#front)
  }

  /** Moves a waiting task to another level; it keeps its age. */
  reprioritise(id: string, priority: Priority): boolean {
    const entry = this.#entries.get(id)
    if (entry === undefined) return false
    this.#takeOut(entry)
    const ticket = { ...entry.ticket, priority }
    if (entry.lane.level.isFront) this.putFirst(ticket, entry.seq)
    else this.put(ticket, entry.seq)
    return true
  }

  /** Nothing of these groups is taken from now on: O(n) in waiting tasks, an operator does it rarely. */
  pauseGroups(groups: readonly TaskGroup[]): void {
    this.gates.pauseGroups(groups)
    for (const entry of this.#entries
      .values()
      .filter(({ ticket }) => this.gates.isPaused(ticket))
      .toArray()) {
      this.#takeOut(entry)
      this.#put(entry.ticket, entry.seq, entry.lane.level as Level)
    }
  }

  /** Takes out the task that is next among those that no gate holds back. */
  take(): TakenTicket | undefined {
    if (this.#eligible === 0) return undefined
    const entry = choose(this.#inOrder)
    if (entry === null) return undefined
    if (this.#options.weightOf !== null) this.#charge(entry)
    this.#takeOut(entry)
    return entry
  }

  remove(id: string): Ticket | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#takeOut(entry)
    return entry.ticket
  }

  /** Waiting tasks that would start before this one, were every gate open; undefined when it does not wait. */
  tasksAhead(id: string): number | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    if (this.#fair !== null) return this.#fair.counted(entry) ?? this.#estimateAhead(entry, this.#fair)
    if (!entry.lane.level.isFront) return this.aheadOf(entry.ticket, entry.seq)
    return countBefore(this.#front, entry.seq)
  }

  /** Whether a place is an estimate: with turns, far back. */
  isEstimate(tasksAhead: number): boolean {
    return this.#fair !== null && tasksAhead >= MAX_COUNTED
  }

  /** Waiting tasks that would start before one of this age; with fair turns, an approximation. */
  aheadOf({ priority, createdAt }: Ticket, seq: number): number {
    const own = this.#levelOf(priority)
    return this.#aheadOfLevel(own, createdAt) + countBefore(own, seq)
  }

  /** Waiting tasks that would start before one of this priority and caller that comes now. */
  aheadOfNewcomer(priority: Priority, caller: string): number {
    const own = this.#levelOf(priority)
    const ahead = this.#aheadOfLevel(own, this.#options.clock.now())
    const { weightOf } = this.#options
    if (weightOf === null || this.#fair === null) return ahead + own.length
    return ahead + this.#fair.startingBy(own, own.nextStart(caller, weightOf(caller)))
  }

  /** Every waiting task in the order in which they would start. */
  *inOrder(): Generator<Ticket> {
    for (const { ticket } of createSchedule(this.#inOrder, this.work)) yield ticket
  }

  /** The waiting tasks of one level in the order in which they would start. */
  *inOrderOf(priority: Priority): Generator<Ticket> {
    for (const { ticket } of createSchedule([this.#levelOf(priority)], this.work)) yield ticket
  }

  /** When the task that waits longest was admitted, epoch ms; null when none waits. */
  get oldestCreatedAt(): number | null {
    let oldest = Infinity
    for (const level of this.#inOrder) {
      for (const turn of level.turns) {
        for (const { head } of turn.lanes) if (head !== null) oldest = Math.min(oldest, head.ticket.createdAt)
      }
    }
    return oldest === Infinity ? null : oldest
  }

  #put(ticket: Ticket, seq: number, level: Level): void {
    const { weightOf } = this.#options
    const { caller } = ticket
    const turn = weightOf === null ? level.turnOf(EVERYBODY, 1) : level.turnOf(caller, weightOf(caller))
    const kind = this.gates.kindOf(ticket)
    let lane = turn.laneOf(kind)
    if (lane === undefined) {
      lane = this.#register(new Lane(kind, turn, level))
      turn.lanes.push(lane)
    }
    this.#entries.set(ticket.id, lane.insert(ticket, seq))
    this.#count(lane, 1)
  }

  #takeOut(entry: Entry): void {
    const { ticket, lane } = entry
    lane.remove(entry)
    this.#entries.delete(ticket.id)
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
    this.#fair?.changed()
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

  /** With turns, far back: about as many as have started at the virtual time of its start. */
  #estimateAhead(entry: Entry, fair: FairPlaces): number {
    const level = entry.lane.level as Level
    const start = level.startOf(entry.lane.turn as FairShare, entry)
    return this.#aheadOfLevel(level, entry.ticket.createdAt) + Math.max(0, fair.startingBy(level, start) - 1)
  }

  /** Waiting tasks of other levels that start before one of this level and age. */
  #aheadOfLevel(own: Level, createdAt: number): number {
    if (own.isFront) return 0
    let ahead = this.#front.length
    const rank = createdAt - own.aheadMs
    let isAbove = false
    for (const level of this.#levels) {
      if (level === own) isAbove = true
      else if (own.aheadMs !== Infinity) ahead += countAdmittedBefore(level, rank + level.aheadMs)
      else if (isAbove) ahead += level.length
    }
    return ahead
  }
}

function countBefore(level: Level, seq: number): number {
  let count = 0
  for (const turn of level.turns) for (const lane of turn.lanes) count += lane.countBefore(seq)
  return count
}

function countAdmittedBefore(level: Level, instant: number): number {
  let count = 0
  for (const { lanes } of level.turns) for (const lane of lanes) count += lane.countAdmittedBefore(instant)
  return count
}
