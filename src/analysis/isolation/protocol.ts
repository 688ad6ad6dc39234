import type { FailureType } from '../../task/failure.ts'
import type { Report, ReportRequest, ReportStage } from '../engine/report.ts'

/** What a child is asked: read a file, or text that came with the request, and report on it. */
export interface Job {
  readonly source:
    | {
        readonly kind: 'file'
        readonly path: string
        readonly mediaType: string
        /** What the sender's header said of text; absent or null when it said nothing. */
        readonly charset?: string | null
      }
    | { readonly kind: 'text'; readonly text: string; readonly mediaType: string }
  readonly request: ReportRequest
}

export type JobNews =
  { readonly kind: 'reading'; readonly page: number; readonly pages: number } | { readonly kind: ReportStage }

export type ChildMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'news'; readonly news: JobNews }
  | { readonly type: 'done'; readonly report: Report }
  | { readonly type: 'failed'; readonly errorType: FailureType; readonly message: string }
