import { citationsOf } from '../../../output/chapter-text.ts'
import type { Report } from '../../report.ts'
import type { Manuscript } from '../manuscript/manuscript.ts'
import { OrderedOutput } from '../ordered-output.ts'
import type { ModelSession } from '../session.ts'
import { tokenFactorOf } from '../token-factor.ts'
import { assemble } from './assemble.ts'
import { writeChapters } from './chapters.ts'
import { conclude } from './conclude.ts'
import { condense } from './condense.ts'
import { drawOutline } from './outline.ts'
import type { Shared } from './prompts.ts'
import type { DeepRequest } from './writing.ts'

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

  const noted = (done: number, of: number) => tell('condensing', done / of, `Noted part ${done} of ${of}`)
  const material = await condense(session, manuscript, { shared, factor, told: noted })

  tell('outlining', 0)
  const task = { chapters: chaptersFor(manuscript, request), title: request.title }
  const outline = await drawOutline(session, material, { shared, task })
  output.write(0, `# ${citations.plain(outline.title)}\n\n${citations.plain(outline.summary)}`)
  output.end(0)

  const count = outline.chapters.length
  tell('chapters', 0, `Writing ${count} chapters`)
  const told = (done: number) => tell('chapters', done / count, `Wrote ${done} of ${count} chapters`)
  const writing = { material, outline, shared, request, language, citations, output, told }
  const chapters = await writeChapters(session, writing)

  tell('concluding', 0)
  const conclusion = await conclude(session, writing, chapters)
  tell('assembling', 0)
  return assemble(session, writing, { manuscript, chapters, conclusion })
}

function chaptersFor({ length }: Manuscript, { isUltra }: DeepRequest) {
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
