import { finishReport, provenanceOf } from '../../../output/finish.ts'
import type { Report, ReportChapter, ReportPoint } from '../../report.ts'
import type { Manuscript } from '../manuscript/manuscript.ts'
import type { ModelSession } from '../session.ts'
import { reportUsage } from '../spending.ts'
import type { Written } from './chapters.ts'
import type { Writing } from './writing.ts'

const CONDENSED =
  'The text is longer than the window of the model: it was read in parts, and written from notes.'

/** Puts the report together from what was written; no model is asked. */
export function assemble(
  { model, usage }: ModelSession,
  writing: Writing,
  written: {
    readonly manuscript: Manuscript
    readonly chapters: readonly Written[]
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
    key_points: [{ heading: null, page: null, points: pointsOf(writing, manuscript.passages) }],
    quotes: [],
    chapters,
    conclusion,
    keywords: manuscript.keywords,
    language,
    length: manuscript.length,
    engine: 'llm' as const,
    model: model.id,
    usage: reportUsage(model, usage),
    provenance: provenanceOf(request.origin, manuscript.about),
    warnings: [
      ...manuscript.warnings,
      ...(request.notes ?? []),
      ...(material.isCondensed ? [CONDENSED] : []),
    ],
  }
  return finishReport(draft, request)
}

function pointsOf({ outline, citations }: Writing, passages: Manuscript['passages']): ReportPoint[] {
  return outline.key_points.map(({ text, sources }) => {
    const first = sources.map((number) => passages[number - 1]).find((passage) => passage !== undefined)
    const { page = null, seconds = null, heading = null } = first ?? {}
    return { text: citations.bare(text), page, seconds, heading }
  })
}
