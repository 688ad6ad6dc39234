/** What a task of the analysis hands over; snake_case because it is the wire's. */
export interface Report {
  readonly title: string
  readonly summary: string
  readonly key_points: readonly ReportSection[]
  /** Direct speech of the source. */
  readonly quotes: readonly ReportPoint[]
  /** As a model wrote them; none without a model. */
  readonly chapters: readonly ReportChapter[]
  /** As a model wrote it; null without a model. */
  readonly conclusion: string | null
  readonly keywords: readonly string[]
  /** Of the report, ISO 639-1 or as it was asked for. */
  readonly language: string
  readonly length: ReportLength
  readonly engine: 'extractive' | 'llm'
  /** `provider:model`; null without a model. */
  readonly model: string | null
  /** What the models have used; null without a model. */
  readonly usage: ReportUsage | null
  readonly provenance: Provenance
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

/** A position in the source. */
export interface Place {
  readonly page: number | null
  /** Time from the beginning; null where the source is not spoken. */
  readonly seconds: number | null
  /** null before the first heading. */
  readonly heading: string | null
}

export interface ReportPoint extends Place {
  readonly text: string
}

export interface ReportChapter {
  readonly title: string
  /** Its text, places of the source in parentheses. */
  readonly markdown: string
  /** The places that it names, in the order of the source. */
  readonly sources: readonly Place[]
}

interface ReportLength {
  readonly characters: number
  readonly words: number
  readonly sentences: number
  /** null where the source has no pages. */
  readonly pages: number | null
  readonly reading_minutes: number
  /** Words of the report, frame and lists included. */
  readonly report_words: number
  /** `report_words` ÷ `words`. */
  readonly compression: number
}

export interface ReportUsage {
  readonly calls: number
  readonly input_tokens: number
  readonly output_tokens: number
  /** By MODEL_PRICES; null when a model has no price there. */
  readonly cost_usd: number | null
}

/** Where a document came from. */
export interface Origin {
  readonly kind: 'upload' | 'text' | 'web' | 'youtube'
  /** Of the file; null where there is none. */
  readonly name: string | null
  /** After redirects; null where there is none. */
  readonly url: string | null
  readonly mediaType: string
  readonly sha256: string
}

/** Where a report comes from: what was read, and what wrote it. */
export interface Provenance {
  readonly source: Origin['kind']
  readonly name: string | null
  readonly url: string | null
  /** The address that a web page gives for itself. */
  readonly canonical_url: string | null
  readonly author: string | null
  readonly published: string | null
  readonly publisher: string | null
  readonly media_type: string
  readonly sha256: string
  /** Pages whose text was recognised from pictures, and the mean confidence of their words, 0 to 100; null: none was. */
  readonly recognition: { readonly pages: number; readonly confidence: number } | null
  readonly engine_version: string
}

export interface ReportRequest {
  /** The caller's title; null: the document's own. */
  readonly title: string | null
  /** What to call a document that names itself nowhere. */
  readonly fallbackTitle: string
  readonly origin: Origin
  /** What leads to a moment of the source, when its seconds are put behind it; absent: nothing does. */
  readonly timeLink?: string
  /** What a reader should know about how the source was found. */
  readonly notes?: readonly string[]
}

export type ReportStage = 'language' | 'ranking' | 'writing'

/** Rises when the same document and options would give another report. */
export const ENGINE_VERSION = '6'
