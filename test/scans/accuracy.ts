import type { ScanLanguage } from './texts.ts'

/** Words of an English text; characters of a Chinese one, without its spaces. */
function toUnits(text: string, language: ScanLanguage): string[] {
  return language === 'English' ? text.trim().split(/\s+/) : Array.from(text.replace(/\s+/g, ''))
}

/** The share of words or characters that are right: 1 - insertions, deletions and replacements / length. */
export function accuracyOf(found: string, expected: string, language: ScanLanguage): number {
  const wanted = toUnits(expected, language)
  return 1 - editDistance(toUnits(found, language), wanted) / wanted.length
}

/** Levenshtein's distance of two lists. */
function editDistance(from: readonly string[], to: readonly string[]): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [at, unit] of from.entries()) {
    const next = [at + 1]
    for (const [index, wanted] of to.entries()) {
      const replaced = (row[index] ?? 0) + (unit === wanted ? 0 : 1)
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
