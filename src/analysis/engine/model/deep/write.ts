import { finishReport, provenanceOf } from '../../../output/finish.ts'
import { citationsOf } from '../../../output/chapter-text.ts'
import type { Report } from '../../report.ts'
import type { Manuscript } from '../manuscript/manuscript.ts'
import { tokenFactorOf } from '../token-factor.ts'
import { OrderedOutput } from '../ordered-output.ts'
import type { ModelSession } from '../session.ts'
import { reportUsage } from '../spending.ts'
import { writeChapters } from './chapters.ts'
import { conclude } from './conclude.ts'
import { condense } from './condense.ts'
import { drawOutline } from './outline.ts'
import type { Shared } from './prompts.ts'
import type { DeepRequest } from './request.ts'

export type DeepStage = 'condensing' | 'outlining' | 'chapters' | 'concluding' | 'assembling'

/** How far a stage is, 0 to 1. */
export type TellStage = (stage: DeepStage, share: number, message?: string) => void

/** Fewer words than these make one chapter more. */
const WORDS_PER_CHAPTER = 1500
const CHAPTERS = { usual: { least: 2, most: 8 }, ultra: { least: 4, most: 16 } }
const MARK_DIGITS = 12

/** Writes a deep report: outline, chapters, conclusion, assembly; every answer of the model is a step that is kept. */
export async function writeDeepReport(
  session: ModelSession,
  manuscript: Manuscript,
  { request, tell }: { readonly request: DeepRequest; readonly tell: TellStage },
): Promise<Report> {
  const language = request.language ?? manuscript.language
  const shared: Shared = { mark: request.origin.sha256.slice(0, MARK_DIGITS), language: nameOf(language) }
  const citations = citationsOf(manuscript.passages, language, request.timeLink)
  const output = new OrderedOutput((text) => session.ctx.output(text))
  const factor = await tokenFactorOf(session, manuscript)

  tell('condensing', 0)
  const material = await condense(session, manuscript, {
    shared,
    factor,
    told: (done, of) => tell('condensing', done / of, `Noted part ${done} of ${of}`),
  })
  tell('outlining', 0)
  const task = { chapters: chaptersFor(manuscript, request), title: request.title }
  const outline = await drawOutline(session, material, { shared, task })
  output.write(0, `# ${citations.plain(outline.title)}\n\n${citations.plain(outline.summary)}`)
  output.end(0)

  const count = outline.chapters.length
  tell('chapters', 0, `Writing ${count} chapters`)
  const told = (done: number) => tell('chapters', done / count, `Wrote ${done} of ${count} chapters`)
  const writing = { material, outline, shared, request: { ...request, language }, citations, output, told }
  const chapters = await writeChapters(session, writing)
  tell('concluding', 0)
  const conclusion = await conclude(session, writing, chapters)

  tell('assembling', 0)
  const points = outline.key_points.map(({ text, sources }) => {
    const found = sources.flatMap((number) => manuscript.passages[number - 1] ?? [])
    const { page = null, seconds = null, heading = null } = found[0] ?? {}
    return { text: citations.bare(text), page, seconds, heading }
  })
  const { title, summary } = outline
  const draft = {
    title: request.title ?? citations.bare(title),
    summary: citations.bare(summary),
    cited: [],
    key_points: [{ heading: null, page: null, points }],
    quotes: [],
    chapters: chapters.map(({ raw: _, ...chapter }) => chapter),
    conclusion,
    keywords: manuscript.keywords,
    language,
    length: manuscript.length,
    engine: 'llm' as const,
    model: session.model.id,
    usage: reportUsage(session.model, session.usage),
    provenance: provenanceOf(request.origin, manuscript.about),
    warnings: [...manuscript.warnings, ...(request.notes ?? []), ...warningsOf(material.notes !== null)],
  }
  return finishReport(draft, request)
}

function chaptersFor({ length }: Manuscript, { isUltra }: DeepRequest) {
  const { least, most } = CHAPTERS[isUltra ? 'ultra' : 'usual']
  const wide = length.words / WORDS_PER_CHAPTER
  const about = Math.min(most, Math.max(least, Math.round((isUltra ? 2 : 1) * (wide + 2))))
  return { least: Math.max(least, about - 1), most: Math.min(most, about + 1) }
}

function warningsOf(isCondensed: boolean): string[] {
  return isCondensed
    ? ['The text is longer than the window of the model: it was read in parts, and written from notes.']
    : []
}

/** `zh` → `Chinese`. */
function nameOf(language: string): string {
  try {
    return new Intl.DisplayNames('en', { type: 'language' }).of(language) ?? language
  } catch {
    return language
  }
}
