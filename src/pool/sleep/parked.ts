import type { Clock } from '../../task/clock.ts'
import type { Task } from '../../task/task.ts'
import { Alarms } from './alarms.ts'

interface Sleeper {
  readonly task: Task
  /** Its age in the waiting room. */
  readonly seq: number
}

/** Admitted tasks that are not to start yet: their delay is not over, or they wait to go on. They hold no slot. */
export class Parked {
  readonly #sleepers = new Map<string, Sleeper>()
  readonly #alarms: Alarms
  readonly #due: (id: string) => void
  #scheduled = 0

  /** @param due hears the id of each task whose time has come; it sleeps on until it is taken */
  constructor(clock: Clock, due: (id: string) => void) {
    this.#alarms = new Alarms(clock)
    this.#due = due
  }

  /** Those whose delay is not over: they hold a place of the waiting room. */
  get scheduled(): number {
    return this.#scheduled
  }

  get size(): number {
    return this.#sleepers.size
  }

  /** @param at when it is due, epoch ms; null: somebody will say so */
  add(task: Task, seq: number, at: number | null): void {
    this.#sleepers.set(task.id, { task, seq })
    if (task.status === 'scheduled') this.#scheduled += 1
    if (at !== null) this.#alarms.set(task.id, at, () => this.#due(task.id))
  }

  get(id: string): Sleeper | undefined {
    return this.#sleepers.get(id)
  }

  take(id: string): Sleeper | undefined {
    const sleeper = this.#sleepers.get(id)
    if (sleeper === undefined) return undefined
    this.#sleepers.delete(id)
    this.#alarms.clear(id)
    if (sleeper.task.status === 'scheduled') this.#scheduled -= 1
    return sleeper
  }

  /** Nothing is due any more. */
  stop(): void {
    this.#alarms.stop()
  }

  /** Takes the new version of a sleeping task; false: it does not sleep. */
  replace(task: Task): boolean {
    const sleeper = this.#sleepers.get(task.id)
    if (sleeper === undefined) return false
    // What it waits for is as before.
    this.#sleepers.set(task.id, { ...sleeper, task: { ...sleeper.task, priority: task.priority } })
    return true
  }
}
