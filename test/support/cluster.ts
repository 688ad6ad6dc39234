import { onTestFinished } from 'vitest'
import { Database } from '../../src/cluster/database/database.ts'
import { toDirect } from './pgbouncer.ts'

/** Connections to a database, closed with the test. */
export function openDatabase(url: string, connections = 4): Database {
  const database = new Database({ url: toDirect(url), connections, prepares: true, onError: () => undefined })
  onTestFinished(() => database.close().catch(() => undefined))
  return database
}
