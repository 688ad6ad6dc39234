import { NOT_DUE, type Delivery, type DeliveryJournal } from '../../journal/journal.ts'
import type { Database } from '../database/database.ts'
import { addDeliveries } from './write-entries.ts'

export function createDeliveries(db: Database): DeliveryJournal {
  return {
    due: (now, limit, offset = 0) =>
      db.query<Delivery & Record<string, unknown>>(
        `SELECT id, task_id AS "taskId", caller, url, secret, attempt, next_at AS "nextAt" FROM headgate.deliveries
          WHERE next_at <= $1 ORDER BY next_at LIMIT $2 OFFSET $3`,
        [now, limit, offset],
      ),
    add: (delivery) => addDeliveries(db, [delivery]),
    async nextAt(now = 0) {
      const sql = 'SELECT min(next_at) AS at FROM headgate.deliveries WHERE next_at > $1 AND next_at < $2'
      const [row] = await db.query<{ at: number | null }>(sql, [now, NOT_DUE])
      return row?.at ?? null
    },
    async postpone(id, attempt, nextAt) {
      const sql = 'UPDATE headgate.deliveries SET attempt = $2, next_at = $3 WHERE id = $1'
      await db.query(sql, [id, attempt, nextAt])
    },
    async settle(id) {
      await db.query('DELETE FROM headgate.deliveries WHERE id = $1', [id])
    },
    async settleAll(caller, url) {
      await db.query('DELETE FROM headgate.deliveries WHERE caller = $1 AND url = $2', [caller, url])
    },
  }
}
