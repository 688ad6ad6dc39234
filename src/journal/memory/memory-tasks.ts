// The import, not the global: an application's tests may have replaced that one by a fake.
import { setImmediate } from 'node:timers'
import { HeadgateError } from '../../task/errors.ts'
import type { TaskEvent } from '../../task/event.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import {
  type JournalEntry,
  type KeyRecord,
  type TaskJournal,
  type TaskPage,
  type TaskQuery,
  NOT_DUE,
} from '../journal.ts'
import {
  FAILED_STATUSES,
  groupFailures,
  MAX_FAILURES,
  type FailedTask,
  type FailureGroup,
  type FailureQuery,
} from '../failure-groups.ts'
import type { Memory } from './records.ts'
import type { FinishedTasks } from './finished-tasks.ts'

const COMMITTED = Promise.resolve()

export class MemoryTasks implements TaskJournal {
  readonly #memory: Memory
  readonly #finished: FinishedTasks
  #turn: Promise<void> | null = null

  constructor(memory: Memory, finished: FinishedTasks) {
    this.#memory = memory
    this.#finished = finished
  }

  admit(entry: JournalEntry, key: KeyRecord | null, start?: JournalEntry): Promise<void> {
    const { records, keys, contents } = this.#memory
    const { task } = start ?? entry
    records.set(task.id, { task, events: start === undefined ? [entry.event] : [entry.event, start.event] })
    this.#memory.index.set(task)
    this.#memory.count(task.status, 1)
    if (key !== null) keys.set(JSON.stringify([key.caller, key.key]), key)
    if (task.content !== null) contents.set(task.content, [...(contents.get(task.content) ?? []), task.id])
    return this.#endOfTurn()
  }

  append({ task, event, delivery, dropped }: JournalEntry): Promise<void> {
    const record = this.#memory.records.get(task.id)
    if (record === undefined || !follows(task, record.task)) {
      const why = `Event ${task.lastSeq} of task ${task.id} is not the next one, or of a run that is over.`
      return Promise.reject(new HeadgateError('stale-run', why))
    }
    const before = record.task
    record.task = task
    this.#memory.index.set(task)
    ;(record.events as TaskEvent[]).push(event)
    if (before.status !== task.status) {
      this.#memory.count(before.status, -1)
      this.#memory.count(task.status, 1)
    }
    const { deliveries } = this.#memory
    if (dropped !== undefined) deliveries.delete(dropped)
    if (delivery !== undefined) {
      deliveries.set(delivery.id, { ...delivery, taskId: task.id, attempt: 0, nextAt: NOT_DUE })
    }
    if (isTerminal(task.status)) this.#end(task, event.at)
    return COMMITTED
  }

  task(id: string): Promise<Task | undefined> {
    return Promise.resolve(this.#memory.records.get(id)?.task)
  }

  find(id: string): Promise<Task | undefined> {
    return this.task(id)
  }

  result(id: string): Promise<Uint8Array | null> {
    const result = this.#memory.records.get(id)?.task.result ?? null
    return Promise.resolve(result === null ? null : Buffer.from(result))
  }

  resultBytes(id: string): Promise<number> {
    return Promise.resolve(Buffer.byteLength(this.#memory.records.get(id)?.task.result ?? ''))
  }

  list(query: TaskQuery): Promise<TaskPage> {
    return Promise.resolve(this.#memory.index.list(query))
  }

  failures(query: FailureQuery): Promise<readonly FailureGroup[]> {
    const { since, until, caller } = query
    const failed: FailedTask[] = []
    for (const { task } of this.#memory.records.values()) {
      const { id, type, failure, finishedAt, status } = task
      if (!FAILED_STATUSES.some((each) => each === status)) continue
      if (failure === null || finishedAt === null || finishedAt < since || finishedAt > until) continue
      if (caller !== undefined && task.caller !== caller) continue
      failed.push({ id, type, errorType: failure.errorType, message: failure.message, finishedAt })
    }
    const newest = failed.sort((a, b) => b.finishedAt - a.finishedAt).slice(0, MAX_FAILURES)
    return Promise.resolve(groupFailures(newest, query))
  }

  eventsAfter(taskId: string, seq: number, limit: number): Promise<readonly TaskEvent[]> {
    const events = this.#memory.records.get(taskId)?.events ?? []
    const from = Math.max(0, seq + 1 - (events[0]?.seq ?? 1))
    return Promise.resolve(events.slice(from, from + limit))
  }

  /**
   * All that is admitted in one turn of the event loop is answered together, as the durable journal does it: a reply that
   * is written alone wakes its reader for itself, which costs more than all the rest of a submit.
   */
  #endOfTurn(): Promise<void> {
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = null
        resolve()
      })
    })
    return this.#turn
  }

  #end(task: Task, at: number): void {
    const { steps, deliveries } = this.#memory
    if (steps.size > 0) steps.delete(task.id)
    const { id: taskId, caller, webhook } = task
    if (webhook !== null && !task.left.includes(1)) {
      const id = `msg_${taskId}`
      deliveries.set(id, { id, taskId, caller, ...webhook, attempt: 0, nextAt: at })
    }
    for (const [id, delivery] of task.joins > 1 ? deliveries : []) {
      if (delivery.taskId === taskId && delivery.nextAt === NOT_DUE)
        deliveries.set(id, { ...delivery, nextAt: at })
    }
    this.#finished.add(task.id)
  }
}

/** The fence: an event follows the newest one, an end is of the run that is going on, and nothing follows an end. */
function follows(task: Task, before: Task): boolean {
  const isOfRun = task.run === before.run || (!isTerminal(task.status) && task.run === before.run + 1)
  return task.lastSeq === before.lastSeq + 1 && !isTerminal(before.status) && isOfRun
}
