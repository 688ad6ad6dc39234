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
import { takeTurn, type WeightOf } from './admission/turns.ts'
import type { Publisher } from './hints/publisher.ts'
import type { Tickets } from './tickets.ts'

export interface TaskChangesDeps {
  readonly db: Database
  readonly tickets: Tickets
  readonly publisher: Publisher
  /** Of this process. */
  readonly member: number
  readonly headStartMs: number
  /** How many turns a caller gets for one of another; null: callers take no turns. */
  readonly weightOf: WeightOf | null
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
    const { tickets, member, now } = this.#deps
    const [found] = await selectForUpdate(tx, [id])
    const recording = found === undefined || isTerminal(found.task.status) ? null : decide(found.task)
    if (found === undefined || recording === null) return { task: found?.task, entry: null }
    const { change, body, ...also } = recording
    const task = changeTask(found.task, change)
    const entry = { task, event: toTaskEvent(task, body, now()), ...also }
    await writeEntries({ tx, counters, member }, [entry])
    if (isTerminal(task.status)) await tickets.remove(tx, [id])
    else if (task.priority !== found.task.priority) {
      await tickets.setPriority(tx, id, await this.#toTicket(tx, task, found.rank))
    }
    return { task, entry }
  }

  /** What orders it on its new level; one that is delayed takes its turn when it is due. */
  async #toTicket(tx: Statements, task: Task, rank: number): Promise<number> {
    const { headStartMs, weightOf } = this.#deps
    if (weightOf === null) return toTicketPriority(rank, task.priority, headStartMs)
    const place = task.status === 'scheduled' ? 0 : await takeTurn(tx, task, weightOf)
    return toTicketPriority(place, task.priority, 0)
  }
}
