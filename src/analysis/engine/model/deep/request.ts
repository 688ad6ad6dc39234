import type { ReportRequest } from '../../report.ts'

/** What is asked of a report by a model. */
export interface DeepRequest extends ReportRequest {
  /** Language to write in, BCP 47; null: that of the source. */
  readonly language: string | null
  /** The longer form. */
  readonly isUltra: boolean
  /** Chapters side by side, or each with the one before it in view. */
  readonly mode: 'concurrent' | 'sequential'
}
