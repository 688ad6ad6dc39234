import { Parser } from 'htmlparser2'

/** Elements inside elements that a page may have: pages that people write stay below a hundred. */
const MAX_DEPTH = 200
/** Deeper than this nobody writes a page: what follows is read as text. The parser takes longer for each level. */
const MAX_READ_DEPTH = 2000
const TAG = /<[/!]?[a-z][^<>]{0,2000}>/gi

/**
 * A page whose elements are inside each other no deeper than a bound: what works on one, such as the search for its article, looks
 * at all that is around and inside of an element, for each of them. Tags that are deeper are left out, their text stays.
 */
export function limitDepth(html: string): { readonly html: string; readonly isCut: boolean } {
  const parts: string[] = []
  let keptTo = 0
  let depth = 0
  let stoppedAt = html.length
  const parser: Parser = new Parser({
    onopentag: () => {
      depth += 1
      if (depth > MAX_DEPTH) leaveOut()
      if (depth <= MAX_READ_DEPTH) return
      stoppedAt = keptTo
      parser.pause()
    },
    onclosetag: (_name, isImplied) => {
      if (depth > MAX_DEPTH && !isImplied) leaveOut()
      depth -= 1
    },
  })
  const leaveOut = () => {
    const { startIndex, endIndex } = parser
    if (startIndex < keptTo) return
    // One space for tags that follow each other.
    if (startIndex > keptTo || parts.length === 0) parts.push(html.slice(keptTo, startIndex), ' ')
    keptTo = endIndex + 1
  }
  parser.write(html)
  if (keptTo === 0) return { html, isCut: false }
  const rest = [html.slice(keptTo, stoppedAt), html.slice(stoppedAt).replace(TAG, ' ')]
  return { html: [...parts, ...rest].join(''), isCut: true }
}
