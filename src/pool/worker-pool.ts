import { failpoint } from '../failpoints.ts'
import type { AbortReason } from '../task/outcome.ts'
import type { Priority } from '../task/priority.ts'
import { placeAfter, type QueuePlace } from '../task/event.ts'
import type { WaitEstimate } from '../task/task.ts'
import type { Hold, PoolBounds, PoolDeps } from './pool-options.ts'
import { Capacity, type Reservation } from './capacity.ts'
import { PriorityQueue, type TakenTicket } from './order/priority-queue.ts'
import { FirstStarts } from './first-starts.ts'
import type { Guard } from './run-guard.ts'
import { Runs } from './runs.ts'
import { Signal, Slots } from './slots.ts'
import { DelayedTasks, PARKED_PER_PLACE } from './delayed.ts'
import type { TaskGroup } from '../task/task-group.ts'
import { toParked, type Ticket } from '../task/ticket.ts'

interface Job extends TakenTicket {
  /** Of a run that has begun. */
  readonly guard?: Guard
}

/** Admits tasks up to the capacity, starts the best eligible one when a slot is free, and reports how each run ended. */
export class WorkerPool {
  readonly #maxParked: number | null
  readonly #deps: PoolDeps
  readonly #slots: Slots<Job>
  readonly #room: PriorityQueue
  readonly #places: Capacity
  readonly #parked: DelayedTasks
  readonly #firstStarts: FirstStarts
  readonly #runs: Runs
  readonly #holds = new Set<Hold>()
  readonly #signal = new Signal()

  constructor(bounds: PoolBounds, deps: PoolDeps) {
    const { clock, due } = deps
    this.#maxParked = bounds.maxParked
    this.#deps = deps
    this.#room = new PriorityQueue({ ...bounds, ...deps })
    this.#places = new Capacity(bounds)
    this.#parked = new DelayedTasks(clock, due)
    this.#firstStarts = new FirstStarts(this.#places, clock)
    this.#runs = new Runs({ ...bounds, ...deps }, this.#room.gates)
    this.#slots = new Slots(bounds.slots, {
      take: () => (this.#maySlotStart ? this.#room.take() : undefined),
      run: (job) => this.#run(job),
      startable: () => (this.#maySlotStart ? this.#room.eligible : 0),
      rested: () => this.#signal.notify(),
    })
  }

  get slots(): number {
    return this.#slots.count
  }

  get capacity(): number {
    return this.#places.capacity
  }

  get waiting(): number {
    return this.#room.size
  }

  /** Slots in use, including those of unresponsive handlers. */
  get running(): number {
    return this.#runs.slotsInUse
  }

  get runningIds(): Iterable<string> {
    return this.#runs.ids
  }

  /** Delayed tasks: scheduled or parked. */
  get asleep(): number {
    return this.#parked.size
  }

  /** Of a type that has a limit of its own; 0 for others. */
  runningOf(type: string): number {
    return this.#room.gates.runningOf(type)
  }

  get stuck(): number {
    return this.#runs.stuck
  }

  get isAtStuckLimit(): boolean {
    return this.#runs.isAtStuckLimit
  }

  get holds(): ReadonlySet<Hold> {
    return this.#holds
  }

  get taken(): number {
    return this.#places.reserved + this.#room.size + this.#parked.scheduled
  }

  /** While too many tasks are parked and new ones are refused: until when, epoch ms, Infinity if unknown; else null. */
  get parkedFullUntil(): number | null {
    const max = this.#maxParked ?? this.capacity * PARKED_PER_PLACE
    return this.#parked.isOver(max) ? (this.#parked.nextAt ?? Infinity) : null
  }

  get oldestCreatedAt(): number | null {
    return this.#room.oldestCreatedAt
  }

  waitingOf(priority: Priority): number {
    return this.#room.countOf(priority)
  }

  isWaiting(id: string): boolean {
    return this.#room.has(id)
  }

