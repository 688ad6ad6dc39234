import type { FastifyRequest } from 'fastify'

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i
const LOOPBACK_ADDRESS = /^(?:::ffff:)?127\.|^::1$/

/** Whether the host that a client asked for is this machine: a page whose name was rebound to it asks for its own. */
export function asksForLoopback({ headers }: FastifyRequest): boolean {
  return headers.host !== undefined && LOOPBACK_HOST.test(headers.host)
}

/** Whether a request comes from this machine: its connection does, and what a trusted proxy says of it too. */
export function comesFromLoopback({ raw, ip }: FastifyRequest): boolean {
  return LOOPBACK_ADDRESS.test(raw.socket.remoteAddress ?? '') && LOOPBACK_ADDRESS.test(ip)
}

/** Whether an address to listen on can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_HOST.test(host.includes(':') ? `[${host}]` : host)
}

/** Whether a web page of somebody else makes the request: neither of this server nor of an origin on the list. */
export function isForeign(request: FastifyRequest, allowed: ReadonlySet<string>): boolean {
  // The host as a trusted proxy was asked for it, where there is one.
  const { host } = request
  const { origin } = request.headers
  if (origin === undefined || allowed.has(origin)) return false
  return !URL.canParse(origin) || new URL(origin).host !== host
}
