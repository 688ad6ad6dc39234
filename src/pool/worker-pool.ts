import { CancelRequested, type AbortReason } from '../task/abort.ts'
import { placeAfter, type QueuePlace } from '../task/event.ts'
import { PRIORITIES, type Priority } from '../task/priority.ts'
import { reached } from '../milestone.ts'
import type { Task } from '../task/task.ts'
import { Deadlines } from './deadlines.ts'
import { Guard } from './guard.ts'
import type { Place, PoolOptions } from './options.ts'
import { Slots } from './slots.ts'
import { StuckHandlers } from './stuck.ts'
import { isSuspect, WaitingRoom } from './waiting-room.ts'

/**
 * The waiting room and the slots: admits tasks up to the bound, starts the best eligible one the moment a
 * slot is free, under a guard, and tells how each run ended.
 */
export class WorkerPool {
  readonly #options: PoolOptions
  readonly #slots: Slots<{ readonly task: Task; readonly key: number }>
  readonly #room = new WaitingRoom()
  readonly #deadlines: Deadlines
  readonly #stuck: StuckHandlers
  readonly #running = new Map<string, Guard>()
  readonly #runningByType = new Map<string, number>()
  readonly #reservedByPriority: number[] = PRIORITIES.map(() => 0)
  readonly #watchers = new Set<() => void>()
  #reserved = 0
  #capacity: number
  #isPaused = false
  #isDraining = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#capacity = options.capacity
    this.#deadlines = new Deadlines(options.clock)
    this.#stuck = new StuckHandlers(options.maxStuck)
    this.#slots = new Slots(options.slots, {
      take: () => (this.#maySlotStart ? this.#room.take() : undefined),
      run: ({ task, key }) => this.#run(task, key),
      startable: () => (this.#maySlotStart ? this.#room.eligible : 0),
      rested: () => this.#notifyWatchers(),
    })
  }

  get slots(): number {
    return this.#slots.count
  }

  get capacity(): number {
    return this.#capacity
  }

  get waiting(): number {
    return this.#room.size
  }

  get reserved(): number {
    return this.#reserved
  }

  /** Slots in use, those that a deaf handler keeps included. */
  get running(): number {
    return this.#running.size + this.#stuck.holding
  }

  /** Running tasks of a type that has a limit of its own; 0 for others. */
  runningOf(type: string): number {
    return this.#runningByType.get(type) ?? 0
  }

  /** Deaf handlers that go on without a slot. */
  get stuck(): number {
    return this.#stuck.count
  }

  get isAtStuckLimit(): boolean {
    return this.#stuck.isAtLimit
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Whether every place is reserved or taken. */
  get isFull(): boolean {
    return this.#reserved + this.#room.size >= this.#capacity
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  get oldestCreatedAt(): number | null {
    return this.#room.oldestCreatedAt
  }

  waitingOf(priority: Priority): number {
    return this.#room.countOf(priority)
  }

  /** Where a waiting task stands; null when it does not wait. */
  placeOf(id: string): QueuePlace | null {
    const tasksAhead = this.tasksAhead(id)
    return tasksAhead === undefined ? null : placeAfter(tasksAhead)
  }

  /** Reserved and waiting tasks that would start before a newcomer of this priority. */
  waitingAtOrAbove(priority: Priority): number {
    let ahead = 0
    for (const level of PRIORITIES) {
      if (level >= priority) ahead += this.#room.countOf(level) + (this.#reservedByPriority[level] ?? 0)
    }
    return ahead
  }

  waitingInOrder(): Iterable<Task> {
    return this.#room.inOrder()
  }

  /** Waiting tasks before this one; undefined when it does not wait. */
  tasksAhead(id: string): number | undefined {
    return this.#room.tasksAhead(id)
  }

  /** Holds a place, or refuses with undefined: the bound counts reserved and waiting tasks. */
  reserve(priority: Priority): Place | undefined {
    if (this.#isDraining || this.isFull) return undefined
    const tasksAhead = this.waitingAtOrAbove(priority)
    this.#countReserved(priority, 1)
    let isHeld = true
    const release = () => {
      if (!isHeld) return
      isHeld = false
      this.#countReserved(priority, -1)
      this.#notifyWatchers()
    }
    return { tasksAhead, release }
  }

  /** Puts an admitted task into the waiting room; a free slot starts it in this very call. */
  enqueue(task: Task, place: Place): void {
    place.release()
    this.#room.enqueue(task)
    reached('enqueued')
    if (Number.isFinite(this.#options.concurrencyOf(task.type))) this.#openOrClose(task.type)
    this.#slots.fill()
  }

  /** Takes in a task of an earlier process, without a place: it was admitted then. */
  restore(task: Task): void {
    this.#room.enqueue(task)
    this.#closeIfLimited(task)
  }

  /** The same for one that was running then: it goes on before all others, whatever their level. */
  restoreFirst(task: Task): void {
    this.#room.enqueueFirst(task)
    this.#closeIfLimited(task)
  }

  #closeIfLimited(task: Task): void {
    if (Number.isFinite(this.#options.concurrencyOf(task.type))) this.#openOrClose(task.type)
  }

  /** Moves a waiting task to the level of its new version, where it keeps its age; false: it does not wait. */
  reprioritise(task: Task): boolean {
    return this.#room.reprioritise(task)
  }

  /**
   * Takes a waiting task out in O(1), or tells a running one to stop; one that is stopping for another reason
   * goes on to do so.
   */
  cancel(id: string): 'removed' | 'aborting' | 'stopping' | 'absent' {
    if (this.#room.remove(id) !== undefined) {
      this.#notifyWatchers()
      return 'removed'
    }
    const guard = this.#running.get(id)
    if (guard === undefined) return 'absent'
    if (guard.isDecided || guard.reason?.name === 'TimedOut') return 'stopping'
    guard.abort(new CancelRequested(), this.#options.graceMs)
    return 'aborting'
  }

  /** Starts nothing until `resume`; what runs goes on. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#slots.fill()
  }

  /** New bounds, at once: with fewer slots what runs goes on and nothing starts until there is room. */
  resize(bounds: { readonly slots?: number; readonly capacity?: number }): void {
    this.#capacity = bounds.capacity ?? this.#capacity
    this.#slots.resize(bounds.slots ?? this.#slots.count)
  }

  /** Admits nothing more; settles when all that was admitted has ended. */
  drain(): Promise<void> {
    this.#isDraining = true
    return this.whenIdle()
  }

  /** Settles when nothing is reserved, waits or runs. */
  whenIdle(): Promise<void> {
    return this.#when(() => this.#reserved + this.#room.size + this.running === 0)
  }

  /** Settles when no task runs any more; handlers that were abandoned do not count. */
  whenQuiet(): Promise<void> {
    return this.#when(() => this.#running.size === 0)
  }

  /** Tells every running task to stop; each is abandoned after `graceMs`. */
  abortAll(reason: AbortReason, graceMs: number): void {
    for (const guard of this.#running.values()) guard.abort(reason, graceMs)
  }

  get #maySlotStart(): boolean {
    return !this.#isPaused && this.running < this.#slots.count
  }

  async #run(task: Task, key: number): Promise<void> {
    this.#countRunning(task.type, 1)
    if (isSuspect(task)) this.#room.setSuspectsOpen(false)
    reached('dequeued')
    const { graceMs, work } = this.#options
    const limits = { limitMs: task.timeoutMs, graceMs }
    const guard = new Guard((signal) => work(task, signal), limits, this.#deadlines)
    this.#running.set(task.id, guard)
    const outcome = await guard.outcome
    this.#running.delete(task.id)
    this.#countRunning(task.type, -1)
    if (isSuspect(task)) this.#room.setSuspectsOpen(true)
    if (outcome.kind === 'interrupted') this.#room.putBack(task, key)
    this.#options.ended(task, outcome)
    this.#notifyWatchers()
    if (guard.isAbandoned) await this.#stuck.admit(guard.finished)
    // Its type may have opened: another slot can be idle beside a task that waited for that.
    this.#slots.fill()
  }

  #countRunning(type: string, change: 1 | -1): void {
    if (!Number.isFinite(this.#options.concurrencyOf(type))) return
    this.#runningByType.set(type, (this.#runningByType.get(type) ?? 0) + change)
    this.#openOrClose(type)
  }

  /** A type at its limit closes its lanes; a stuck handler no longer counts, as with slots. */
  #openOrClose(type: string): void {
    this.#room.setOpen(type, (this.#runningByType.get(type) ?? 0) < this.#options.concurrencyOf(type))
  }

  #countReserved(priority: Priority, change: 1 | -1): void {
    this.#reserved += change
    this.#reservedByPriority[priority] = (this.#reservedByPriority[priority] ?? 0) + change
  }

  #when(isReached: () => boolean): Promise<void> {
    if (isReached()) return Promise.resolve()
    return new Promise((resolve) => {
      const watcher = () => {
        if (!isReached()) return
        this.#watchers.delete(watcher)
        resolve()
      }
      this.#watchers.add(watcher)
    })
  }

  #notifyWatchers(): void {
    for (const watcher of this.#watchers) watcher()
  }
}
