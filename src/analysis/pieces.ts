/**
 * Cuts a text into pieces for work whose cost grows with the square of the length, such as `Intl.Segmenter`: V8 copies
 * the whole text for each segment.
 *
 * @param maxChars of one piece; it ends behind a space, or behind another character that is no letter, where it has one
 */
export function* cutPieces(text: string, maxChars: number): Generator<string> {
  let from = 0
  while (text.length - from > maxChars) {
    const piece = text.slice(from, from + maxChars)
    const cut = findCut(piece)
    yield piece.slice(0, cut)
    from += cut
  }
  yield text.slice(from)
}

/** Where a piece ends: in its second half, or, without such a place, at its end. */
function findCut(piece: string): number {
  const half = piece.length >> 1
  const space = piece.lastIndexOf(' ')
  if (space >= half) return space + 1
  for (let at = piece.length; at > half; at -= 1)
    if (/[^\p{L}\p{M}\p{N}\p{Cs}]/u.test(piece[at - 1] ?? '')) return at
  // Not between the halves of a character.
  return /[\ud800-\udbff]/.test(piece.at(-1) ?? '') ? piece.length - 1 : piece.length
}

/** Longest text that is searched for words at once, in characters. */
const MAX_WORDS_CHARS = 500

/** The words of a text, without spaces and marks. @param segmenter of granularity `word` */
export function* wordsIn(text: string, segmenter: Intl.Segmenter): Generator<string> {
  for (const piece of cutPieces(text, MAX_WORDS_CHARS)) {
    for (const { segment, isWordLike } of segmenter.segment(piece)) if (isWordLike === true) yield segment
  }
}
