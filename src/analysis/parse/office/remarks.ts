import type { SectionBuilder } from '../document.ts'

/** What a reviewer wrote on a document. */
export interface Remark {
  /** Empty: nobody is named. */
  readonly author: string
  readonly text: string
  /** Of the slide that it is on; absent where there are no pages. */
  readonly page?: number
}

/** Comments in their order, each with its author, as text that is about the document; returns a warning where there are any. */
export function writeRemarks(remarks: readonly Remark[], builder: SectionBuilder): string[] {
  const written = remarks.filter(({ text }) => text.trim() !== '')
  for (const { author, text, page = null } of written) {
    builder.paragraph(author === '' ? text : `${author}: ${text}`, { page, kind: 'aside' })
  }
  if (written.length === 0) return []
  const what =
    written.length === 1 ? '1 comment of a reviewer is' : `${written.length} comments of reviewers are`
  return [`${what} not part of the report.`]
}

/** A header or footer with as many words beside its page number says nothing else. */
const MAX_PAGE_WORDS = 3

/** A line of a header or footer. */
export interface RunningLine {
  readonly text: string
  /** Whether the number of the page is in it. */
  readonly hasPageNumber: boolean
}

/** Headers and footers, each line once, as text that is about the document. */
export function writeRunningLines(lines: readonly RunningLine[], builder: SectionBuilder): void {
  const texts = lines
    .map(({ text, hasPageNumber }) => ({ text: text.replace(/\s+/g, ' ').trim(), hasPageNumber }))
    .filter(({ text, hasPageNumber }) => !hasPageNumber || text.split(/[\s\d]+/).length > MAX_PAGE_WORDS)
    .map(({ text }) => text)
    .filter((text) => /\p{L}/u.test(text))
  for (const text of new Set(texts)) builder.paragraph(text, { kind: 'aside' })
}
