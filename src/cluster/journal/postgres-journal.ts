import type { Journal } from '../../journal/journal.ts'
import type { Database } from '../database/database.ts'
import { CounterChanges } from './counters.ts'
import { createDeliveries } from './deliveries.ts'
import { EntryBatches } from './entry-batches.ts'
import {
  createDuplicateQueries,
  createHistory,
  createNotes,
  createRecoveryQueries,
  createSteps,
  createTaskQueries,
} from './queries.ts'
import { createRetention } from './retention.ts'
import { toNewTaskRow } from './rows.ts'
import { writeEntries, writeKeys, writeNewTasks } from './write-entries.ts'

/**
 * The journal on PostgreSQL: any number of processes read and write it. Each write names the version that it follows,
 * so none can overwrite what another process wrote.
 *
 * @param member number of this process among the members: its counters have rows of their own
 */
export function createPostgresJournal(db: Database, member: number): Journal {
  const batches = new EntryBatches((entries) =>
    db.transaction(async (tx) => {
      const counters = new CounterChanges(member)
      const written = await writeEntries({ tx, counters, member }, entries)
      await counters.flush(tx)
      return written
    }),
  )
  return {
    tasks: {
      ...createTaskQueries(db),
      admit: ({ task, event }, key, start) =>
        db.transaction(async (tx) => {
          const counters = new CounterChanges(member)
          await writeNewTasks(tx, [toNewTaskRow(task, event, { rank: 0, ticket: 0 })])
          await writeKeys(tx, key === null ? [] : [key])
          counters.accept(task)
          if (start !== undefined) await writeEntries({ tx, counters, member }, [start])
          await counters.flush(tx)
        }),
      append: (entry) => batches.append(entry),
    },
    duplicates: createDuplicateQueries(db),
    steps: createSteps(db),
    recovery: createRecoveryQueries(db),
    retention: createRetention(db),
    deliveries: createDeliveries(db),
    notes: createNotes(db),
    history: createHistory(db),
    health: { refusal: null },
    [Symbol.asyncDispose]: () => db.close(),
  }
}
