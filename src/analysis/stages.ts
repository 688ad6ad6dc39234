import type { Context } from '../handler/context/context.ts'
import type { DeepStage, OnStage } from './write/model/write-report.ts'
import type { JobProgress } from './sandbox/protocol.ts'

interface StageRow {
  /** The share that is done when the stage begins. */
  readonly at: number
  readonly message: string
}

/** The progress of a report. */
const STAGES = {
  fetching: { at: 0, message: 'Fetching the document' },
  reading: { at: 5, message: 'Reading the document' },
  recognition: { at: 20, message: 'Recognising the text of pictures' },
  language: { at: 60, message: 'Splitting the text into sentences' },
  ranking: { at: 70, message: 'Ranking the sentences' },
  writing: { at: 95, message: 'Writing the report' },
} as const satisfies Record<string, StageRow>
/** The same where a model writes: its calls are what takes time. */
const DEEP_STAGES = {
  fetching: { at: 0, message: 'Fetching the document' },
  reading: { at: 1, message: 'Reading the document' },
  condensing: { at: 5, message: 'Preparing the text' },
  outlining: { at: 25, message: 'Planning the report' },
  chapters: { at: 35, message: 'Writing the chapters' },
  concluding: { at: 90, message: 'Writing the conclusion' },
  assembling: { at: 98, message: 'Putting the report together' },
} as const satisfies Record<'fetching' | 'reading' | DeepStage, StageRow>

type Stage = keyof typeof STAGES

/** Forwards the progress of the parser process as progress of the task. */
export function relay(ctx: Context, isDeep = false): (progress: JobProgress) => void {
  const stages = isDeep ? DEEP_STAGES : STAGES
  return (progress) => {
    if (progress.kind !== 'reading') return report(ctx, stages, { stage: progress.kind })
    const share = progress.page / progress.pages
    report(ctx, stages, {
      stage: 'reading',
      share,
      message: `Read page ${progress.page} of ${progress.pages}`,
    })
  }
}

interface StageProgress {
  /** How much of the stage is done, 0 to 1. */
  readonly share?: number
  readonly message?: string
}

/** Reports the current stage, and how much of it is done. */
export function reportStage(ctx: Context, stage: Stage, stageProgress: StageProgress = {}): void {
  report(ctx, STAGES, { stage, ...stageProgress })
}

export function reportDeepStage(ctx: Context): OnStage {
  return (stage, share, message) =>
    report(ctx, DEEP_STAGES, { stage, share, ...(message === undefined ? {} : { message }) })
}

function report(
  ctx: Context,
  stages: Readonly<Record<string, StageRow>>,
  stageProgress: StageProgress & { readonly stage: string },
): void {
  const names = Object.keys(stages)
  const index = names.indexOf(stageProgress.stage)
  const { at, message } = stages[stageProgress.stage] as StageRow
  const end = stages[names[index + 1] ?? '']?.at ?? 100
  const percent = Math.round(at + (stageProgress.share ?? 0) * (end - at))
  ctx.progress(percent, stageProgress.message ?? message, {
    stage: stageProgress.stage,
    step: index + 1,
    totalSteps: names.length,
  })
}
