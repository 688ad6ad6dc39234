/**
 * TextRank (Mihalcea and Tarau, "TextRank: Bringing Order into Texts", EMNLP 2004): sentences joined by the words they
 * share, ranked by PageRank. A peer to measure against, as it was published.
 */

const DAMPING = 0.85
const MAX_ROUNDS = 100
const PRECISION = 1e-6

/** The rank of every sentence, given as its words. */
export function textRank(sentences: readonly (readonly string[])[]): number[] {
  const weights = sentences.map((a, i) => sentences.map((b, j) => (i === j ? 0 : similarity(a, b))))
  const totals = weights.map((row) => row.reduce((sum, weight) => sum + weight, 0))
  let ranks = sentences.map(() => 1)
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const next = ranks.map((_, i) => {
      const given = ranks.reduce((sum, rank, j) => {
        const total = totals[j] ?? 0
        return total === 0 ? sum : sum + (rank * (weights[j]?.[i] ?? 0)) / total
      }, 0)
      return 1 - DAMPING + DAMPING * given
    })
    const change = next.reduce((most, rank, i) => Math.max(most, Math.abs(rank - (ranks[i] ?? 0))), 0)
    ranks = next
    if (change < PRECISION) break
  }
  return ranks
}

/** Words in common ÷ the logarithms of both lengths. */
function similarity(a: readonly string[], b: readonly string[]): number {
  if (a.length < 2 || b.length < 2) return 0
  const other = new Set(b)
  const shared = [...new Set(a)].filter((word) => other.has(word)).length
  return shared / (Math.log(a.length) + Math.log(b.length))
}
