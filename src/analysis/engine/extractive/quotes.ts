import type { Sentence } from './sentences.ts'

const MAX_QUOTES = 5
/** What is said, in the quotation marks of English, German, French and Chinese. */
const SPEECH = /[“"„«「『]([^”"“»」』]{24,})[”"“»」』]/u
const SAID =
  /\b(said|says|told|added|adds|argued|argues|wrote|writes|explained|explains|warned|warns|noted|asked|according to|recalled|insisted|concluded)\b|说|表示|指出|认为|称|写道|强调|警告/iu

/** Sentences in which somebody is heard, in the order of the source; those of `taken` are left out. */
export function quotesOf(sentences: readonly Sentence[], taken: ReadonlySet<number>): Sentence[] {
  const heard = sentences.filter(
    ({ text, order }) => !taken.has(order) && SPEECH.test(text) && SAID.test(text),
  )
  // The fullest ones say most of what was said.
  const fullest = heard.toSorted((a, b) => speechChars(b) - speechChars(a)).slice(0, MAX_QUOTES)
  return fullest.sort((a, b) => a.order - b.order)
}

function speechChars({ text }: Sentence): number {
  return SPEECH.exec(text)?.[1]?.length ?? 0
}
