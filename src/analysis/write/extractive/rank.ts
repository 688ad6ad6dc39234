/**
 * Position-augmented directed centrality over tf-idf: PacSum (Zheng and Lapata, "Sentence Centrality
 * Revisited for Unsupervised Summarization", ACL 2019), the variant without a model. An edge to a
 * sentence that follows counts for a sentence, one to a sentence that came before counts against it.
 */

/** A sentence as a sparse unit vector over content words. */
export type Vector = ReadonlyMap<string, number>

/** Edges weaker than this share of the span between the weakest and the strongest are dropped. */
const BETA = 0.1
const WEIGHT_BEFORE = -0.25
const WEIGHT_AFTER = 1

/** tf-idf vectors of length 1, the inverse document frequencies taken over these very texts. */
export function computeVectors(texts: readonly (readonly string[])[]): Vector[] {
  const documents = new Map<string, number>()
  for (const words of texts)
    for (const word of new Set(words)) documents.set(word, (documents.get(word) ?? 0) + 1)
  return texts.map((words) => {
    const counts = new Map<string, number>()
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
    const idf = (word: string) => Math.log(1 + texts.length / (documents.get(word) ?? 1))
    const weights = [...counts].map(([word, count]) => [word, count * idf(word)] as const)
    const length = Math.hypot(...weights.map(([, weight]) => weight)) || 1
    return new Map(weights.map(([word, weight]) => [word, weight / length]))
  })
}

export function similarity(a: Vector, b: Vector): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a]
  let sum = 0
  for (const [word, weight] of small) sum += weight * (large.get(word) ?? 0)
  return sum
}

/** Centrality of each sentence among the others, scaled to 0–1; O(n²), so give it one section at a time. */
export function computeCentrality(vectors: readonly Vector[]): number[] {
  const edges = vectors.map((from, index) => vectors.slice(index + 1).map((to) => similarity(from, to)))
  const all = edges.flat()
  const lowest = all.reduce((min, edge) => Math.min(min, edge), Infinity)
  const highest = all.reduce((max, edge) => Math.max(max, edge), -Infinity)
  const threshold = lowest + BETA * (highest - lowest)

  const scores = vectors.map(() => 0)
  for (const [from, row] of edges.entries()) {
    for (const [offset, edge] of row.entries()) {
      const to = from + 1 + offset
      const strength = Math.max(0, edge - threshold)
      scores[from] = (scores[from] ?? 0) + WEIGHT_AFTER * strength
      scores[to] = (scores[to] ?? 0) + WEIGHT_BEFORE * strength
    }
  }
  return scaled(scores)
}

function scaled(scores: readonly number[]): number[] {
  const low = Math.min(...scores)
  const high = Math.max(...scores)
  return scores.map((score) => (high > low ? (score - low) / (high - low) : 1))
}
