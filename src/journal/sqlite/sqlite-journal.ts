import { statSync } from 'node:fs'
import { HeadgateError } from '../../task/errors.ts'
import type { TaskEvent } from '../../task/event.ts'
import { isTerminal, type TaskStatus } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import {
  NOT_DUE,
  type Delivery,
  type DeliveryJournal,
  type DuplicateJournal,
  type Journal,
  type JournalEntry,
  type KeyRecord,
  type NoteJournal,
  type RecoveryJournal,
  type StepJournal,
  type TaskJournal,
  type TaskPage,
  type TaskQuery,
  type KeptUpload,
  type Pruned,
  type RetentionJournal,
} from '../journal.ts'
import { LiveTasks } from '../live-tasks.ts'
import { ReaderLink } from './reader/client.ts'
import type { Row } from './reader/queries.ts'
import {
  toEvent,
  toEventRow,
  toFixedRow,
  resultOf,
  toStateRow,
  toPastTask,
  taskOf,
  type EventRow,
  type WholeTaskRow,
} from './rows.ts'
import { QUICK_CHECK_BYTES } from './open/open.ts'
import { filesIn } from './open/files.ts'
import type { Write } from './writer/mutations.ts'
import { WriterLink, type WriterLinkOptions } from './writer/client.ts'

/**
 * The durable journal: SQLite in the folder, written by a thread of its own and read by another.
 * @throws HeadgateError when it is in use, missing, too new, damaged, or its disk fails.
 */
export async function openSqliteJournal(options: WriterLinkOptions): Promise<Journal> {
  const writer = new WriterLink(options)
  await writer.whenOpen()
  const { journal } = filesIn(options.folder)
  const died = (error: Error) => options.onFatal(new HeadgateError('journal-failed', error.message))
  const reader = new ReaderLink(journal, died)
  const check = checkBesideTheWork(journal, options)
  const live = new LiveTasks()
  return {
    tasks: createTasks(writer, reader, live),
    duplicates: findDuplicates(writer, reader),
    steps: createSteps(writer, reader),
    recovery: createRecovery(reader, live),
    retention: createRetention(writer, reader),
    deliveries: createDeliveries(writer, reader),
    notes: takeNotes(writer, reader),
    health: writer,
    [Symbol.asyncDispose]: async () => {
      await check.close()
      await reader.close()
      await writer.close()
    },
  }
}

/** A journal that is too large to be checked before the start is checked after it. */
function checkBesideTheWork(journal: string, { onFatal, onNote }: WriterLinkOptions) {
  if (statSync(journal).size <= QUICK_CHECK_BYTES) return { close: () => Promise.resolve() }
  // Its death leaves the check undone, and nothing else.
  const checker = new ReaderLink(journal, () => undefined)
  void checker.read({ op: 'check' }).then(
    ([row]) => {
      const result = row?.['quick_check']
      if (result === 'ok') return checker.close()
      return onFatal(new HeadgateError('journal-corrupt', `The journal is damaged: ${String(result)}.`))
    },
    (error: unknown) => onNote(`the check of the journal was broken off: ${String(error)}`),
  )
  return { close: () => checker.terminate() }
}

function createTasks(writer: WriterLink, reader: ReaderLink, live: LiveTasks): TaskJournal {
  return {
    async admit({ task, event }: JournalEntry, key: KeyRecord | null): Promise<void> {
      const { refusal } = writer
      if (refusal !== null) throw new HeadgateError(refusal, 'The journal takes no new tasks now.')
      const input = JSON.stringify(task.input) ?? 'null'
      const [fixed, state] = [toFixedRow(task), toStateRow(task)]
      await writer.write({ op: 'admit', fixed, state, input, event: toEventRow(event), key })
      live.set(task)
    },
    async append(entry: JournalEntry): Promise<void> {
      await writer.write(toAppend(entry))
      live.set(entry.task)
    },
    async task(id: string): Promise<Task | undefined> {
      return live.get(id) ?? tasksFrom(await reader.read({ op: 'task', id }))[0]
    },
    async find(id: string): Promise<Task | undefined> {
      return live.get(id) ?? tasksFrom(await reader.read({ op: 'find', id }))[0]
    },
    ...listResults(reader),
    async list(query: TaskQuery): Promise<TaskPage> {
      if (query.status !== undefined && !isTerminal(query.status)) return live.list(query)
      const rows = await reader.read({ op: 'list', query })
      const next = rows.at(-1)?.['next'] as string | undefined
      const tasks = tasksFrom(next === undefined ? rows : rows.slice(0, -1))
      return { tasks: tasks.map((task) => live.get(task.id) ?? task), next: next ?? null }
    },
    async eventsAfter(taskId: string, seq: number, limit: number): Promise<readonly TaskEvent[]> {
      const rows = await reader.read({ op: 'events', taskId, after: seq, limit })
      return (rows as unknown as EventRow[]).map((row) => toEvent(taskId, row))
    },
  }
}

function listResults(reader: ReaderLink): Pick<TaskJournal, 'result' | 'resultBytes'> {
  return {
    async result(id: string): Promise<Uint8Array | null> {
      const [row] = await reader.read({ op: 'result', id })
      return (row?.['result'] as Uint8Array | undefined) ?? null
    },
    async resultBytes(id: string): Promise<number> {
      const [row] = await reader.read({ op: 'resultBytes', id })
      return (row?.['bytes'] as number | undefined) ?? 0
    },
  }
}

