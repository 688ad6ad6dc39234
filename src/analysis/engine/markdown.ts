import type { Report } from './report.ts'
import type { Sentence } from './sentences.ts'
import { clockTime } from '../source/document.ts'

/** The words of a report's frame, in the language of its text. */
const ENGLISH = {
  summary: 'Summary',
  keyPoints: 'Key points',
  keywords: 'Keywords',
  opening: 'Opening',
  notes: 'Notes',
  page: (page: number) => ` (p. ${page})`,
  about: (facts: { words: number; characters: number; minutes: number; pages: number | null }) =>
    `${facts.pages === null ? '' : `${facts.pages} ${facts.pages === 1 ? 'page' : 'pages'} · `}${facts.words} words · about ${facts.minutes} min to read · extracted without a model`,
  separator: ', ',
}
const CHINESE: typeof ENGLISH = {
  summary: '摘要',
  keyPoints: '要点',
  keywords: '关键词',
  opening: '开头',
  notes: '说明',
  page: (page) => `（第 ${page} 页）`,
  about: ({ characters, minutes, pages }) =>
    `${pages === null ? '' : `${pages} 页 · `}${characters} 字 · 约 ${minutes} 分钟读完 · 未使用模型，句子均摘自原文`,
  separator: '、',
}

/** The report as Markdown: every point with its page, or its time, under its heading. */
export function markdownOf(
  report: Omit<Report, 'markdown'>,
  summary: readonly Sentence[],
  timeLink?: string,
): string {
  const frame = report.language === 'zh' ? CHINESE : ENGLISH
  const cite = ({ text, page, seconds }: Pick<Sentence, 'text' | 'page' | 'seconds'>) =>
    `${escaped(text)}${page === null ? '' : frame.page(page)}${seconds === null ? '' : moment(seconds, timeLink)}`
  const { words, characters, pages, reading_minutes: minutes } = report.length

  const blocks = [`# ${escaped(report.title)}`, `*${frame.about({ words, characters, pages, minutes })}*`]
  blocks.push(`## ${frame.summary}`, summary.map(cite).join(report.language === 'zh' ? '' : ' '))
  if (report.key_points.length > 0) blocks.push(`## ${frame.keyPoints}`)
  for (const { heading, points } of report.key_points) {
    blocks.push(
      `### ${escaped(heading ?? frame.opening)}`,
      points.map((point) => `- ${cite(point)}`).join('\n'),
    )
  }
  if (report.keywords.length > 0) {
    blocks.push(`## ${frame.keywords}`, report.keywords.map(escaped).join(frame.separator))
  }
  if (report.warnings.length > 0) {
    blocks.push(`## ${frame.notes}`, report.warnings.map((warning) => `- ${escaped(warning)}`).join('\n'))
  }
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

function moment(seconds: number, timeLink: string | undefined): string {
  const time = clockTime(seconds)
  return timeLink === undefined ? ` (${time})` : ` ([${time}](${timeLink}${Math.floor(seconds)}))`
}

/** Text of a document is data: nothing in it becomes markup. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>#|]/g, '\\$&').replace(/\s+/g, ' ')
}
