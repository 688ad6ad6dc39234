import type { Context } from '../handler/context/context.ts'
import type { DeepStage, TellStage } from './write/model/write-report.ts'
import type { JobNews } from './sandbox/protocol.ts'

interface StageRow {
  /** The share that is done when the stage begins. */
  readonly at: number
  readonly message: string
}

/** Where the work of a report stands. */
const STAGES = {
  fetching: { at: 0, message: 'Fetching the document' },
  reading: { at: 5, message: 'Reading the document' },
  language: { at: 60, message: 'Splitting the text into sentences' },
  ranking: { at: 70, message: 'Ranking the sentences' },
  writing: { at: 95, message: 'ReportDraft the report' },
} as const satisfies Record<string, StageRow>
/** The same where a model writes: its calls are what takes time. */
const DEEP_STAGES = {
  fetching: { at: 0, message: 'Fetching the document' },
  reading: { at: 1, message: 'Reading the document' },
  condensing: { at: 5, message: 'Preparing the text' },
  outlining: { at: 25, message: 'Planning the report' },
  chapters: { at: 35, message: 'ReportDraft the chapters' },
  concluding: { at: 90, message: 'ReportDraft the conclusion' },
  assembling: { at: 98, message: 'Putting the report together' },
} as const satisfies Record<'fetching' | 'reading' | DeepStage, StageRow>

type Stage = keyof typeof STAGES

/** Tells the watchers what the reading process tells. */
export function relay(ctx: Context, isDeep = false): (feedEvent: JobNews) => void {
  const stages = isDeep ? DEEP_STAGES : STAGES
  return (feedEvent) => {
    if (feedEvent.kind !== 'reading') return tell(ctx, stages, { stage: feedEvent.kind })
    const share = feedEvent.page / feedEvent.pages
    tell(ctx, stages, {
      stage: 'reading',
      share,
      message: `Read page ${feedEvent.page} of ${feedEvent.pages}`,
    })
  }
}

interface Told {
  /** How much of the stage is done, 0 to 1. */
  readonly share?: number
  readonly message?: string
}

/** Says which stage the work has reached, and how much of it is done. */
export function tellStage(ctx: Context, stage: Stage, told: Told = {}): void {
  tell(ctx, STAGES, { stage, ...told })
}

export function tellDeepStage(ctx: Context): TellStage {
  return (stage, share, message) =>
    tell(ctx, DEEP_STAGES, { stage, share, ...(message === undefined ? {} : { message }) })
}

function tell(
  ctx: Context,
  stages: Readonly<Record<string, StageRow>>,
  told: Told & { readonly stage: string },
): void {
  const names = Object.keys(stages)
  const index = names.indexOf(told.stage)
  const { at, message } = stages[told.stage] as StageRow
  const end = stages[names[index + 1] ?? '']?.at ?? 100
  const percent = Math.round(at + (told.share ?? 0) * (end - at))
  ctx.progress(percent, told.message ?? message, {
    stage: told.stage,
    step: index + 1,
    totalSteps: names.length,
  })
}
