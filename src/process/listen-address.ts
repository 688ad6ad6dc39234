import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { EXIT_SETTINGS, exitWith } from './exit.ts'

export interface ListenAddress {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** The variable that names the port; absent: PORT. */
  readonly portSetting?: string
}

/** The URL that a server would have at this address; ends the process with one line where it cannot listen. */
export async function findFreeAddress(address: ListenAddress): Promise<string> {
  const { host, port } = address
  const probe = createServer()
  const listening = once(probe, 'listening')
  probe.listen(port, host)
  await listening.catch((error: unknown) => exitWith(EXIT_SETTINGS, listenMessage(error, address)))
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return toUrl(host, free)
}

export function listenMessage(error: unknown, { host, port, portSetting = 'PORT' }: ListenAddress): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'EADDRINUSE'
    ? `${portSetting}="${port}": another process listens on ${host}:${port}.`
    : `Cannot listen on ${host}:${port}: ${message}`
}

export function toUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
