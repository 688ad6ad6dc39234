import { Client } from 'pg'
import { Database } from '../../src/cluster/database/database.ts'
import { refreshStatistics } from '../../src/cluster/database/statistics.ts'
import { CounterChanges } from '../../src/cluster/journal/counters.ts'
import { toNewTaskRow } from '../../src/cluster/journal/rows.ts'
import { writeNewTasks } from '../../src/cluster/journal/write-entries.ts'
import { toTicketPriority } from '../../src/cluster/admission/order.ts'
import { Tickets } from '../../src/cluster/tickets.ts'
import { placeAfter, toTaskEvent } from '../../src/task/event.ts'
import { sampleTask } from '../support.ts'

const GROUP = 5000
/** LOW: what is measured goes before it. */
const LEVEL = 0

/** Makes so many tasks wait, written as an admission does, and does what the database would have to do for them later. */
export async function fillQueue(databaseUrl: string, until: number): Promise<void> {
  const db = new Database({
    url: databaseUrl,
    connections: 2,
    prepares: true,
    onError: ({ message }) => console.error(message),
  })
  const tickets = new Tickets({ url: databaseUrl, onError: ({ message }) => console.error(message) })
  await tickets.start()
  try {
    for (let first = 0; first < until; first += GROUP) {
      await db.transaction(async (tx) => {
        const counters = new CounterChanges(1)
        const rows = Array.from({ length: Math.min(GROUP, until - first) }, (_, index) => {
          const rank = first + index + 1
          const created = { ...sampleTask(rank, LEVEL), type: 'echo' }
          const task = { ...created, lastSeq: 1 }
          counters.accept(task)
          const ticket = toTicketPriority(rank, LEVEL, 0)
          const event = toTaskEvent(task, { type: 'queued', ...placeAfter(rank) }, task.createdAt)
          return toNewTaskRow(task, event, { rank, ticket })
        })
        await writeNewTasks(tx, rows)
        await tickets.insert(
          tx,
          rows.map(({ id, ticket: priority }) => ({ id, priority, startAfter: null })),
        )
        await counters.flush(tx)
      })
    }
    await db.query('UPDATE headgate.admission_lock SET last_ranks[1] = $1', [until])
    await refreshStatistics(db)
    await settle(databaseUrl)
  } finally {
    await tickets.stop()
    await db.close()
  }
}

/** A vacuum of new rows and the checkpoint behind a fill are not of what is measured after it. */
async function settle(databaseUrl: string): Promise<void> {
  const client = new Client(databaseUrl)
  await client.connect()
  await client.query('VACUUM ANALYZE')
  await client.query('CHECKPOINT')
  await client.end()
}
