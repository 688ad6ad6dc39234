import type { FastifyRequest } from 'fastify'

const MAX_SECONDS = 60

/**
 * How long a submit is willing to wait for its result, by `Prefer: wait=N` (RFC 7240, section 4.3), at most 60 s; null: it
 * is not. A preference that cannot be read is no error.
 */
export function preferredWait({ headers }: FastifyRequest): number | null {
  const { prefer } = headers
  const text = Array.isArray(prefer) ? prefer.join(',') : (prefer ?? '')
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec(text)?.[1]
  if (seconds === undefined || Number(seconds) === 0) return null
  return Math.min(MAX_SECONDS, Number(seconds))
}
