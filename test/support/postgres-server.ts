import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort, spawnBound } from './spawn.ts'

const run = promisify(execFile)

/** Debian keeps the programs of the server where no PATH looks. */
const DEBIAN = '/usr/lib/postgresql'

/** The folder with `initdb` and `postgres`; undefined where PostgreSQL is not installed, so that its tests are skipped. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : []
  const folder = versions
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')))
  if (folder !== undefined) return folder
  const hint = 'PostgreSQL is not installed (Debian: apt-get install postgresql)'
  if (process.env['REQUIRE_REAL_PARTS'] === '1')
    throw new Error(`${hint}, and REQUIRE_REAL_PARTS asks for it`)
  console.warn(`${hint}: the tests with it are skipped.`)
  return undefined
}

/** It refuses to run as root; Debian has a user for it, and `nobody` is everywhere. */
export async function serverUser(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name]))).catch(() => null)
    if (ids !== null) return { uid: Number(ids[0]?.stdout), gid: Number(ids[1]?.stdout) }
  }
  throw new Error('there is no user for PostgreSQL')
}

export interface PostgresServer {
  readonly port: number
  /** Address of a database of this name, made when it is first asked for. */
  readonly database: (name: string) => Promise<string>
  /** Ends the server as a power failure of its process would. */
  readonly crash: () => Promise<void>
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A real server on a free port of this machine, with its data in a temporary folder. */
export async function startPostgres(programs: string): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-postgres-'))
  const user = await serverUser()
  if (user !== undefined) await chown(folder, user.uid, user.gid)
  await chmod(folder, 0o700)
  const data = join(folder, 'data')
  const options = { cwd: folder, ...user }
  await run(join(programs, 'initdb'), ['-D', data, '-U', 'headgate', '-A', 'trust', '--no-sync'], options)
  const port = await freePort()
  const settings = ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', folder, '-c', 'max_connections=200']
  const launch = async () => {
    const child = spawnBound(join(programs, 'postgres'), settings, { ...options, stdio: 'ignore' })
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    await untilReady(port)
    return { child, exited }
  }
  let server = await launch()
  const end = async (signal: 'SIGINT' | 'SIGQUIT') => {
    server.child.kill(signal)
    await server.exited
  }
  return {
    port,
    database: (name) => createDatabase(port, name),
    crash: () => end('SIGQUIT'),
    start: async () => {
      server = await launch()
    },
    stop: async () => {
      await end('SIGINT')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function withClient<Reply>(port: number, work: (client: Client) => Promise<Reply>): Promise<Reply> {
  const client = new Client(`postgres://headgate@127.0.0.1:${port}/postgres`)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function untilReady(port: number): Promise<void> {
  for (let left = 600; ; left -= 1) {
    try {
      await withClient(port, (client) => client.query('SELECT 1'))
      return
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function createDatabase(port: number, name: string): Promise<string> {
  await withClient(port, (client) => client.query(`CREATE DATABASE "${name}"`))
  return `postgres://headgate@127.0.0.1:${port}/${name}`
}
