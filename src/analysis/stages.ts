import type { Context } from '../handler/context/context.ts'
import type { JobNews } from './isolation/protocol.ts'

/** Where the work of a report stands: the share that is done when a stage begins. */
const STAGES = { fetching: 0, reading: 5, language: 60, ranking: 70, writing: 95 } as const
type Stage = keyof typeof STAGES
const STAGE_NAMES = Object.keys(STAGES) as Stage[]
const STAGE_MESSAGES: Record<Stage, string> = {
  fetching: 'Fetching the document',
  reading: 'Reading the document',
  language: 'Splitting the text into sentences',
  ranking: 'Ranking the sentences',
  writing: 'Writing the report',
}

/** Tells the watchers what the reading process tells. */
export function relay(ctx: Context): (news: JobNews) => void {
  return (news) => {
    if (news.kind !== 'reading') return tellStage(ctx, news.kind)
    const share = news.page / news.pages
    tellStage(ctx, 'reading', { share, message: `Read page ${news.page} of ${news.pages}` })
  }
}

/** Says which stage the work has reached, and how much of the stage is done (0 to 1). */
export function tellStage(
  ctx: Context,
  stage: Stage,
  { share = 0, message = STAGE_MESSAGES[stage] }: { share?: number; message?: string } = {},
): void {
  const index = STAGE_NAMES.indexOf(stage)
  const next = STAGE_NAMES[index + 1]
  const end = next === undefined ? 100 : STAGES[next]
  const percent = Math.round(STAGES[stage] + share * (end - STAGES[stage]))
  ctx.progress(percent, message, { stage, step: index + 1, totalSteps: STAGE_NAMES.length })
}
