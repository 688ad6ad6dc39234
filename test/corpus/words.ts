/** Words of a text, small, without marks; divided words of a page layout are joined. */
export function wordsOf(text: string): string[] {
  const joined = text.normalize('NFKC').replace(/(\p{L})[-\u00ad]\s*\n\s*(\p{Ll})/gu, '$1$2')
  return joined.toLowerCase().match(/\p{Script=Han}|[[\p{L}\p{N}\p{M}]--\p{Script=Han}]+/gv) ?? []
}

export interface Overlap {
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

/** How many words two texts share, each as often as it occurs in both. */
export function overlapOf(found: readonly string[], expected: readonly string[]): Overlap {
  const left = new Map<string, number>()
  for (const word of expected) left.set(word, (left.get(word) ?? 0) + 1)
  let hits = 0
  for (const word of found) {
    const count = left.get(word) ?? 0
    if (count > 0) {
      left.set(word, count - 1)
      hits += 1
    }
  }
  const precision = found.length === 0 ? 0 : hits / found.length
  const recall = expected.length === 0 ? 1 : hits / expected.length
  return { precision, recall, f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall) }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}
