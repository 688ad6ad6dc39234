import type { DatabaseSync } from 'node:sqlite'
import { NOT_DUE, type Delivery, type NewDelivery, type KeyRecord } from '../../journal.ts'
import type { EventRow, FixedRow, StateRow } from '../rows.ts'
import { Statements } from '../statements.ts'

/** What the writing thread is asked to do; each is part of the next commit. */
export type Write =
  | {
      readonly op: 'admit'
      readonly fixed: FixedRow
      readonly state: StateRow
      readonly input: string
      readonly event: EventRow
      readonly key: KeyRecord | null
    }
  | {
      readonly op: 'append'
      readonly state: StateRow
      readonly event: EventRow
      readonly isEnd: boolean
      readonly result: string | null
      /** Of an end: to be sent now; else with the end. */
      readonly delivery: NewDelivery | null
      /** Id of a delivery that is taken away. */
      readonly dropped: string | null
    }
  | { readonly op: 'saveStep'; readonly taskId: string; readonly name: string; readonly value: string }
  | { readonly op: 'saveKey'; readonly record: KeyRecord }
  | { readonly op: 'saveNote'; readonly name: string; readonly text: string }
  | { readonly op: 'erase'; readonly taskId: string; readonly at: number }
  | { readonly op: 'eraseEnded'; readonly before: number; readonly at: number; readonly limit: number }
  | { readonly op: 'pruneEvents'; readonly before: number; readonly limit: number }
  | { readonly op: 'forgetUploads'; readonly taskIds: readonly string[] }
  | {
      readonly op: 'pruneTraces'
      readonly expiredAt: number
      readonly erasedBefore: number
      readonly limit: number
    }
  | {
      readonly op: 'postpone'
      readonly id: string
      readonly attempt: number
      readonly nextAt: number
    }
  | { readonly op: 'addDelivery'; readonly delivery: Delivery }
  | { readonly op: 'settle'; readonly id: string }
  | { readonly op: 'settleAll'; readonly caller: string; readonly url: string }

type Of<Op extends Write['op']> = Extract<Write, { op: Op }>

/** A piece of the retention ends after this many rows: tasks with many events are not erased a hundred at a time. */
const MAX_PIECE_ROWS = 2000

/** What an event that does not follow the newest one, or is of another run, is answered with. */
export const STALE = 'stale'

/** Carries out writes inside the transaction of the caller, by statements that are prepared once. */
export class Writes {
  readonly #statements: Statements
  /** Changes of the totals in this transaction. */
  readonly #moves = new Map<string, number>()
  /** Rows that were changed so far. */
  #changes = 0

  constructor(db: DatabaseSync) {
    this.#statements = new Statements(db)
  }

