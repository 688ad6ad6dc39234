import type { JournalEntry } from '../journal/journal.ts'
import type { Recording } from '../lifecycle/recorder.ts'
import { isTerminal } from '../task/status.ts'
import { toTaskEvent } from '../task/event.ts'
import { changeTask, type Task } from '../task/task.ts'
import type { Database, Statements } from './database/database.ts'
import { CounterChanges } from './journal/counters.ts'
import { selectForUpdate } from './journal/select-tasks.ts'
import { writeEntries } from './journal/write-entries.ts'
import { toTicketPriority } from './admission/order.ts'
import type { Publisher } from './hints/publisher.ts'
import type { Tickets } from './tickets.ts'

export interface TaskChangesDeps {
  readonly db: Database
  readonly tickets: Tickets
  readonly publisher: Publisher
  /** Of this process. */
  readonly member: number
  readonly headStartMs: number
  /** Epoch ms. */
  readonly now: () => number
}

/** What is decided over the newest version of a task; null: nothing. */
export type Decide = (newest: Task) => Recording | null

/** Changes tasks that this process does not run: each is decided on its newest version, in one transaction with its ticket. */
export class TaskChanges {
  readonly #deps: TaskChangesDeps

  constructor(deps: TaskChangesDeps) {
    this.#deps = deps
  }

  /** The task as it then is; undefined: there is no such task. Its ticket goes with its end, and to another level with it. */
  async change(id: string, decide: Decide): Promise<Task | undefined> {
    const { db, member, publisher } = this.#deps
    const { task, entry } = await db.transaction(async (tx) => {
      await this.#deps.tickets.lock(tx, [id])
      const counters = new CounterChanges(member)
      const changed = await this.#change(tx, counters, { id, decide })
      await counters.flush(tx)
      return changed
    })
    if (entry !== null) publisher.committed([entry])
    return task
  }

  async #change(
    tx: Statements,
    counters: CounterChanges,
    { id, decide }: { readonly id: string; readonly decide: Decide },
  ): Promise<{ readonly task: Task | undefined; readonly entry: JournalEntry | null }> {
    const { tickets, member, now, headStartMs } = this.#deps
    const [found] = await selectForUpdate(tx, [id])
    const recording = found === undefined || isTerminal(found.task.status) ? null : decide(found.task)
    if (found === undefined || recording === null) return { task: found?.task, entry: null }
    const { change, body, ...also } = recording
    const task = changeTask(found.task, change)
    const entry = { task, event: toTaskEvent(task, body, now()), ...also }
    await writeEntries({ tx, counters, member }, [entry])
    if (isTerminal(task.status)) await tickets.remove(tx, [id])
    else if (task.priority !== found.task.priority) {
      const ticket = toTicketPriority(found.rank, task.priority, headStartMs)
      await tickets.setPriority(tx, id, ticket)
    }
    return { task, entry }
  }
}
