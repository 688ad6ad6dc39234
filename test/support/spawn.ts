import { spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

/** Starts a program that ends with this process, also when that is killed, where the system can do so. */
export const spawnBound: typeof spawn = ((program: string, args: readonly string[], options: SpawnOptions) =>
  SETPRIV === undefined
    ? spawn(program, args, options)
    : spawn(SETPRIV, ['--pdeathsig', 'KILL', '--', program, ...args], options)) as typeof spawn

/** A port of this machine that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
