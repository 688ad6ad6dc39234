import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import { SESSION_SECONDS } from '../../auth/sessions.ts'
import { readPrefix } from './base-path.ts'
import { isForeign } from './origin.ts'

/** Cookies are read where a session is looked for, and nowhere else; a host that reads them itself keeps its own way. */
export async function readCookies(app: FastifyInstance): Promise<void> {
  if (!app.hasDecorator('parseCookie')) await app.register(cookie, { hook: false })
}

/**
 * The name of the cookie: browsers send a host's cookies to all of its ports, so it tells port and prefix apart, and two
 * servers of one host do not replace each other's sessions.
 */
function cookieName(request: FastifyRequest): string {
  const port = /:(\d+)$/.exec(request.host)?.[1] ?? 'default'
  const below = createHash('sha256').update(readPrefix(request)).digest('hex').slice(0, 8)
  return `headgate-${port}-${below}`
}

/** The session that a request carries; undefined: none. */
export function readSessionCookie(request: FastifyRequest): string | undefined {
  const { cookie: header } = request.headers
  return header === undefined ? undefined : request.server.parseCookie(header)[cookieName(request)]
}

/** The `Set-Cookie` header of a session; null ends it. */
export function writeSessionCookie(request: FastifyRequest, session: string | null): string {
  return request.server.serializeCookie(cookieName(request), session ?? '', {
    httpOnly: true,
    sameSite: 'strict',
    path: `${readPrefix(request)}/`,
    secure: request.protocol === 'https',
    maxAge: session === null ? 0 : SESSION_SECONDS,
  })
}

const NO_ORIGINS: ReadonlySet<string> = new Set()

/**
 * Whether a page of this server makes a request. A browser sends the cookie whichever page asks it to, so a request that is
 * known by its cookie alone has to show where it comes from before it changes anything.
 */
export function isSameSite(request: FastifyRequest): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin !== undefined) return !isForeign(request, NO_ORIGINS)
  return site === 'same-origin'
}
