import { statSync } from 'node:fs'
import { HeadgateError } from '../../task/errors.ts'
import { isTerminal } from '../../task/status.ts'
import type { Journal, JournalEntry, RecoveryJournal, TaskJournal } from '../journal.ts'
import { LiveTasks } from '../live-tasks.ts'
import { ReaderLink } from './reader/client.ts'
import { QUERIES, type QueryArgs, type QueryName, type QueryReply } from './reader/queries.ts'
import { toEventRow, toFixedRow, toStateRow } from '../rows.ts'
import { QUICK_CHECK_BYTES } from './open/open.ts'
import { filesIn } from './open/files.ts'
import {
  MUTATIONS,
  type AppendRows,
  type MutationArgs,
  type MutationName,
  type MutationReply,
} from './writer/mutations.ts'
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
  const calls = { ...bindQueries(reader), ...bindMutations(writer) }
  return {
    tasks: { ...calls, ...createTasks(writer, calls, live) },
    duplicates: calls,
    steps: calls,
    recovery: { ...calls, unfinished: recallUnfinished(calls, live) },
    retention: calls,
    deliveries: calls,
    notes: calls,
    history: calls,
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
  void checker.read('quickCheck').then(
    (result) => {
      if (result === 'ok') return checker.close()
      return onFatal(new HeadgateError('journal-corrupt', `The journal is damaged: ${result}.`))
    },
    (error: unknown) => onNote(`the check of the journal was broken off: ${String(error)}`),
  )
  return { close: () => checker.terminate() }
}

type QueryCalls = { [Name in QueryName]: (...args: QueryArgs<Name>) => Promise<QueryReply<Name>> }
type MutationCalls = { [Name in MutationName]: (...args: MutationArgs<Name>) => Promise<MutationReply<Name>> }

/** A method for each query. */
function bindQueries(reader: ReaderLink): QueryCalls {
  const names = Object.keys(QUERIES) as QueryName[]
  return Object.fromEntries(
    names.map((name) => [name, (...args: never) => reader.read(name, ...args)]),
  ) as unknown as QueryCalls
}

/** A method for each mutation; settles when it is durable. */
function bindMutations(writer: WriterLink): MutationCalls {
  const names = Object.keys(MUTATIONS) as MutationName[]
  return Object.fromEntries(
    names.map((name) => [name, (...args: never) => writer.write(name, ...args)]),
  ) as unknown as MutationCalls
}

/** What is asked most of tasks that have not ended is answered from memory. */
function createTasks(
  writer: WriterLink,
  calls: QueryCalls & MutationCalls,
  live: LiveTasks,
): Pick<TaskJournal, 'admit' | 'append' | 'task' | 'find' | 'list'> {
  return {
    async admit(entry, key, start) {
      const { refusal } = writer
      if (refusal !== null) throw new HeadgateError(refusal, 'The journal takes no new tasks now.')
      const { task } = start ?? entry
      const input = JSON.stringify(task.input) ?? 'null'
      const events = start === undefined ? [entry.event] : [entry.event, start.event]
      await calls.admit(
        { fixed: toFixedRow(task), state: toStateRow(task), input, events: events.map(toEventRow) },
        key,
      )
      live.set(task)
    },
    async append(entry) {
      await calls.append(toAppendRows(entry))
      live.set(entry.task)
    },
    async task(id) {
      return live.get(id) ?? (await calls.task(id))
    },
    async find(id) {
      return live.get(id) ?? (await calls.find(id))
    },
    async list(query) {
      if (query.statuses?.every((status) => !isTerminal(status))) return live.list(query)
      const { tasks, next } = await calls.list(query)
      return { tasks: tasks.map((task) => live.get(task.id) ?? task), next }
    },
  }
}

function recallUnfinished(calls: QueryCalls, live: LiveTasks): RecoveryJournal['unfinished'] {
  return async (afterId, limit) => {
    const tasks = await calls.unfinished(afterId, limit)
    for (const task of tasks) live.set(task)
    return tasks
  }
}

function toAppendRows({ task, event, delivery, dropped }: JournalEntry): AppendRows {
  const { webhook, caller } = task
  const isEnd = isTerminal(task.status)
  // The webhook of the first submit; the others have theirs in the journal already.
  const isOwed = isEnd && webhook !== null && !task.left.includes(1)
  return {
    state: toStateRow(task),
    event: toEventRow(event),
    isEnd,
    isShared: task.joins > 1,
    result: isEnd ? task.result : null,
    delivery: isOwed ? { id: `msg_${task.id}`, caller, ...webhook } : (delivery ?? null),
    dropped: dropped ?? null,
  }
}
