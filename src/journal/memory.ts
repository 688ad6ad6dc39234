import type { TaskEvent } from '../task/event.ts'
import { isTerminal } from '../task/status.ts'
import type { Task } from '../task/task.ts'
import type { Journal, JournalEntry, StepJournal, TaskJournal, TaskPage, TaskQuery } from './journal.ts'

export interface MemoryJournalOptions {
  /** Finished tasks that are kept; the one that finished first is forgotten first. */
  readonly maxFinished: number
  /** Bytes of results and events of finished tasks that are kept, as a rough sum of their text. */
  readonly maxFinishedBytes: number
}

const COMMITTED = Promise.resolve()

interface Record {
  task: Task
  readonly events: TaskEvent[]
}

/** A journal that lasts as long as the process; the twin of the durable one for tests and trials. */
export function createMemoryJournal(options: MemoryJournalOptions): Journal {
  const records = new Map<string, Record>()
  const steps = new MemorySteps()
  const tasks = new MemoryTasks(records, new FinishedShelf(records, options), (id) => steps.forget(id))
  return { tasks, steps, [Symbol.asyncDispose]: () => Promise.resolve() }
}

class MemoryTasks implements TaskJournal {
  readonly #records: Map<string, Record>
  readonly #shelf: FinishedShelf
  readonly #ended: (taskId: string) => void

  constructor(records: Map<string, Record>, shelf: FinishedShelf, ended: (taskId: string) => void) {
    this.#records = records
    this.#shelf = shelf
    this.#ended = ended
  }

  append({ task, event }: JournalEntry): Promise<void> {
    const record = this.#records.get(task.id)
    if (record === undefined) {
      this.#records.set(task.id, { task, events: [event] })
    } else {
      record.task = task
      record.events.push(event)
    }
    if (isTerminal(task.status)) {
      this.#ended(task.id)
      this.#shelf.add(task.id)
    }
    return COMMITTED
  }

  task(id: string): Promise<Task | undefined> {
    return Promise.resolve(this.#records.get(id)?.task)
  }

  list(query: TaskQuery): Promise<TaskPage> {
    const matching = [...this.#records.values()]
      .map((record) => record.task)
      .filter((task) => matches(task, query))
      .sort((a, b) => (a.id < b.id ? 1 : -1))
    const tasks = matching.slice(0, query.limit)
    const next = matching.length > tasks.length ? (tasks.at(-1)?.id ?? null) : null
    return Promise.resolve({ tasks, next })
  }

  eventsAfter(taskId: string, seq: number): Promise<readonly TaskEvent[]> {
    // Numbers rise by one from 1, so an event's place is its number less one.
    return Promise.resolve(this.#records.get(taskId)?.events.slice(Math.max(0, seq)) ?? [])
  }
}

function matches(task: Task, { status, type, caller, before }: TaskQuery): boolean {
  return (
    (status === undefined || task.status === status) &&
    (type === undefined || task.type === type) &&
    (caller === undefined || task.caller === caller) &&
    (before === undefined || task.id < before)
  )
}

/** Keeps the finished tasks within their bounds, the oldest end forgotten first. */
class FinishedShelf {
  readonly #records: Map<string, Record>
  readonly #options: MemoryJournalOptions
  /** A ring: what was forgotten leaves its place to the next. */
  readonly #shelf: { id: string; bytes: number }[] = []
  #oldest = 0
  #kept = 0
  #bytes = 0

  constructor(records: Map<string, Record>, options: MemoryJournalOptions) {
    this.#records = records
    this.#options = options
  }

  add(id: string): void {
    const record = this.#records.get(id)
    const bytes = record === undefined ? 0 : textOf(record)
    if (this.#kept === this.#options.maxFinished) this.#forgetOldest()
    this.#shelf[(this.#oldest + this.#kept) % this.#options.maxFinished] = { id, bytes }
    this.#kept += 1
    this.#bytes += bytes
    // The newest stays, however large it is.
    while (this.#bytes > this.#options.maxFinishedBytes && this.#kept > 1) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const oldest = this.#shelf[this.#oldest]
    this.#oldest = (this.#oldest + 1) % this.#options.maxFinished
    this.#kept -= 1
    if (oldest === undefined) return
    this.#bytes -= oldest.bytes
    this.#records.delete(oldest.id)
  }
}

/** Text that a finished task holds in memory, in UTF-16 units. */
function textOf({ task, events }: Record): number {
  let sum = textIn(task.input) + textIn(task.metadata) + textIn(task.result)
  for (const event of events) {
    if (event.type === 'output') sum += event.chunk.length
    else if (event.type === 'log' || event.type === 'progress') sum += event.message?.length ?? 0
  }
  return sum
}

/** The strings in a value, however deep. */
function textIn(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let sum = 0
  for (const inner of Object.values(value)) sum += textIn(inner)
  return sum
}

class MemorySteps implements StepJournal {
  readonly #values = new Map<string, Map<string, string>>()

  loadStep(taskId: string, name: string): Promise<string | undefined> {
    return Promise.resolve(this.#values.get(taskId)?.get(name))
  }

  saveStep(taskId: string, name: string, value: string): Promise<void> {
    const values = this.#values.get(taskId) ?? new Map<string, string>()
    this.#values.set(taskId, values.set(name, value))
    return Promise.resolve()
  }

  forget(taskId: string): void {
    if (this.#values.size > 0) this.#values.delete(taskId)
  }
}
