import type { FastifyRequest } from 'fastify'

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i
const LOOPBACK_ADDRESS = /^(?:::ffff:)?127\.|^::1$/

/** Whether the host that a client asked for is this machine: a page whose name was rebound to it asks for its own. */
export function asksForLoopback({ headers }: FastifyRequest): boolean {
  // Not `request.host`, which a trusted proxy may name. HTTP/2 has the pseudo-header in the place of Host.
  return LOOPBACK_HOST.test(headers.host ?? String(headers[':authority'] ?? ''))
}

/** Whether a request comes from this machine: its connection does, and so it is according to a trusted proxy. */
export function comesFromLoopback({ raw, ip }: FastifyRequest): boolean {
  return LOOPBACK_ADDRESS.test(raw.socket.remoteAddress ?? '') && LOOPBACK_ADDRESS.test(ip)
}

/** Whether an address to listen on can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_HOST.test(host.includes(':') ? `[${host}]` : host)
}

/** Whether a web page of somebody else makes the request: neither of this server nor of an origin on the list. */
export function isForeign(request: FastifyRequest, allowed: ReadonlySet<string>): boolean {
  const { origin } = request.headers
  if (origin === undefined || allowed.has(origin)) return false
  if (!URL.canParse(origin)) return true
  const page = new URL(origin)
  return !listHosts(request).some((host) => isSameHost(page, host))
}

/** The names under which a request was sent to this server: its Host, and those that trusted proxies were asked for. */
function listHosts({ host, headers }: FastifyRequest): string[] {
  const forwarded = String(headers['x-forwarded-host'] ?? '')
    .split(',')
    .map((each) => each.trim())
  // The framework takes the last one, and only of a proxy that it trusts; those before it are of proxies further out.
  return forwarded.at(-1) === host ? forwarded : [host]
}

/** Names differ in case, and by the port that a scheme implies. */
function isSameHost(page: URL, host: string): boolean {
  const address = `${page.protocol}//${host}`
  return URL.canParse(address) && new URL(address).host === page.host
}

const MAX_HEADERS = 100
/** Of these Node keeps the first and forgets the rest, which may be what a proxy in front has judged by. */
const SINGLE = new Set(['host', 'authorization'])
const SHORTEST = 'host'.length
const LONGEST = 'authorization'.length

/** What is wrong with the headers as they came; null when nothing is. */
export function headerFault({
  raw,
}: FastifyRequest): 'too-many' | 'no-host' | 'host' | 'authorization' | null {
  const { rawHeaders } = raw
  if (rawHeaders.length > MAX_HEADERS * 2) return 'too-many'
  let seen = ''
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const given = rawHeaders[index] as string
    if (given.length !== SHORTEST && given.length !== LONGEST) continue
    const name = given.toLowerCase()
    if (!SINGLE.has(name)) continue
    if (seen.includes(name)) return name as 'host' | 'authorization'
    seen += name
  }
  // HTTP/1.0 needs none.
  return raw.httpVersion === '1.1' && raw.headers.host === undefined ? 'no-host' : null
}
