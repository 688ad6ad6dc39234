import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { HeadgateError } from '../../task/errors.ts'
import { isDeeperThan } from '../../task/json-depth.ts'

/** Deeper text is refused before it is parsed: what parses at depth 10 000 cannot be written again. */
const MAX_DEPTH = 64
const UNSAFE_KEY = 'A key of the body is __proto__, or constructor with a prototype: these are not taken.'
const BOM = '\u{feff}'

/**
 * Reads JSON bodies of our routes: strict UTF-8 (RFC 8259, 8.1) without a byte order mark, no deeper than 64,
 * and without the keys that would change what every object is (`__proto__`, `constructor.prototype`). Of a key
 * that comes twice the last one counts.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  if (app.hasContentTypeParser('application/json')) app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const fault = findJsonFault(body)
    if (fault !== null) return done(new HeadgateError('malformed-json', fault))
    const text = body.toString()
    void parse(request, text, (error, value) => {
      if (error !== null && isJson(text)) return done(new HeadgateError('malformed-json', UNSAFE_KEY))
      return done(error, value)
    })
  })
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function findJsonFault(body: Buffer): string | null {
  if (!isUtf8(body)) return 'The body is not valid UTF-8.'
  if (body.subarray(0, 3).toString() === BOM) return 'The body begins with a byte order mark.'
  if (isDeeperThan(body, MAX_DEPTH)) return `The body is nested deeper than ${MAX_DEPTH}.`
  return null
}
