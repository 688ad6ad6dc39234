import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BlockList, isIPv6 } from 'node:net'

const PATH = /^(?:\/[\w.~-]+)+$/

/** What every address in a reply to a request begins with: behind a proxy it may differ from request to request. */
export type PrefixOf = (request: FastifyRequest) => string

const KEY = 'headgatePrefix'

/** Gives every request its prefix. */
export function decoratePrefix(app: FastifyInstance, find: PrefixOf): void {
  app.decorateRequest(KEY, {
    getter(this: FastifyRequest) {
      return find(this)
    },
  })
}

/** The prefix of the addresses in the reply to this request. */
export function readPrefix(request: FastifyRequest): string {
  return (request as unknown as Readonly<Record<typeof KEY, string>>)[KEY]
}

interface BasePathOptions {
  /** Where the routes live in the server. */
  readonly prefix: string
  /** Path that a proxy serves the server below. */
  readonly basePath: string
  /** Addresses and networks of proxies whose X-Forwarded headers are believed. */
  readonly trustProxy: readonly string[]
}

/** Finds the prefix of replies: a trusted proxy's X-Forwarded-Prefix, else the setting, before our own. */
export function createPrefixOf({ prefix, basePath, trustProxy }: BasePathOptions): PrefixOf {
  const usual = basePath + prefix
  if (trustProxy.length === 0) return () => usual
  const trusted = createBlockList(trustProxy)
  return ({ headers, raw }) => {
    const given = headers['x-forwarded-prefix']
    if (given === undefined || !isTrusted(trusted, raw.socket.remoteAddress)) return usual
    // The proxy that is asked first names the path that its client sees.
    const first =
      (Array.isArray(given) ? given.join(',') : given).split(',')[0]?.trim().replace(/\/+$/, '') ?? ''
    return first === '' || PATH.test(first) ? first + prefix : usual
  }
}

function createBlockList(addresses: readonly string[]): BlockList {
  const list = new BlockList()
  for (const item of addresses) {
    const [address = '', bits] = item.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

function isTrusted(list: BlockList, remote: string | undefined): boolean {
  if (remote === undefined) return false
  const plain = remote.replace(/^::ffff:(?=\d)/, '')
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}