  /** Reserved and waiting tasks that would start before a newcomer. */
  aheadOfNewcomer(priority: Priority, caller: string): number {
    const waiting = this.#room.aheadOfNewcomer(priority, caller)
    return waiting + this.#places.reservedAtOrAbove(priority)
  }

  /** @param priority of this level alone; absent: of all */
  waitingInOrder(priority?: Priority): Iterable<Ticket> {
    return priority === undefined ? this.#room.inOrder() : this.#room.inOrderOf(priority)
  }

  /** The place behind this many tasks. */
  placeAfter(tasksAhead: number, wait: WaitEstimate | null = null): QueuePlace {
    return placeAfter(tasksAhead, wait, this.#room.isEstimate(tasksAhead))
  }

  /** Waiting tasks before this one, if delayed as if it were due now; undefined when it is neither. */
  tasksAhead(id: string): number | undefined {
    const sleeper = this.#parked.get(id)
    return sleeper === undefined ? this.#room.tasksAhead(id) : this.#room.aheadOf(sleeper.ticket, sleeper.seq)
  }

  /** Why a newcomer finds no place now; null: it does. */
  refusal(caller: string): 'queue-full' | 'user-queue-full' | null {
    if (this.taken >= this.capacity || this.parkedFullUntil !== null) return 'queue-full'
    return this.#places.isCallerFull(caller) ? 'user-queue-full' : null
  }

  /** Holds a place, or refuses with undefined: the bound counts reserved, waiting and scheduled tasks. */
  reserve(priority: Priority, caller: string): Reservation | undefined {
    if (this.refusal(caller) !== null) return undefined
    const tasksAhead = this.aheadOfNewcomer(priority, caller)
    return this.#places.reserve({ priority, caller, tasksAhead }, () => this.#signal.notify())
  }

  /** Puts an admitted task into the queue; a free slot starts it in this call. */
  enqueue(ticket: Ticket, place: Reservation): void {
    place.release()
    this.restore(ticket)
    failpoint('enqueued')
    this.#slots.fill()
  }

  /**
   * Takes the slot of a new task that starts at once: one is free, and nobody waits or is being admitted who would start
   * before it. `start` has to follow in the same turn; undefined: it has to wait.
   */
  claim(ticket: Ticket, place: Reservation): TakenTicket | undefined {
    const isNext = this.#room.eligible === 0 && this.#places.reserved === 1 && ticket.delay === null
    if (!isNext || !this.#maySlotStart) return undefined
    this.#room.put(ticket, this.#room.arrive())
    // It is the only one that may start, unless a gate holds it back.
    const claim = this.#room.take()
    if (claim === undefined) this.#room.remove(ticket.id)
    else place.release()
    return claim
  }

  /** Runs a claimed task: its handler is to wait for the commit of its admission. */
  start({ ticket, seq }: TakenTicket): void {
    this.#slots.give({ ticket, seq, guard: this.#runs.begin(ticket) })
  }

  /** Takes in a task without a place: it was admitted by an earlier process, whose order it keeps. */
  restore(ticket: Ticket): void {
    const seq = this.#room.arrive()
    if (!ticket.hasRun)
      this.#firstStarts.add(ticket, () => this.#remove(ticket.id) && this.#deps.expired(ticket.id))
    if (ticket.delay === null) this.#room.put(ticket, seq)
    else this.#parked.add(ticket, seq)
  }

  /** The same for one that was running: it starts before all others. */
  restoreFirst(ticket: Ticket): void {
    this.#room.putFirst(ticket, this.#room.arrive())
  }

  /** Puts a delayed task into the queue, by its age; it may have been removed meanwhile. */
  requeue(id: string): void {
    const sleeper = this.#parked.take(id)
    if (sleeper === undefined) return
    this.#room.put({ ...sleeper.ticket, delay: null }, sleeper.seq)
    this.#slots.fill()
  }

  /** Moves a waiting task to another level, where it keeps its age; false: it does not wait. */
  reprioritise(id: string, priority: Priority): boolean {
    const isWaiting = this.#room.reprioritise(id, priority)
    if (isWaiting) this.#slots.fill()
    return isWaiting || this.#parked.reprioritise(id, priority)
  }

  /** Removes a waiting task in O(1), or aborts a running one; one that stops for another reason keeps that reason. */
  cancel(id: string): 'removed' | 'aborting' | 'stopping' | 'absent' {
    return this.#remove(id) ? 'removed' : this.#runs.cancel(id)
  }

  /** Starts nothing until every hold is released; running tasks continue. */
  pause(hold: Hold = 'operator'): void {
    this.#holds.add(hold)
  }

  resume(hold: Hold = 'operator'): void {
    this.#holds.delete(hold)
    this.#slots.fill()
  }

  /** Starts nothing of these groups, and all others again; running tasks continue. */
  pauseGroups(groups: readonly TaskGroup[]): void {
    this.#room.pauseGroups(groups)
    this.#slots.fill()
  }

  /** Whether tasks of the types that declare a resource may start. */
  setResource(name: string, isOpen: boolean): void {
    this.#room.gates.setResource(name, isOpen)
    if (isOpen) this.#slots.fill()
  }

  /** New limits, at once: with fewer slots, running tasks continue and none starts until there is a free slot. */
  resize(bounds: { readonly slots?: number; readonly capacity?: number }): void {
    this.#places.capacity = bounds.capacity ?? this.capacity
    this.#slots.resize(bounds.slots ?? this.#slots.count)
  }

  whenIdle(): Promise<void> {
    return this.#signal.waitUntil(
      () => this.waiting + this.#places.reserved + this.asleep + this.running === 0,
    )
  }

  /** Settles when no task runs any more; handlers that were abandoned do not count. */
  whenQuiet(): Promise<void> {
    return this.#signal.waitUntil(() => this.#runs.isQuiet)
  }

  /** Aborts every running task; each is abandoned after `graceMs`. */
  abortAll(reason: AbortReason, graceMs: number): void {
    this.#runs.abortAll(reason, graceMs)
  }

  /** Stops all timers: delayed tasks stay so until the next start. */
  stop(): void {
    this.#parked.stop()
    this.#firstStarts.stop()
  }

  get #maySlotStart(): boolean {
    return this.#holds.size === 0 && this.running < this.#slots.count
  }