function toAppend(entry: JournalEntry): Write {
  const { task, event, delivery = null, dropped = null } = entry
  const { webhook, caller } = task
  const isEnd = isTerminal(task.status)
  // The webhook of the first submit; the others have theirs in the journal already.
  const isOwed = isEnd && webhook !== null && !task.left.includes(1)
  return {
    op: 'append',
    state: toStateRow(task),
    event: toEventRow(event),
    isEnd,
    result: resultOf(entry),
    delivery: isOwed ? { id: `msg_${task.id}`, caller, ...webhook } : delivery,
    dropped,
  }
}

function findDuplicates(writer: WriterLink, reader: ReaderLink): DuplicateJournal {
  return {
    async saveKey(record: KeyRecord): Promise<void> {
      await writer.write({ op: 'saveKey', record })
    },
    async keyed(caller: string, key: string): Promise<KeyRecord | undefined> {
      const [row] = await reader.read({ op: 'key', caller, key })
      if (row === undefined) return undefined
      const { fingerprint, task_id: taskId, waiter, expires_at: expiresAt } = row
      return { caller, key, fingerprint, taskId, waiter, expiresAt } as KeyRecord
    },
    async completedWith(caller: string, content: string): Promise<string | undefined> {
      const [row] = await reader.read({ op: 'completed', caller, content })
      return row?.['id'] as string | undefined
    },
  }
}

function createSteps(writer: WriterLink, reader: ReaderLink): StepJournal {
  return {
    async loadStep(taskId: string, name: string): Promise<string | undefined> {
      const [row] = await reader.read({ op: 'step', taskId, name })
      return row?.['value'] as string | undefined
    },
    async saveStep(taskId: string, name: string, value: string): Promise<void> {
      await writer.write({ op: 'saveStep', taskId, name, value })
    },
  }
}

function createRecovery(reader: ReaderLink, live: LiveTasks): RecoveryJournal {
  return {
    async unfinished(afterId: string | null, limit: number): Promise<readonly Task[]> {
      const tasks = tasksFrom(await reader.read({ op: 'unfinished', afterId, limit }))
      for (const task of tasks) live.set(task)
      return tasks
    },
    async totals(): Promise<Readonly<Partial<Record<TaskStatus, number>>>> {
      const rows = await reader.read({ op: 'totals' })
      return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
    },
    async durations(limit: number) {
      const rows = (await reader.read({ op: 'durations', limit })) as unknown as WholeTaskRow[]
      return rows.toReversed().map((row) => toPastTask(row))
    },
    async stepCount(taskId: string): Promise<number> {
      const [row] = await reader.read({ op: 'stepCount', taskId })
      return row?.['count'] as number
    },
    async newestId(): Promise<string | null> {
      const [row] = await reader.read({ op: 'newest' })
      return (row?.['id'] as string) || null
    },
    async spoolIds(): Promise<readonly string[]> {
      return (await reader.read({ op: 'spoolIds' })).map((row) => row['spool_id'] as string)
    },
  }
}

function createRetention(writer: WriterLink, reader: ReaderLink): RetentionJournal {
  return {
    erase: async (taskId, at) => (await writer.write({ op: 'erase', taskId, at })) as string | null,
    async ownerOfErased(taskId) {
      const [row] = await reader.read({ op: 'erased', taskId })
      return row?.['caller'] as string | undefined
    },
    eraseEnded: async (before, at, limit) =>
      (await writer.write({ op: 'eraseEnded', before, at, limit })) as Pruned,
    pruneEvents: async (before, limit) =>
      (await writer.write({ op: 'pruneEvents', before, limit })) as number,
    async endedUploads(before, limit): Promise<readonly KeptUpload[]> {
      const rows = await reader.read({ op: 'uploads', before, limit })
      return rows.map(({ id, spool_id: spoolId }) => ({ taskId: id, spoolId }) as KeptUpload)
    },
    forgetUploads: async (taskIds) => {
      await writer.write({ op: 'forgetUploads', taskIds })
    },
    pruneTraces: async (expiredAt, erasedBefore, limit) =>
      (await writer.write({ op: 'pruneTraces', expiredAt, erasedBefore, limit })) as number,
  }
}

function createDeliveries(writer: WriterLink, reader: ReaderLink): DeliveryJournal {
  return {
    async due(now, limit, offset = 0): Promise<readonly Delivery[]> {
      const rows = await reader.read({ op: 'due', now, limit, offset })
      return rows.map(({ id, task_id: taskId, caller, url, secret, attempt, next_at: nextAt }) => {
        return { id, taskId, caller, url, secret, attempt, nextAt } as Delivery
      })
    },
    async nextAt(now = 0) {
      const [row] = await reader.read({ op: 'nextDelivery', now })
      const at = (row?.['at'] as number | undefined) ?? NOT_DUE
      return at === NOT_DUE ? null : at
    },
    add: async (delivery) => {
      await writer.write({ op: 'addDelivery', delivery })
    },
    postpone: async (id, attempt, nextAt) => {
      await writer.write({ op: 'postpone', id, attempt, nextAt })
    },
    settle: async (id) => {
      await writer.write({ op: 'settle', id })
    },
    settleAll: async (caller, url) => {
      await writer.write({ op: 'settleAll', caller, url })
    },
  }
}

function takeNotes(writer: WriterLink, reader: ReaderLink): NoteJournal {
  return {
    async loadNote(name) {
      const [row] = await reader.read({ op: 'note', name })
      return row?.['text'] as string | undefined
    },
    async saveNote(name, text) {
      await writer.write({ op: 'saveNote', name, text })
    },
  }
}

function tasksFrom(rows: readonly Row[]): Task[] {
  return (rows as unknown as WholeTaskRow[]).map((row) => taskOf(row))
}
