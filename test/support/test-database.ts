import { createHash } from 'node:crypto'
import { Client } from 'pg'

/**
 * With `TEST_POSTGRES`, the address of a server of PostgreSQL, every test server works over a database of its own, one for
 * each data folder: `npm run test:postgres` runs the HTTP suite so.
 */
export async function databaseSettings(
  dataDir: string,
): Promise<{ databaseUrl?: string; workerName?: string }> {
  const server = process.env['TEST_POSTGRES']
  if (server === undefined) return {}
  const name = `test_${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`
  const client = new Client(server)
  await client.connect()
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
  if (rowCount === 0) await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  return { databaseUrl: new URL(`/${name}`, server).href, workerName: 'test' }
}
