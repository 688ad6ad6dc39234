import { finishReport, renderProvenance } from '../../render/finish.ts'
import type { Report, ReportChapter, ReportPoint } from '../../report.ts'
import type { NumberedPassages } from './manuscript.ts'
import type { ModelSession } from '../../llm/session.ts'
import { reportUsage } from '../../llm/budget.ts'
import { type ChapterDraft, writeChapters } from './chapters.ts'
import type { ReportDraft, DeepRequest } from './draft.ts'
import { createCitations } from '../../render/chapter-text.ts'
import { OrderedOutput } from '../../llm/ordered-output.ts'
import { measureTokenFactor } from '../../llm/window.ts'
import { conclude } from './conclusion.ts'
import { summariseToFit } from './condense.ts'
import { drawOutline } from './outline.ts'
import type { Shared } from './prompts.ts'

export type DeepStage = 'condensing' | 'outlining' | 'chapters' | 'concluding' | 'assembling'

/** How far a stage is, 0 to 1. */
export type OnStage = (stage: DeepStage, share: number, message?: string) => void

/** Fewer words than these make one chapter more. */
const WORDS_PER_CHAPTER = 1500
const CHAPTERS = { usual: { least: 2, most: 8 }, ultra: { least: 4, most: 16 } }
const MARK_DIGITS = 12

/** Writes a deep report: outline, chapters, conclusion, assembly; every answer of the model is a step that is kept. */
export async function writeDeepReport(
  session: ModelSession,
  manuscript: NumberedPassages,
  { request, onStage }: { readonly request: DeepRequest; readonly onStage: OnStage },
): Promise<Report> {
  const language = request.language ?? manuscript.language
  const shared: Shared = { mark: request.origin.sha256.slice(0, MARK_DIGITS), language: nameOf(language) }
  const citations = createCitations(manuscript.passages, language, request.timeLink)
  const output = new OrderedOutput((text) => session.ctx.output(text))
  const factor = await measureTokenFactor(session, manuscript)

  const onNotes = (done: number, of: number) =>
    onStage('condensing', done / of, `Noted part ${done} of ${of}`)
  const material = await summariseToFit(session, manuscript, { shared, factor, onNotes })

  onStage('outlining', 0)
  const task = { chapters: chaptersFor(manuscript, request), title: request.title }
  const outline = await drawOutline(session, material, { shared, task })
  output.write(0, `# ${citations.plain(outline.title)}\n\n${citations.plain(outline.summary)}`)
  output.end(0)

  const count = outline.chapters.length
  onStage('chapters', 0, `Writing ${count} chapters`)
  const onChapter = (done: number) => onStage('chapters', done / count, `Wrote ${done} of ${count} chapters`)
  const writing = { material, outline, shared, request, language, citations, output, onChapter }
  const chapters = await writeChapters(session, writing)

  onStage('concluding', 0)
  const conclusion = await conclude(session, writing, chapters)
  onStage('assembling', 0)
  return assemble(session, writing, { manuscript, chapters, conclusion })
}

function chaptersFor({ length }: NumberedPassages, { isUltra }: DeepRequest) {
  const { least, most } = CHAPTERS[isUltra ? 'ultra' : 'usual']
  const wide = length.words / WORDS_PER_CHAPTER
  const about = Math.min(most, Math.max(least, Math.round((isUltra ? 2 : 1) * (wide + 2))))
  return { least: Math.max(least, about - 1), most: Math.min(most, about + 1) }
}

/** `zh` → `Chinese`. */
function nameOf(language: string): string {
  try {
    return new Intl.DisplayNames('en', { type: 'language' }).of(language) ?? language
  } catch {
    return language
  }
}

const CONDENSED =
  'The text is longer than the window of the model: it was read in parts, and written from notes.'

/** Puts the report together from what was written; no model is asked. */
function assemble(
  { model, usage }: ModelSession,
  writing: ReportDraft,
  written: {
    readonly manuscript: NumberedPassages
    readonly chapters: readonly ChapterDraft[]
    readonly conclusion: string
  },
): Report {
  const { outline, citations, material, request, language } = writing
  const { manuscript, conclusion } = written
  const chapters = written.chapters.map(({ title, markdown, sources }): ReportChapter => ({
    title,
    markdown,
    sources,
  }))
  const draft = {
    title: request.title ?? citations.bare(outline.title),
    summary: citations.bare(outline.summary),
    cited: [],
    key_points: [{ heading: null, page: null, points: toPoints(writing, manuscript.passages) }],
    quotes: [],
    chapters,
    conclusion,
    keywords: manuscript.keywords,
    language,
    length: manuscript.length,
    engine: 'llm' as const,
    model: model.id,
    usage: reportUsage(model, usage),
    provenance: renderProvenance(request.origin, manuscript.about),
    warnings: [
      ...manuscript.warnings,
      ...(request.notes ?? []),
      ...(material.isCondensed ? [CONDENSED] : []),
    ],
  }
  return finishReport(draft, request)
}

function toPoints(
  { outline, citations }: ReportDraft,
  passages: NumberedPassages['passages'],
): ReportPoint[] {
  return outline.key_points.map(({ text, sources }) => {
    const first = sources.map((number) => passages[number - 1]).find((passage) => passage !== undefined)
    const { page = null, seconds = null, heading = null } = first ?? {}
    return { text: citations.bare(text), page, seconds, heading }
  })
}
