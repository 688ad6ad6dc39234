import {
  NOT_DUE,
  type Delivery,
  type KeyRecord,
  type NewDelivery,
  type NewStep,
  type Pruned,
  type RunRef,
} from '../../journal.ts'
import type { EventRow, FixedRow, StateRow } from '../../rows.ts'
import type { Transaction } from './transaction.ts'

/** A piece of the retention ends after this many rows: tasks with many events are not erased a hundred at a time. */
const MAX_PIECE_ROWS = 2000

/** What an event that does not follow the newest one, or is of another run, is answered with. */
export const STALE = 'stale'

/** What the writing thread can be asked to do; each call is part of the next commit. */
export interface Mutation<Args extends unknown[], Reply> {
  /** Runs in the writing thread. */
  readonly apply: (tx: Transaction, ...args: Args) => Reply | typeof STALE
  /** Whether a full disk refuses it at once: nothing that an accepted task needs to come to its end. */
  readonly isNew?: true
  /** The long texts that it writes, characters; absent: it has none. */
  readonly chars?: (...args: Args) => number
}

function mutation<Args extends unknown[], Reply>(
  apply: Mutation<Args, Reply>['apply'],
  more: Omit<Mutation<Args, Reply>, 'apply'> = {},
): Mutation<Args, Reply> {
  return { apply, ...more }
}

/** A new task with its first events, and its state after the last of them. */
export interface AdmitRows {
  readonly fixed: FixedRow
  readonly state: StateRow
  readonly input: string
  readonly events: readonly EventRow[]
}

/** The next version of a task with its event. */
export interface AppendRows {
  readonly state: StateRow
  readonly event: EventRow
  readonly isEnd: boolean
  /** Whether other submits joined the task: each may have a webhook. */
  readonly isShared: boolean
  readonly result: string | null
  /** Of an end: to be sent now; else with the end. */
  readonly delivery: NewDelivery | null
  /** Id of a delivery that is taken away. */
  readonly dropped: string | null
}

/** Everything that is written, each by the name of its method in the interfaces of the journal. */
export const MUTATIONS = {
  admit: mutation(admit, { isNew: true, chars: ({ input }) => input.length }),
  append: mutation(append, { chars: ({ result, event }) => (result?.length ?? 0) + event.body.length }),
  saveKey: mutation(saveKey, { isNew: true }),
  saveStep: mutation(
    (tx, { id, run }: RunRef, { name, value, savedAt }: NewStep): typeof STALE | undefined => {
      const isOfRun = 'EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND run = ?4 AND finished_at IS NULL)'
      const sql = `INSERT OR REPLACE INTO steps SELECT ?1, ?2, ?3, ?5 WHERE ${isOfRun}`
      if (tx.run(sql, id, name, value, run, savedAt) === 0) return STALE
      tx.withSteps.add(id)
      return undefined
    },
    { chars: (_run, { value }) => value.length },
  ),
  saveNote: mutation(
    (tx, name: string, text: string): void => {
      tx.run('INSERT OR REPLACE INTO notes VALUES (?, ?)', name, text)
    },
    { isNew: true },
  ),
  keepNote: mutation(
    (tx, name: string, text: string): string => {
      tx.run('INSERT OR IGNORE INTO notes VALUES (?, ?)', name, text)
      return tx.get('SELECT text FROM notes WHERE name = ?', name)?.['text'] as string
    },
    { isNew: true },
  ),
  erase: mutation(erase),
  eraseEnded: mutation(eraseEnded),
  pruneEvents: mutation(pruneEvents),
  forgetUploads: mutation((tx, taskIds: readonly string[]): void => {
    for (const id of taskIds) tx.run('UPDATE tasks SET spool_id = NULL WHERE id = ?', id)
  }),
  saveMinute: mutation(
    (tx, minute: number, writer: number, row: string): void => {
      tx.run('INSERT OR REPLACE INTO minutes VALUES (?, ?, ?)', minute, writer, row)
    },
    { isNew: true },
  ),
  pruneMinutes: mutation((tx, before: number, limit: number): number => {
    const oldest = 'SELECT minute FROM minutes WHERE minute < ? ORDER BY minute LIMIT ?'
    return tx.run(`DELETE FROM minutes WHERE minute IN (${oldest})`, before, limit)
  }),
  pruneTraces: mutation(
    (tx, expiredAt: number, erasedBefore: number, limit: number): number =>
      tx.run(
        'DELETE FROM keys WHERE (caller, key) IN (SELECT caller, key FROM keys WHERE expires_at <= ? LIMIT ?)',
        expiredAt,
        limit,
      ) +
      tx.run(
        'DELETE FROM erased WHERE id IN (SELECT id FROM erased WHERE at < ? LIMIT ?)',
        erasedBefore,
        limit,
      ),
  ),
  add: mutation(addDelivery, { isNew: true }),
  postpone: mutation((tx, id: string, attempt: number, nextAt: number): void => {
    tx.run('UPDATE deliveries SET attempt = ?, next_at = ? WHERE id = ?', attempt, nextAt, id)
  }),
  settle: mutation((tx, id: string): void => {
    tx.run('DELETE FROM deliveries WHERE id = ?', id)
  }),
  settleAll: mutation((tx, caller: string, url: string): void => {
    tx.run('DELETE FROM deliveries WHERE caller = ? AND url = ?', caller, url)
  }),
}

