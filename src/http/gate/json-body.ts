import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { HeadgateError } from '../../task/errors.ts'

/** Deeper text is refused before it is parsed: what parses at depth 10 000 cannot be written again. */
const MAX_DEPTH = 64
const BOM = '\u{feff}'

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = Buffer.from(
  '"\\{}[]',
) as unknown as [number, number, number, number, number, number]

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
    void parse(request, body.toString(), done)
  })
}

function findJsonFault(body: Buffer): string | null {
  if (!isUtf8(body)) return 'The body is not valid UTF-8.'
  if (body.subarray(0, 3).toString() === BOM) return 'The body begins with a byte order mark.'
  if (isDeeperThan(body, MAX_DEPTH)) return `The body is nested deeper than ${MAX_DEPTH}.`
  return null
}

/** Counts brackets outside of strings; what is no JSON at all is left to the parser. */
function isDeeperThan(body: Buffer, max: number): boolean {
  let depth = 0
  let isInString = false
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index]
    if (isInString) {
      if (byte === BACKSLASH) index += 1
      else if (byte === QUOTE) isInString = false
    } else if (byte === QUOTE) {
      isInString = true
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1
      if (depth > max) return true
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1
    }
  }
  return false
}
