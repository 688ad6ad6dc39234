import type { AboutDocument, ParagraphKind } from '../../parse/document.ts'
import type { Draft } from '../../render/markdown.ts'
import type { Place } from '../../report.ts'

/** Byte-pair encodings whose tokens can be counted here exactly. */
export type Encoding = 'o200k_base' | 'cl100k_base'

export interface ManuscriptRequest {
  readonly encoding: Encoding
}

/** One piece of the text that can be cited, with its position. */
export interface Passage extends Place {
  /** 1 for the first; a model cites it as `[1]`. */
  readonly number: number
  readonly text: string
  readonly kind: ParagraphKind
  readonly tokens: number
}

/** A text as a model gets it. */
export interface NumberedPassages {
  /** The document's own; null when it has none. */
  readonly title: string | null
  readonly about: AboutDocument
  /** ISO 639-1. */
  readonly language: string
  readonly keywords: readonly string[]
  readonly length: Draft['length']
  readonly warnings: readonly string[]
  readonly passages: readonly Passage[]
}
