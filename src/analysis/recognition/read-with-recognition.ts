import type { Context } from '../../handler/context/context.ts'
import { TaskError } from '../../task/failure.ts'
import { isPicture } from '../parse/media-types.ts'
import type { Parsers } from '../sandbox/parsers.ts'
import type { Job, JobKind, JobProgress, Jobs, JobSource } from '../sandbox/protocol.ts'
import { reportStage } from '../stages.ts'
import { UnreadPages, type RecognisedPage, type UnreadPage } from './recognised-page.ts'

/** Whether pages without text are recognised: where they need it, never, or all pages. */
export type OcrChoice = 'auto' | 'off' | 'force'

export interface RecognitionDeps {
  readonly parsers: Parsers
  /** As Tesseract names them, e.g. `eng`; none: recognition is not installed. */
  readonly ocrLanguages: readonly string[]
  /** What installs it. */
  readonly ocrInstall: string
}

interface ReadRequest {
  readonly ctx: Context
  readonly ocr: OcrChoice
  readonly onProgress: (progress: JobProgress) => void
}

type FileSource = Extract<JobSource, { kind: 'file' }>

/**
 * Does a job that reads a document. Where it has pages without text, these are recognised first, each a step of its own
 * that is kept over a crash, and then it is read with them.
 */
export async function readWithRecognition<Kind extends Exclude<JobKind, 'page' | 'recognition'>>(
  deps: RecognitionDeps,
  job: Job<Kind>,
  { ctx, ocr, onProgress }: ReadRequest,
): Promise<Jobs[Kind]['makes']> {
  const { parsers, ocrLanguages } = deps
  const source: JobSource = job.source
  const canRecognise =
    source.kind === 'file' && ocr !== 'off' && ocrLanguages.length > 0 && isRecognisable(source.mediaType)
  const read = (pages: readonly RecognisedPage[]) => {
    const recognition = canRecognise ? { isForced: ocr === 'force', pages } : null
    const withPages = { ...job, source: { ...source, recognition } } as Job<Kind>
    return parsers.run(withPages, onProgress, ctx.signal)
  }
  try {
    return await read([])
  } catch (error) {
    if (error instanceof UnreadPages && canRecognise) {
      return read(await recognisePages(deps, ctx, { source, unread: error.pages }))
    }
    throw error instanceof TaskError && error.errorType === 'ocr_unavailable'
      ? explain(error, deps, ocr)
      : error
  }
}

function isRecognisable(mediaType: string): boolean {
  return mediaType === 'application/pdf' || isPicture(mediaType)
}

async function recognisePages(
  { parsers, ocrLanguages: languages }: RecognitionDeps,
  ctx: Context,
  { source, unread }: { readonly source: FileSource; readonly unread: readonly UnreadPage[] },
): Promise<RecognisedPage[]> {
  const made: RecognisedPage[] = []
  for (const [index, page] of unread.entries()) {
    const message = `Recognising page ${page.page}: ${index + 1} of ${unread.length}`
    const recognised = await ctx.step(`recognition of page ${page.page}`, () => {
      reportStage(ctx, 'recognition', { share: index / unread.length, message })
      const job = { kind: 'recognition', source, request: { ...page, languages } } as const
      return parsers.run(job, () => undefined, ctx.signal)
    })
    made.push(recognised)
  }
  return made
}

/** What a person can do about a picture that was not recognised. */
function explain({ message }: TaskError, { ocrInstall }: RecognitionDeps, ocr: OcrChoice): TaskError {
  if (ocr === 'off') {
    const suggestions = ['Send it again without ocr=off.']
    return new TaskError('no_text', `${message} Text recognition was switched off for it.`, { suggestions })
  }
  const suggestions = [
    `Have the operator install text recognition: ${ocrInstall}`,
    'Or recognise the text elsewhere, and send that.',
  ]
  return new TaskError('ocr_unavailable', `${message} Text recognition is not installed here.`, {
    suggestions,
  })
}
