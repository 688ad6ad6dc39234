import { Counters } from '../../lifecycle/counters.ts'
import type { Task } from '../../task/task.ts'
import type { Database, Statements } from '../database/database.ts'
import { inOneProcess } from '../database/in-one-process.ts'

/** @param member the parameter of it; @param changes that of what {@link CounterChanges.take} returns */
export function toAddCounts(member: string, changes: string): string {
  return `
  INSERT INTO headgate.counters
    SELECT ${member}::integer, name, priority, count
      FROM json_to_recordset(${changes}) AS given(name text, priority smallint, count bigint)
    ON CONFLICT (member, name, priority) DO UPDATE SET count = counters.count + excluded.count`
}
const ADD_COUNTS = toAddCounts('$1', '$2')

/** Has the sums of those that are gone. */
const NOBODY = 0
/** Who has not reported for this long has gone; one that comes back adds to rows of its own again. */
const GONE_AFTER = '1 hour'
/** Of the lock that lets one process through. */
const LOCK = 421_579

/**
 * Adds up the counters of members that are gone: each admission reads all rows, and processes whose names are new at
 * each start would leave more and more of them.
 */
export async function foldCounters(db: Database): Promise<void> {
  await inOneProcess(db, LOCK, async (tx) => {
    await tx.query(
      `WITH moved AS (
          DELETE FROM headgate.counters USING headgate.members
            WHERE member = members.id AND seen_at < clock_timestamp() - interval '${GONE_AFTER}'
            RETURNING counters.name, priority, count)
        INSERT INTO headgate.counters SELECT ${NOBODY}, name, priority, sum(count) FROM moved
          GROUP BY name, priority ORDER BY name, priority
        ON CONFLICT (member, name, priority) DO UPDATE SET count = counters.count + excluded.count`,
    )
  })
}

/** Counts what is refused here and not yet written down. */
export class SharedCounters extends Counters {
  unwritten = 0

  override reject(): void {
    super.reject()
    this.unwritten += 1
  }
}

const NOTHING = '[]'

type Counted = Pick<Task, 'status' | 'priority'>

/**
 * What one transaction changes in the counters. Each member adds to rows of its own, in the last statement of its
 * transaction: no other transaction waits for them for long, and none in the opposite order.
 */
export class CounterChanges {
  readonly #changes = new Map<string, number>()
  readonly #member: number

  /** @param member whose rows they are */
  constructor(member: number) {
    this.#member = member
  }

  /** A task came in. */
  accept({ status, priority }: Counted): void {
    this.add(status, priority, 1)
  }

  move(from: Counted, to: Counted): void {
    if (from.status === to.status && from.priority === to.priority) return
    this.add(from.status, from.priority, -1)
    this.add(to.status, to.priority, 1)
  }

  add(name: string, priority: number, count: number): void {
    const key = `${name} ${priority}`
    this.#changes.set(key, (this.#changes.get(key) ?? 0) + count)
  }

  /** Writes them down; the last statement before the commit. */
  async flush(tx: Statements): Promise<void> {
    const values = this.take()
    if (values[1] !== NOTHING) await tx.query(ADD_COUNTS, values)
  }

  /** The member, and what is added to its counters, as JSON; they begin anew. */
  take(): readonly [number, string] {
    const rows = [...this.#changes]
      .filter(([, count]) => count !== 0)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
    this.#changes.clear()
    const given = rows.map(([key, count]) => {
      const [name, priority] = key.split(' ')
      return { name, priority: Number(priority), count }
    })
    return [this.#member, JSON.stringify(given)]
  }
}
