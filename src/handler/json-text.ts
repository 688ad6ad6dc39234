import { isDeeperThan } from '../task/json-depth.ts'
import { describeThrown } from './thrown.ts'

/** Largest result or step value, in UTF-8 bytes. */
export const MAX_JSON_BYTES = 10 * 1024 * 1024
/** Deepest nesting: what every reader down the line can take. */
export const MAX_JSON_DEPTH = 200

export type JsonText =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string }

/**
 * Freezes a value as JSON text, or reports why that is impossible: cyclic, BigInt, nested too deep, too large, or
 * a getter that throws. `undefined` becomes `null`; so do NaN and Infinity, as JSON has it.
 */
export function toJsonText(value: unknown): JsonText {
  let text: string
  try {
    text = JSON.stringify(value) ?? 'null'
  } catch (error) {
    return { ok: false, why: describeRefusal(error) }
  }
  // A UTF-16 unit has three bytes of UTF-8 at the most.
  const bytes = text.length * 3 > MAX_JSON_BYTES ? Buffer.byteLength(text) : 0
  if (bytes > MAX_JSON_BYTES) return { ok: false, why: `it has ${bytes} bytes, more than ${MAX_JSON_BYTES}` }
  return isDeeperThan(Buffer.from(text), MAX_JSON_DEPTH) ? { ok: false, why: tooDeep() } : { ok: true, text }
}

/** The stack limits the nesting that JSON.stringify takes, and the longest string of V8 the text that it makes. */
function describeRefusal(error: unknown): string {
  const why = describeThrown(error)
  if (!(error instanceof RangeError)) return why
  return why === 'Invalid string length' ? `it has more than ${MAX_JSON_BYTES} bytes` : tooDeep()
}

function tooDeep(): string {
  return `it is nested deeper than ${MAX_JSON_DEPTH} levels`
}
