import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { serverUser } from './postgres-server.ts'
import { freePort, spawnBound } from './spawn.ts'

export type PoolMode = 'session' | 'transaction'

/** Roles of the tests. */
const USERS = ['headgate', 'plain']

/** Ports of PgBouncer, and the port of the PostgreSQL behind each. */
const behind = new Map<string, number>()

/** A real PgBouncer in front of a PostgreSQL of this machine, with the settings that docs/cluster.md names. */
export async function startPgBouncer(program: string, mode: PoolMode, postgresPort: number) {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-pgbouncer-'))
  const user = await serverUser()
  const port = await freePort()
  const configuration = `
    [databases]
    * = host=127.0.0.1 port=${postgresPort}
    [pgbouncer]
    listen_addr = 127.0.0.1
    listen_port = ${port}
    unix_socket_dir =
    auth_type = trust
    auth_file = ${folder}/users
    pool_mode = ${mode}
    default_pool_size = 80
    max_client_conn = 500
    server_login_retry = 1`
  await writeFile(join(folder, 'pgbouncer.ini'), configuration)
  await writeFile(join(folder, 'users'), USERS.map((name) => `"${name}" ""\n`).join(''))
  if (user !== undefined)
    for (const path of [folder, join(folder, 'users')]) await chown(path, user.uid, user.gid)
  const child = spawnBound(program, ['-q', join(folder, 'pgbouncer.ini')], { ...user, stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await untilListening(port)
  behind.set(`${port}`, postgresPort)
  const stop = async () => {
    child.kill('SIGKILL')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  return { port, stop, toPooled: (url: string) => withPort(url, port) }
}

async function untilListening(port: number): Promise<void> {
  for (let left = 200; ; left -= 1) {
    const client = new Client(`postgres://headgate@127.0.0.1:${port}/postgres`)
    try {
      await client.connect()
      return
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

function withPort(url: string, port: number): string {
  const address = new URL(url)
  address.port = `${port}`
  return address.href
}

/** The same database without PgBouncer. */
export function toDirect(url: string): string {
  const port = URL.canParse(url) ? behind.get(new URL(url).port) : undefined
  return port === undefined ? url : withPort(url, port)
}

/** What a process needs beside an address that is PgBouncer’s; it does in both modes. */
export function poolerSettings(url: string): {
  readonly databaseListenUrl?: string
  readonly isPreparing?: false
} {
  const direct = toDirect(url)
  return direct === url ? {} : { databaseListenUrl: direct, isPreparing: false }
}
