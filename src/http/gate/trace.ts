import type { FastifyRequest } from 'fastify'
import type { Trace } from '../../task/task.ts'

/** What a client may name its request: a short token, which is safe in a log line. */
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/
/** W3C Trace Context, version 00 or a later one of the same form. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The request's own name for itself; undefined when it has none that can be taken. */
export function readRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : undefined
}

/** What is kept of a request with the task that it makes. */
export function readRequestTrace({ id, headers }: FastifyRequest): Trace {
  const { traceparent } = headers
  const isTrace = typeof traceparent === 'string' && TRACEPARENT.test(traceparent)
  return { requestId: id, traceparent: isTrace ? traceparent : null }
}
