/**
 * Maximum coverage (Takamura and Okumura, "Text Summarization Model Based on Maximum Coverage Problem and Its
 * Variant", EACL 2009): a text is a set of weighted concepts, here words and pairs of neighbouring words, and the
 * sentences are wanted that cover most of their weight in a number of words. What was covered counts no second
 * time, so none repeats another. Chosen greedily by gain for length (Lin and Bilmes, "Multi-document
 * Summarization via Budgeted Maximization of Submodular Functions", NAACL 2010).
 */

/** What may be chosen: a sentence, or several that belong together. */
export interface Unit {
  readonly concepts: readonly string[]
  readonly words: number
  /** How well it suits a report; multiplies its gain. */
  readonly factor: number
}

export interface Limits {
  readonly maxUnits: number
  /** The first unit is chosen in any case. */
  readonly maxWords: number
}

/** A pair of words says more than its words. */
const PAIR_WEIGHT = 1.5
/** A concept that occurs once is no subject of the text. */
const ONCE_WEIGHT = 0.05
/** 0: long sentences win; 1: only the share of covering words counts. */
const LENGTH_POWER = 0.5
/** Shorter units have no further advantage. */
const LEAST_WORDS = 6
/** A unit that goes over the limit by this factor still fits. */
const OVERRUN = 1.15
/** From this share of the words on the limit counts as reached. */
const REACHED = 0.9

/** The different content words of a sentence, and the pairs of those beside each other. */
export function listConcepts(words: readonly string[]): string[] {
  const pairs = words.slice(1).map((word, index) => `${words[index] ?? ''} ${word}`)
  return [...new Set([...words, ...pairs])]
}

/** @param importance what a sentence counts by its position */
export function weighConcepts(
  texts: readonly (readonly string[])[],
  importance: (index: number) => number,
): Map<string, number> {
  const counts = new Map<string, number>()
  const weights = new Map<string, number>()
  for (const [index, concepts] of texts.entries()) {
    const weight = importance(index)
    for (const concept of concepts) {
      counts.set(concept, (counts.get(concept) ?? 0) + 1)
      weights.set(concept, (weights.get(concept) ?? 0) + weight)
    }
  }
  for (const [concept, weight] of weights) {
    const often = counts.get(concept) === 1 ? ONCE_WEIGHT : 1
    weights.set(concept, weight * often * (concept.includes(' ') ? PAIR_WEIGHT : 1))
  }
  return weights
}

/** Indices of the chosen units, the best first. Linear in their number: what a unit gains only falls. */
export function chooseCovering(
  units: readonly Unit[],
  weights: ReadonlyMap<string, number>,
  { maxUnits, maxWords }: Limits,
): number[] {
  const covered = new Set<string>()
  const gainOf = ({ concepts, words, factor }: Unit) => {
    let sum = 0
    for (const concept of concepts) if (!covered.has(concept)) sum += weights.get(concept) ?? 0
    return (sum * factor) / Math.max(LEAST_WORDS, words) ** LENGTH_POWER
  }
  const bounds = units.map(gainOf)
  const chosen: number[] = []
  let used = 0
  while (chosen.length < maxUnits && used < maxWords * REACHED) {
    let best = -1
    let most = 0
    for (const [index, unit] of units.entries()) {
      if ((bounds[index] ?? 0) <= most) continue
      if (used > 0 && used + unit.words > maxWords * OVERRUN) continue
      const gain = gainOf(unit)
      bounds[index] = gain
      if (gain > most) [best, most] = [index, gain]
    }
    const unit = units[best]
    if (unit === undefined) break
    bounds[best] = 0
    chosen.push(best)
    used += unit.words
    for (const concept of unit.concepts) covered.add(concept)
  }
  // Nothing but stop words and numbers: the beginning.
  return chosen.length === 0 && units.length > 0 ? [0] : chosen
}
