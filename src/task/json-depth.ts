const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = Buffer.from(
  '"\\{}[]',
) as unknown as [number, number, number, number, number, number]

/**
 * Whether a JSON text is nested deeper than `max`: brackets outside of strings, counted in one pass. What is no JSON at
 * all is left to the parser.
 *
 * @param json UTF-8
 */
export function isDeeperThan(json: Uint8Array, max: number): boolean {
  let depth = 0
  let isInString = false
  for (let index = 0; index < json.length; index += 1) {
    const byte = json[index]
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
