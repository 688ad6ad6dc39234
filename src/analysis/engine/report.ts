/** What a task of the analysis hands over; snake_case because it is the wire's. */
export interface Report {
  readonly title: string
  readonly summary: string
  readonly key_points: readonly ReportSection[]
  readonly keywords: readonly string[]
  /** ISO 639-1. */
  readonly language: string
  readonly length: ReportLength
  readonly engine: 'extractive'
  readonly warnings: readonly string[]
  /** Name to save the Markdown under. */
  readonly filename: string
  /** First 16 hex digits of the input's SHA-256. */
  readonly hash: string
  readonly markdown: string
}

interface ReportSection {
  readonly heading: string | null
  readonly page: number | null
  readonly points: readonly ReportPoint[]
}

interface ReportPoint {
  readonly text: string
  readonly page: number | null
  /** Time from the beginning; null where the source is not spoken. */
  readonly seconds: number | null
}

interface ReportLength {
  readonly characters: number
  readonly words: number
  readonly sentences: number
  /** null where the source has no pages. */
  readonly pages: number | null
  readonly reading_minutes: number
}

export interface ReportRequest {
  /** The caller's title; null: the document's own. */
  readonly title: string | null
  /** What to call a document that names itself nowhere. */
  readonly fallbackTitle: string
  readonly sha256: string
  /** What leads to a moment of the source, when its seconds are put behind it; absent: nothing does. */
  readonly timeLink?: string
  /** What a reader should know about how the source was found. */
  readonly notes?: readonly string[]
}

export type ReportStage = 'language' | 'ranking' | 'writing'
