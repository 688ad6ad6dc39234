import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendIssues } from '../../problem/problem.ts'

const NAME = 'idempotency-key'
/** Printable ASCII; 255 characters hold every form of key in use. */
const KEY = /^[\x20-\x7e]{1,255}$/

/** The request's Idempotency-Key: null when it has none; undefined when it is no key, and that was answered. */
export function readIdempotencyKey(request: FastifyRequest, reply: FastifyReply): string | null | undefined {
  const key = request.headers[NAME]
  if (key === undefined) return null
  if (typeof key === 'string' && KEY.test(key)) return key
  sendIssues(reply, 'validation', [
    { path: 'Idempotency-Key', message: 'expected 1 to 255 printable ASCII characters' },
  ])
  return undefined
}
