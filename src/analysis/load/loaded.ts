import type { JobSource } from '../sandbox/protocol.ts'
import type { ReportRequest } from '../report.ts'

/** A document that is there to be read. */
export interface LoadedDocument {
  readonly mediaType: string
  /** Where it lies; asked for only when it has to be read. */
  readonly open: () => Promise<JobSource>
  readonly request: ReportRequest
  /** It is no longer needed, by this run nor by a later one. */
  readonly release: () => Promise<void>
}

/** Nothing of it has to be put away. */
export const NOTHING_KEPT = () => Promise.resolve()
