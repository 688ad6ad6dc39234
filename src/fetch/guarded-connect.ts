import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import type { buildConnector } from 'undici'
import { TaskError } from '../task/failure.ts'
import { isPublicAddress } from './addresses.ts'
import { hostRefusal } from './address-policy.ts'

/** What the guard rests on. */
export interface Network {
  /** Every address of a name. */
  readonly resolve: (hostname: string) => Promise<readonly string[]>
  /** Makes what opens a connection. */
  readonly dialler: typeof buildConnector
}

const CONNECT_TIMEOUT_MS = 5000
const LOOKUP = { timeout: 2000, tries: 2 }

/**
 * Dials a host only when each of its addresses is public, and dials one of those that were checked: the
 * check and the connection share one answer of the name service, so that a second answer changes nothing.
 * A literal is checked here too, because no lookup is made for it.
 */
export function guardedConnect(
  isTrusted: (url: URL) => boolean,
  { resolve, dialler }: Network,
): buildConnector.connector {
  const plain = dialler({ timeout: CONNECT_TIMEOUT_MS })
  const guarded = dialler({ timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(resolve) })

  return (options, callback) => {
    const { protocol, hostname, port } = options
    const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
    if (isTrusted(new URL(`${protocol}//${host}:${port}`))) return plain(options, callback)
    if (hostRefusal(hostname) !== null) return callback(blocked(hostname), null)
    guarded(options, (error, socket) => {
      // The last look, at what was really reached.
      if (socket?.remoteAddress !== undefined && !isPublicAddress(socket.remoteAddress)) {
        socket.destroy()
        return callback(blocked(hostname), null)
      }
      if (error === null) callback(null, socket)
      else callback(error, null)
    })
  }
}

function guardedLookup(resolve: Network['resolve']): LookupFunction {
  const lookup = async (hostname: string): Promise<LookupAddress[]> => {
    const addresses = await resolve(hostname)
    // One private answer among public ones is enough to refuse all.
    if (addresses.length === 0 || !addresses.every(isPublicAddress)) throw blocked(hostname)
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return (hostname, { all }, callback) => {
    callbackify(lookup)(hostname, (error, found) => {
      const [first] = found ?? []
      if (error !== null || first === undefined) callback(error, '')
      else if (all === true) callback(null, found)
      else callback(null, first.address, first.family)
    })
  }
}

/** Asks the name servers themselves: a slow one holds no thread of the pool, and the hosts file is not asked. */
export function resolvePublicly(): Network['resolve'] {
  const resolver = new Resolver(LOOKUP)
  return async (hostname) => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    const found = [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (found.length === 0 && v4.status === 'rejected') throw v4.reason
    return found
  }
}

function blocked(hostname: string): TaskError {
  return new TaskError('ssrf_blocked', `${hostname} leads to a private network, which is not fetched from.`)
}
