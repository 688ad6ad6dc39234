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

/** Makes so many more tasks wait, written as an admission does. @param from how many wait already */
export async function fillQueue(databaseUrl: string, from: number, until: number): Promise<void> {
  const db = new Database({
    url: databaseUrl,
    connections: 2,
    prepares: true,
    onError: ({ message }) => console.error(message),
  })
  const tickets = new Tickets({ url: databaseUrl, onError: ({ message }) => console.error(message) })
  await tickets.start()
  try {
    for (let first = from; first < until; first += GROUP) {
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
  } finally {
    await tickets.stop()
    await db.close()
  }
}
