import type { ReportRequest } from '../../report.ts'
import type { Citations } from '../../render/chapter-text.ts'
import type { OrderedOutput } from '../../llm/ordered-output.ts'
import type { Material } from './condense.ts'
import type { Outline } from './outline.ts'
import type { Shared } from './prompts.ts'

/** What is asked of a report by a model. */
export interface DeepRequest extends ReportRequest {
  /** Language to write in, BCP 47; null: that of the source. */
  readonly language: string | null
  /** The longer form. */
  readonly isUltra: boolean
  /** Chapters side by side, or each with the one before it in view. */
  readonly mode: 'concurrent' | 'sequential'
}

/** What every part of a report is written with. */
export interface ReportDraft {
  readonly material: Material
  readonly outline: Outline
  readonly shared: Shared
  readonly request: DeepRequest
  /** That the report is written in, BCP 47. */
  readonly language: string
  readonly citations: Citations
  readonly output: OrderedOutput
  /** Called with the number of finished chapters. */
  readonly onChapter: (done: number) => void
}