  async #run({ ticket, seq, guard: begun }: Job): Promise<void> {
    const guard = begun ?? this.#leaveQueue(ticket)
    if (guard === null) return
    const outcome = await guard.outcome
    this.#runs.end(ticket)
    // A task whose run did not end it keeps its age.
    if (outcome.kind === 'interrupted') this.#room.put(ticket, seq)
    if (outcome.kind === 'waits')
      this.#parked.add({ ...ticket, hasRun: true, delay: toParked(outcome.wait) }, seq)
    this.#deps.ended(ticket, outcome)
    this.#signal.notify()
    // Its type may have opened: a slot can be idle beside a task that waited for that.
    this.#slots.fill()
    await this.#runs.whenFree(guard)
  }

  /** Begins the run of a task that waited; null: it has expired. */
  #leaveQueue(ticket: Ticket): Guard | null {
    if (!ticket.hasRun) this.#firstStarts.remove(ticket)
    if (!this.#firstStarts.isOverdue(ticket)) return this.#runs.begin(ticket)
    this.#deps.expired(ticket.id)
    return null
  }

  /** Takes it out, wherever it waits. */
  #remove(id: string): boolean {
    const ticket = this.#room.remove(id) ?? this.#parked.take(id)?.ticket
    if (ticket === undefined) return false
    this.#firstStarts.remove(ticket)
    this.#signal.notify()
    return true
  }
}
