import { clockTime } from '../parse/document.ts'
import { isWideLanguage } from '../write/unspaced-language.ts'
import type { Place, Report, ReportPoint } from '../report.ts'
import { findFrame, type Frame } from './frame.ts'

/** A report before its file is made. */
export type Draft = Omit<Report, 'markdown' | 'filename' | 'hash' | 'length'> & {
  readonly length: Omit<Report['length'], 'report_words' | 'compression'>
  /** Sentences of the summary with their places; empty where a model wrote it. */
  readonly cited: readonly ReportPoint[]
}

/** The report as Markdown: headings, and each point with its page, time or section. */
export function renderMarkdown(draft: Draft, timeLink: string | undefined): string {
  const frame = findFrame(draft.language)
  const cite = (point: ReportPoint) => escaped(point.text) + citation(point, frame, timeLink)
  const space = isWideLanguage(draft.language) ? '' : ' '
  const cited = draft.cited.map(cite).join(space)
  const { words, characters, pages, reading_minutes: minutes } = draft.length
  const by = draft.model === null ? frame.withoutModel : frame.withModel(escaped(draft.model))

  const blocks = [
    `# ${escaped(draft.title)}`,
    `*${frame.about({ words, characters, pages, minutes })} · ${by}*`,
  ]
  blocks.push(`## ${frame.summary}`, cited === '' ? escaped(draft.summary) : cited)
  if (draft.key_points.length > 0) blocks.push(`## ${frame.keyPoints}`)
  for (const { heading, points } of draft.key_points) {
    if (draft.chapters.length === 0) blocks.push(`### ${escaped(heading ?? frame.opening)}`)
    blocks.push(points.map((point) => `- ${cite(point)}`).join('\n'))
  }
  for (const { title, markdown } of draft.chapters) blocks.push(`## ${escaped(title)}`, markdown)
  if (draft.conclusion !== null) blocks.push(`## ${frame.conclusion}`, draft.conclusion)
  if (draft.quotes.length > 0) {
    blocks.push(`## ${frame.quotes}`, draft.quotes.map((quote) => `> ${cite(quote)}`).join('\n\n'))
  }
  if (draft.keywords.length > 0) {
    blocks.push(`## ${frame.keywords}`, draft.keywords.map(escaped).join(frame.separator))
  }
  return blocks.filter((block) => block !== '').join('\n\n')
}

/** What a reader should know of how the text was read, and its figures. */
export function renderAppendix({ language, warnings }: Draft, length: Report['length']): string {
  const { figures, figure, notes } = findFrame(language)
  const { pages, characters, words, sentences, reading_minutes: minutes } = length
  const rows: [string, string | number][] = [
    ...(pages === null ? [] : [[figure.pages, pages] as [string, number]]),
    [figure.characters, characters],
    [figure.words, words],
    [figure.sentences, sentences],
    [figure.minutes, minutes],
    [figure.reportWords, length.report_words],
    [figure.compression, `${(length.compression * 100).toFixed(length.compression < 0.1 ? 1 : 0)} %`],
  ]
  const table = ['| | |', '| --- | ---: |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)]
  const blocks = [`## ${figures}`, table.join('\n')]
  if (warnings.length > 0) {
    blocks.push(`## ${notes}`, warnings.map((warning) => `- ${escaped(warning)}`).join('\n'))
  }
  return blocks.join('\n\n')
}

/** ` (p. 3)`, ` ([12:05](…))`, or nothing where the source has neither pages nor times. */
function citation({ page, seconds }: Place, frame: Frame, timeLink: string | undefined): string {
  const moment = seconds === null ? '' : frame.place(formatMoment(seconds, timeLink))
  return `${page === null ? '' : frame.place(frame.page(page))}${moment}`
}

/** A place in words: its page, its time, else its section; empty where nothing is known. */
export function placeText(
  { page, seconds, heading }: Place,
  language: string,
  timeLink: string | undefined,
): string {
  const frame = findFrame(language)
  if (page !== null) return frame.page(page)
  if (seconds !== null) return formatMoment(seconds, timeLink)
  return heading === null ? '' : frame.section(escaped(heading))
}

function formatMoment(seconds: number, timeLink: string | undefined): string {
  const time = clockTime(seconds)
  return timeLink === undefined ? time : `[${time}](${timeLink}${Math.floor(seconds)})`
}

/** Text of a document is data: nothing in it becomes markup. */
export function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>#|~&]/g, '\\$&').replace(/\s+/g, ' ')
}
