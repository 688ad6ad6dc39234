import type { FailureType } from '../../task/failure.ts'
import type { NumberedPassages, ManuscriptRequest } from '../write/model/manuscript.ts'
import type { RecognitionRequest } from '../recognition/recognise-page.ts'
import type { RecognisedPage, Recognition, UnreadPage } from '../recognition/recognised-page.ts'
import type { Report, ReportRequest, ReportStage } from '../report.ts'

/** Where the text is: in a file, or with the request. */
export type JobSource =
  | {
      readonly kind: 'file'
      readonly path: string
      readonly mediaType: string
      /** The charset of the content type; absent or null when there is none. */
      readonly charset?: string | null
      /** Absent or null: pages without text stay without. */
      readonly recognition?: Recognition | null
    }
  | { readonly kind: 'text'; readonly text: string; readonly mediaType: string }

/** What a child can be asked for, with what it needs beside the source, and what it makes of it. */
export interface Jobs {
  /** A finished report, by the engine that needs no model. */
  readonly report: { readonly asks: ReportRequest; readonly makes: Report }
  /** The text alone, a line for each heading and paragraph. */
  readonly text: { readonly asks: null; readonly makes: string }
  /** The text, in passages whose tokens are counted, for a model. */
  readonly manuscript: { readonly asks: ManuscriptRequest; readonly makes: NumberedPassages }
  /** The text of one page that is a picture. */
  readonly recognition: { readonly asks: RecognitionRequest; readonly makes: RecognisedPage }
  /** A finished report as a page of its own. */
  readonly page: { readonly asks: Report; readonly makes: string }
}
export type JobKind = keyof Jobs

export type Job<Kind extends JobKind = JobKind> = {
  readonly [Each in Kind]: {
    readonly kind: Each
    /** null: what is asked for holds everything. */
    readonly source: Each extends 'page' ? null : JobSource
    readonly request: Jobs[Each]['asks']
  }
}[Kind]

export type JobProgress =
  { readonly kind: 'reading'; readonly page: number; readonly pages: number } | { readonly kind: ReportStage }

export type ChildMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: JobProgress }
  | { readonly type: 'done'; readonly made: Jobs[JobKind]['makes'] }
  | { readonly type: 'unread'; readonly pages: readonly UnreadPage[] }
  | { readonly type: 'failed'; readonly errorType: FailureType; readonly message: string }
