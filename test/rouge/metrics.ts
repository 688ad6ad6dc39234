import { l as rougeL, n as rougeN } from 'js-rouge'
import { stemmer } from 'stemmer'

/**
 * ROUGE (Lin, 2004) with the tokens of its usual implementations: small letters, words without punctuation, English
 * stems; Chinese by characters.
 */

const SENTENCES = /(?<=[。！？!?])|(?<=\.)\s+|\n/u
/** The F-measure is the recall when recall counts this much more. */
const ONLY_RECALL = 1000

const options = { tokenizer: tokensOf, segmenter: (text: string) => text.split(SENTENCES).filter(hasTokens) }

export const METRICS = {
  'ROUGE-1': guarded((made, expected) => rougeN(made, expected, { tokenizer: tokensOf, n: 1 })),
  'ROUGE-2': guarded((made, expected) => rougeN(made, expected, { tokenizer: tokensOf, n: 2 })),
  'ROUGE-L': guarded((made, expected) => rougeL(made, expected, options)),
  'recall-1': guarded((made, expected) =>
    rougeN(made, expected, { tokenizer: tokensOf, n: 1, beta: ONLY_RECALL }),
  ),
}
export type Metric = keyof typeof METRICS

function tokensOf(text: string): string[] {
  const words = text.toLowerCase().match(/\p{Script=Han}|[^\P{L}\p{Script=Han}]+|\p{N}+/gu) ?? []
  return words.map((word) => (/^[a-z]{4,}$/.test(word) ? stemmer(word) : word))
}

function hasTokens(text: string): boolean {
  return tokensOf(text).length > 0
}

type Score = (made: string, expected: string) => number

/** What is empty scores 0. */
function guarded(score: Score): Score {
  return (made, expected) => {
    const isLong = tokensOf(made).length > 1 && tokensOf(expected).length > 1
    return isLong ? score(made, expected) : 0
  }
}
