import type { EventBus } from '../events/event-bus.ts'
import type { JournalEntry, KeyRecord, TaskJournal } from '../journal/journal.ts'
import { toTaskEvent, type EventBody } from '../task/event.ts'
import { failpoint } from '../failpoints.ts'
import { isTerminal } from '../task/status.ts'
import { changeTask, type Task, type TaskChange } from '../task/task.ts'
import { Counters } from './counters.ts'

export interface RecorderOptions {
  readonly journal: TaskJournal
  readonly bus: EventBus
  readonly now: () => number
  /** Called for each end when it is committed, or cannot be. */
  readonly ended: (task: Task) => void
  /** The journal refused an entry of an admitted task: the process has to stop rather than lie. */
  readonly onFatal: (error: unknown) => void
}

/** What happens to a task. */
export interface Recording extends Pick<JournalEntry, 'delivery' | 'dropped'> {
  readonly change: TaskChange
  readonly body: EventBody
}

/** What is written with a new task. */
export interface Admitting {
  readonly key: KeyRecord | null
  /** Of a task that starts at once; absent: it waits. */
  readonly start?: Pick<Recording, 'change' | 'body'> | null
}

/**
 * The only writer of events: number → journal → bus. Numbers are assigned in the call, so they follow the order
 * of what happened; subscribers get an event only when it is committed.
 */
export class Recorder {
  readonly counters = new Counters()
  readonly #options: RecorderOptions
  readonly #live = new Map<string, Task>()
  /** Tasks whose admission is not committed yet, with those who wait until it is, or was refused. */
  readonly #admitting = new Map<string, (() => void)[] | null>()
  /** Tasks whose end is decided and not committed yet. */
  readonly #ending = new Set<string>()
  readonly #waiters = new Set<() => void>()
  #unwritten = 0

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** The newest version of a task that has not ended. */
  live(id: string): Task | undefined {
    return this.#live.get(id)
  }

  /** Whether the end of a task is decided and not committed yet. */
  isEnding(id: string): boolean {
    return this.#ending.has(id)
  }

  /**
   * Writes the first event of a new task, the key that it was sent under, and the start of its first run if it starts at
   * once.
   *
   * @returns the task as it was admitted
   * @throws what the journal throws; the task then does not exist.
   */
  async admit(task: Task, body: EventBody, { key, start = null }: Admitting): Promise<Task> {
    const { counters } = this
    const { bus, journal } = this.#options
    const admitted = { ...task, lastSeq: 1 }
    const entry = this.#toEntry(admitted, body)
    const started = start === null ? undefined : this.#toEntry(changeTask(admitted, start.change), start.body)
    this.#live.set(task.id, started?.task ?? admitted)
    this.#admitting.set(task.id, null)
    this.#unwritten += 1
    try {
      await journal.admit(entry, key, started)
    } catch (error) {
      this.#live.delete(task.id)
      throw error
    } finally {
      const waiters = this.#admitting.get(task.id)
      this.#admitting.delete(task.id)
      this.#countWritten()
      for (const resolve of waiters ?? []) resolve()
    }
    counters.accept(admitted.status)
    bus.committed(admitted, entry.event)
    if (started !== undefined) {
      counters.move(admitted.status, started.task.status)
      bus.committed(started.task, started.event)
    }
    return admitted
  }

  /** Takes in a task of an earlier process. */
  restore(task: Task): void {
    this.#live.set(task.id, task)
  }

  /** Changes a live task and writes the event for it; undefined when the task has ended. */
  record(id: string, change: TaskChange, body: EventBody): Promise<Task | undefined> {
    return this.recordWith(id, { change, body })
  }

  /** The same, with a webhook that comes or goes. */
  async recordWith(id: string, { change, body, ...also }: Recording): Promise<Task | undefined> {
    // Nothing follows an admission that may yet be refused.
    if (this.#admitting.has(id)) await this.#whenAdmitted(id)
    const before = this.#live.get(id)
    if (before === undefined) return undefined
    const { task, event } = this.#toEntry(changeTask(before, change), body)
    // In this turn: what is asked for next sees it.
    if (isTerminal(task.status)) {
      this.#live.delete(id)
      this.#ending.add(id)
    } else this.#live.set(id, task)
    this.#unwritten += 1
    try {
      await this.#options.journal.append({ task, event, ...also })
    } catch (error) {
      this.#options.onFatal(error)
      if (isTerminal(task.status)) this.#options.ended(task)
      return undefined
    } finally {
      this.#ending.delete(id)
      this.#countWritten()
    }
    if (task.status !== before.status) this.counters.move(before.status, task.status)
    this.#options.bus.committed(task, event)
    if (isTerminal(task.status)) {
      this.#options.ended(task)
      failpoint('end-published')
    }
    return task
  }

  /** Like `record`, for events of a run: dropped when that run is over. */
  async recordOfRun(run: Task, change: TaskChange, body: EventBody): Promise<void> {
    if (this.#live.get(run.id)?.run === run.run) await this.record(run.id, change, body)
  }

  /** Settles when everything recorded so far is written, or refused, and published. */
  async whenWritten(): Promise<void> {
    if (this.#unwritten > 0) await new Promise<void>((resolve) => this.#waiters.add(resolve))
  }

  #whenAdmitted(id: string): Promise<void> {
    return new Promise((resolve) => {
      this.#admitting.set(id, [...(this.#admitting.get(id) ?? []), resolve])
    })
  }

  #toEntry(task: Task, body: EventBody): JournalEntry {
    return { task, event: toTaskEvent(task, body, this.#options.now()) }
  }

  #countWritten(): void {
    this.#unwritten -= 1
    // After subscribers got it.
    if (this.#unwritten === 0 && this.#waiters.size > 0) setImmediate(() => this.#tellWritten())
  }

  #tellWritten(): void {
    for (const waiter of this.#waiters) waiter()
    this.#waiters.clear()
  }
}