type Mutations = typeof MUTATIONS
export type MutationName = keyof Mutations
export type MutationArgs<Name extends MutationName> =
  Mutations[Name] extends Mutation<infer Args, unknown> ? Args : never
export type MutationReply<Name extends MutationName> =
  Mutations[Name] extends Mutation<infer _, infer Reply> ? Reply : never

/** One call of the writing thread. */
export type Write = {
  [Name in MutationName]: { readonly name: Name; readonly args: MutationArgs<Name> }
}[MutationName]

/** A mutation as the threads hand it on. */
export type AnyMutation = Mutation<unknown[], unknown>

function admit(tx: Transaction, { fixed, state, input, events }: AdmitRows, key: KeyRecord | null): void {
  const { id, priority, status, run, last_seq, finished_at, state: lively } = state
  const columns =
    'id, type, caller, priority, status, run, last_seq, created_at, finished_at, spool_id, content, fixed, state'
  const { type, caller, created_at, spool_id, content, fixed: rest } = fixed
  const decided = [id, type, caller, priority, status, run, last_seq, created_at, finished_at]
  tx.run(
    `INSERT INTO tasks (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...decided,
    spool_id,
    content,
    rest,
    lively,
  )
  tx.run('INSERT INTO inputs VALUES (?, ?)', id, input)
  for (const event of events) insertEvent(tx, id, event)
  if (key !== null) saveKey(tx, key)
}

function saveKey(tx: Transaction, { caller, key, fingerprint, taskId, waiter, expiresAt }: KeyRecord): void {
  const columns = 'caller, key, fingerprint, task_id, expires_at, waiter'
  const sql = `INSERT OR REPLACE INTO keys (${columns}) VALUES (?, ?, ?, ?, ?, ?)`
  tx.run(sql, caller, key, fingerprint, taskId, expiresAt, waiter)
}

/** The fence: an event follows the newest one, an end is of the run that is going on, and nothing follows an end. */
const NEXT = 'id = ?7 AND last_seq = ?4 - 1 AND finished_at IS NULL'
const CHANGE =
  'UPDATE tasks SET priority = ?1, status = ?2, run = ?3, last_seq = ?4, finished_at = ?5, state = ?6'
const APPEND = `${CHANGE} WHERE ${NEXT} AND run IN (?3, ?3 - 1)`
const APPEND_END = `${CHANGE} WHERE ${NEXT} AND run = ?3`

function append(tx: Transaction, rows: AppendRows): typeof STALE | undefined {
  const { state, event, isEnd, delivery, dropped } = rows
  const { id, priority, status, run, last_seq, finished_at, state: lively } = state
  const sql = isEnd ? APPEND_END : APPEND
  if (tx.run(sql, priority, status, run, last_seq, finished_at, lively, id) === 0) return STALE
  insertEvent(tx, id, event)
  if (dropped !== null) tx.run('DELETE FROM deliveries WHERE id = ?', dropped)
  if (delivery !== null) {
    addDelivery(tx, { ...delivery, taskId: id, attempt: 0, nextAt: isEnd ? event.at : NOT_DUE })
  }
  if (isEnd) end(tx, rows)
  return undefined
}

function end(tx: Transaction, { state: { id, status }, event, result, isShared }: AppendRows): void {
  tx.countEnd(status)
  if (isShared) {
    const due = 'UPDATE deliveries SET next_at = ? WHERE task_id = ? AND next_at = ?'
    tx.run(due, event.at, id, NOT_DUE)
  }
  if (result !== null) tx.run('INSERT INTO results VALUES (?, ?)', id, result)
  if (tx.withSteps.delete(id)) tx.run('DELETE FROM steps WHERE task_id = ?', id)
}

function addDelivery(tx: Transaction, { id, taskId, caller, url, secret, attempt, nextAt }: Delivery): void {
  const columns = 'id, task_id, caller, url, secret, attempt, next_at'
  const sql = `INSERT OR REPLACE INTO deliveries (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`
  tx.run(sql, id, taskId, caller, url, secret, attempt, nextAt)
}

function insertEvent(tx: Transaction, id: string, { seq, type, status, at, body }: EventRow): void {
  tx.run('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)', id, seq, type, status, at, body)
}

function erase(tx: Transaction, id: string, at: number): string | null {
  const row = tx.get(
    'DELETE FROM tasks WHERE id = ? AND finished_at IS NOT NULL RETURNING caller, spool_id',
    id,
  )
  if (row === undefined) return null
  for (const table of ['inputs', 'results']) tx.run(`DELETE FROM ${table} WHERE id = ?`, id)
  for (const table of ['events', 'deliveries']) tx.run(`DELETE FROM ${table} WHERE task_id = ?`, id)
  tx.run('INSERT OR REPLACE INTO erased VALUES (?, ?, ?)', id, row['caller'] as string, at)
  return row['spool_id'] as string | null
}

function eraseEnded(tx: Transaction, before: number, at: number, limit: number): Pruned {
  const spoolIds: string[] = []
  const startedAt = tx.changes
  let tasks = 0
  for (const id of endedIds(tx, [0, 1], before, limit)) {
    const spoolId = erase(tx, id, at)
    if (spoolId !== null) spoolIds.push(spoolId)
    tasks += 1
    if (tx.changes - startedAt > MAX_PIECE_ROWS) break
  }
  return { tasks, spoolIds }
}

function pruneEvents(tx: Transaction, before: number, limit: number): number {
  const startedAt = tx.changes
  let tasks = 0
  for (const id of endedIds(tx, [1], before, limit)) {
    if (tx.changes - startedAt > MAX_PIECE_ROWS) break
    tasks += 1
    const last = 'SELECT max(seq) FROM events WHERE task_id = ?1'
    tx.run(`DELETE FROM events WHERE task_id = ?1 AND seq < (${last})`, id)
    tx.run('UPDATE tasks SET has_events = 0 WHERE id = ?', id)
  }
  return tasks
}

/** Ids of tasks that ended before, with and without events, a share of `limit` each. */
function endedIds(tx: Transaction, hasEvents: readonly number[], before: number, limit: number): string[] {
  const sql = 'SELECT id FROM tasks WHERE has_events = ? AND finished_at < ? ORDER BY finished_at LIMIT ?'
  const ids: string[] = []
  for (const flag of hasEvents) {
    const rows = tx.all(sql, flag, before, limit - ids.length)
    ids.push(...rows.map((row) => row['id'] as string))
  }
  return ids
}
