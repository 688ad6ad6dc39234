import type { Context } from '../handler/context/context.ts'
import { classify } from '../handler/retry/classify.ts'
import { findReschedule } from '../handler/retry/reschedule-error.ts'
import { describeThrown } from '../handler/thrown.ts'
import { ShuttingDown } from '../task/outcome.ts'
import { enginesFor, type Engine } from './write/engines.ts'
import { writeDeepReport } from './write/model/write-report.ts'
import type { Model } from './llm/providers.ts'
import { ModelSession } from './llm/session.ts'
import { NO_USAGE, type Spending, type Usage } from './llm/budget.ts'
import type { Report } from './report.ts'
import type { ReportOptions } from './input.ts'
import { readWithRecognition, type RecognitionDeps } from './recognition/read-with-recognition.ts'
import type { LoadedDocument } from './load/loaded.ts'
import { relay, reportDeepStage, reportStage } from './stages.ts'

export interface WritingDeps extends RecognitionDeps {
  readonly engines: readonly Engine[]
  readonly spending: Spending
  /** What one task may use of models; Infinity: no limit. */
  readonly maxTaskTokens: number
  /** Calls of one report at once. */
  readonly parallel: number
}

/** The step of the engine that needs no model. */
const REPORT = 'report'

/** How a report is made: load the document, write it with the first engine that can, remove the document. */
export async function reportOn(
  deps: WritingDeps,
  {
    find,
    options,
    ctx,
  }: {
    readonly find: () => Promise<LoadedDocument> | LoadedDocument
    readonly options: ReportOptions
    readonly ctx: Context
  },
): Promise<Report> {
  let found: LoadedDocument | null = null
  try {
    found = await find()
    const report = await writeByFirst(deps, { found, options, ctx })
    await found.release()
    return report
  } catch (error) {
    // Another run, after a stop, a pause or an error that passes, needs it again.
    if (!(ctx.signal.reason instanceof ShuttingDown) && isForGood(error, ctx)) await found?.release()
    throw error
  }
}

interface WritingRequest {
  readonly found: LoadedDocument
  readonly options: ReportOptions
  readonly ctx: Context
}

/** Tries one engine after the other; the failure of one is a warning in the report of the next. */
async function writeByFirst(deps: WritingDeps, { found, options, ctx }: WritingRequest): Promise<Report> {
  const engines = enginesFor(deps.engines, options.engine)
  const failed: string[] = []
  let before = NO_USAGE
  for (const [index, engine] of engines.entries()) {
    const document = {
      ...found,
      request: { ...found.request, notes: [...(found.request.notes ?? []), ...failed] },
    }
    const given = { found: document, options, ctx }
    if (engine.kind === 'extractive') return extract(deps, given)
    const attempt = await writeByModel(deps, given, {
      model: engine.model,
      isLast: index === engines.length - 1,
      before,
    })
    if ('report' in attempt) return attempt.report
    failed.push(attempt.failure)
    before = attempt.spent
    ctx.log(attempt.failure, 'warn')
  }
  throw new Error('There is no engine.')
}

function extract(deps: WritingDeps, { found, options, ctx }: WritingRequest): Promise<Report> {
  const { request } = found
  return ctx.step(REPORT, async () => {
    reportStage(ctx, 'reading')
    const job = { kind: 'report', source: await found.open(), request } as const
    return readWithRecognition(deps, job, { ctx, ocr: options.ocr, onProgress: relay(ctx) })
  })
}

interface ModelAttempt {
  readonly model: Model
  /** No other engine comes after it: its failure is that of the task. */
  readonly isLast: boolean
  /** What the task has used of other models. */
  readonly before: Usage
}

/** The report of a model, or why it has none and will have none. Kept, so that a failed one is not asked again. */
async function writeByModel(
  deps: WritingDeps,
  { found, options, ctx }: WritingRequest,
  { model, isLast, before }: ModelAttempt,
): Promise<{ readonly report: Report } | { readonly failure: string; readonly spent: Usage }> {
  const { spending, maxTaskTokens: maxTokens, parallel } = deps
  return ctx.step(`by ${model.id}`, async () => {
    reportStage(ctx, 'reading')
    const { encoding } = model
    const job = { kind: 'manuscript', source: await found.open(), request: { encoding } } as const
    const manuscript = await readWithRecognition(deps, job, {
      ctx,
      ocr: options.ocr,
      onProgress: relay(ctx, true),
    })
    const session = new ModelSession({ model, ctx, spending, maxTokens, before, parallel })
    const { is_ultra: isUltra, generation_mode: mode, language = null } = options
    const request = { ...found.request, isUltra, mode, language }
    try {
      return {
        report: await writeDeepReport(session, manuscript, { request, onStage: reportDeepStage(ctx) }),
      }
    } catch (error) {
      if (isLast || ctx.signal.aborted || !(isForGood(error, ctx) || isOutOfQuota(error))) throw error
      const failure = `${model.id} could not write this report: ${describeThrown(error)}`
      return { failure, spent: session.spent }
    }
  })
}

/** Whether an error ends what it meets: it neither passes by itself nor is tried again. */
function isForGood(error: unknown, ctx: Context): boolean {
  if (findReschedule(error) !== null) return false
  const { kind } = classify(error, Date.now())
  return kind === 'end' || (kind === 'retry' && ctx.attempt >= ctx.maxAttempts)
}

/** Whether an error passes only when a day is over: another engine need not wait for that. */
function isOutOfQuota(error: unknown): boolean {
  const wait = findReschedule(error)
  if (wait !== null) return wait.reason === 'quota'
  const verdict = classify(error, Date.now())
  return verdict.kind === 'park' && verdict.limit === 'quota'
}