  apply(write: Write): unknown {
    switch (write.op) {
      case 'admit':
        return this.#admit(write)
      case 'append':
        return this.#append(write)
      case 'saveStep':
        return this.#run(
          'INSERT OR REPLACE INTO steps VALUES (?, ?, ?)',
          write.taskId,
          write.name,
          write.value,
        )
      case 'saveKey':
        return this.#saveKey(write.record)
      case 'saveNote':
        return this.#run('INSERT OR REPLACE INTO notes VALUES (?, ?)', write.name, write.text)
      case 'erase':
        return this.#erase(write.taskId, write.at)
      case 'eraseEnded':
        return this.#eraseEnded(write)
      case 'pruneEvents':
        return this.#pruneEvents(write)
      case 'forgetUploads':
        for (const id of write.taskIds) this.#run('UPDATE tasks SET spool_id = NULL WHERE id = ?', id)
        return null
      case 'pruneTraces':
        return this.#pruneTraces(write)
      case 'postpone': {
        const sql = 'UPDATE deliveries SET attempt = ?, next_at = ? WHERE id = ?'
        return this.#run(sql, write.attempt, write.nextAt, write.id)
      }
      case 'addDelivery':
        return this.#addDelivery(write.delivery)
      case 'settle':
        return this.#run('DELETE FROM deliveries WHERE id = ?', write.id)
      case 'settleAll':
        return this.#run('DELETE FROM deliveries WHERE caller = ? AND url = ?', write.caller, write.url)
    }
  }

  /** Writes down what moved since the last call; the last thing in a transaction. */
  flushTotals(): void {
    const sql =
      'INSERT INTO totals VALUES (?, ?) ON CONFLICT (status) DO UPDATE SET count = count + excluded.count'
    for (const [status, change] of this.#moves) if (change !== 0) this.#run(sql, status, change)
    this.#moves.clear()
  }

  /** After a rollback: nothing has moved. */
  forgetTotals(): void {
    this.#moves.clear()
  }

  #admit({ fixed, state, input, event, key }: Of<'admit'>): null {
    const { id, priority, status, run, last_seq, finished_at, state: lively } = state
    const columns =
      'id, type, caller, priority, status, run, last_seq, created_at, finished_at, spool_id, content, fixed, state'
    const { type, caller, created_at, spool_id, content, fixed: rest } = fixed
    const decided = [id, type, caller, priority, status, run, last_seq, created_at, finished_at]
    this.#run(
      `INSERT INTO tasks (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...decided,
      spool_id,
      content,
      rest,
      lively,
    )
    this.#run('INSERT INTO inputs VALUES (?, ?)', id, input)
    this.#insertEvent(id, event)
    if (key !== null) this.#saveKey(key)
    this.#move(status, 1)
    return null
  }

  #saveKey({ caller, key, fingerprint, taskId, waiter, expiresAt }: KeyRecord): null {
    const columns = 'caller, key, fingerprint, task_id, expires_at, waiter'
    const sql = `INSERT OR REPLACE INTO keys (${columns}) VALUES (?, ?, ?, ?, ?, ?)`
    this.#run(sql, caller, key, fingerprint, taskId, expiresAt, waiter)
    return null
  }

  /** The fence: an event follows the newest one, an end is of the run that is going on, and nothing follows an end. */
  #append({ state, event, isEnd, result, delivery, dropped }: Of<'append'>): typeof STALE | null {
    const { id, priority, status, run, last_seq, finished_at, state: lively } = state
    const before = this.#statements
      .of('SELECT status, run, finished_at, last_seq FROM tasks WHERE id = ?')
      .get(id)
    const isNext = before?.['last_seq'] === last_seq - 1 && before['finished_at'] === null
    const isOfRun = before?.['run'] === run || (!isEnd && before?.['run'] === run - 1)
    if (!isNext || !isOfRun) return STALE
    const sql =
      'UPDATE tasks SET priority = ?, status = ?, run = ?, last_seq = ?, finished_at = ?, state = ? WHERE id = ?'
    const values = [priority, status, run, last_seq, finished_at, lively, id]
    this.#run(sql, ...values)
    this.#insertEvent(id, event)
    if (before['status'] !== status) {
      this.#move(before['status'] as string, -1)
      this.#move(status, 1)
    }
    if (dropped !== null) this.#run('DELETE FROM deliveries WHERE id = ?', dropped)
    if (delivery !== null) {
      this.#addDelivery({ ...delivery, taskId: id, attempt: 0, nextAt: isEnd ? event.at : NOT_DUE })
    }
    if (!isEnd) return null
    this.#run('UPDATE deliveries SET next_at = ? WHERE task_id = ? AND next_at = ?', event.at, id, NOT_DUE)
    if (result !== null) this.#run('INSERT INTO results VALUES (?, ?)', id, result)
    this.#run('DELETE FROM steps WHERE task_id = ?', id)
    return null
  }

  #addDelivery({ id, taskId, caller, url, secret, attempt, nextAt }: Delivery): null {
    const columns = 'id, task_id, caller, url, secret, attempt, next_at'
    const sql = `INSERT OR REPLACE INTO deliveries (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`
    this.#run(sql, id, taskId, caller, url, secret, attempt, nextAt)
    return null
  }

  #insertEvent(id: string, { seq, type, status, at, body }: EventRow): void {
    this.#run('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)', id, seq, type, status, at, body)
  }

  #erase(id: string, at: number): string | null {
    const row = this.#statements
      .of('DELETE FROM tasks WHERE id = ? AND finished_at IS NOT NULL RETURNING caller, spool_id')
      .get(id)
    if (row === undefined) return null
    for (const table of ['inputs', 'results']) this.#run(`DELETE FROM ${table} WHERE id = ?`, id)
    for (const table of ['events', 'deliveries']) this.#run(`DELETE FROM ${table} WHERE task_id = ?`, id)
    this.#run('INSERT OR REPLACE INTO erased VALUES (?, ?, ?)', id, row['caller'] as string, at)
    return row['spool_id'] as string | null
  }

  #eraseEnded({ before, at, limit }: Of<'eraseEnded'>): { tasks: number; spoolIds: string[] } {
    const spoolIds: string[] = []
    const startedAt = this.#changes
    let tasks = 0
    for (const id of this.#ended(before, limit, [0, 1])) {
      const spoolId = this.#erase(id, at)
      if (spoolId !== null) spoolIds.push(spoolId)
      tasks += 1
      if (this.#changes - startedAt > MAX_PIECE_ROWS) break
    }
    return { tasks, spoolIds }
  }

  #pruneEvents({ before, limit }: Of<'pruneEvents'>): number {
    const startedAt = this.#changes
    let tasks = 0
    for (const id of this.#ended(before, limit, [1])) {
      if (this.#changes - startedAt > MAX_PIECE_ROWS) break
      tasks += 1
      const last = 'SELECT max(seq) FROM events WHERE task_id = ?1'
      this.#run(`DELETE FROM events WHERE task_id = ?1 AND seq < (${last})`, id)
      this.#run('UPDATE tasks SET has_events = 0 WHERE id = ?', id)
    }
    return tasks
  }

  /** Ids of tasks that ended before, with and without events, a share of `limit` each. */
  #ended(before: number, limit: number, hasEvents: readonly number[]): string[] {
    const sql = 'SELECT id FROM tasks WHERE has_events = ? AND finished_at < ? ORDER BY finished_at LIMIT ?'
    const ids: string[] = []
    for (const flag of hasEvents) {
      const rows = this.#statements.of(sql).all(flag, before, limit - ids.length)
      ids.push(...rows.map((row) => row['id'] as string))
    }
    return ids
  }

  #pruneTraces({ expiredAt, erasedBefore, limit }: Of<'pruneTraces'>): number {
    const keys = 'SELECT caller, key FROM keys WHERE expires_at <= ? LIMIT ?'
    const erased = 'SELECT id FROM erased WHERE at < ? LIMIT ?'
    return (
      this.#run(`DELETE FROM keys WHERE (caller, key) IN (${keys})`, expiredAt, limit) +
      this.#run(`DELETE FROM erased WHERE id IN (${erased})`, erasedBefore, limit)
    )
  }

  #move(status: string, change: number): void {
    this.#moves.set(status, (this.#moves.get(status) ?? 0) + change)
  }

  #run(sql: string, ...values: (string | number | null)[]): number {
    const changes = Number(this.#statements.of(sql).run(...values).changes)
    this.#changes += changes
    return changes
  }
}
