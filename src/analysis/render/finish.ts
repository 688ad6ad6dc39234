import { wordsIn } from '../pieces.ts'
import type { AboutDocument } from '../parse/document.ts'
import { ENGINE_VERSION, type Origin, type Provenance, type Report, type ReportRequest } from '../report.ts'
import { renderAppendix, renderMarkdown, type Draft } from './markdown.ts'

const MAX_FILE_NAME_CHARS = 60

/** Makes the report of a draft: its Markdown, its figures, its file name. */
export function finishReport(draft: Draft, { origin, timeLink }: ReportRequest): Report {
  const body = renderMarkdown(draft, timeLink)
  const report_words = countWords(body, draft.language)
  const { words } = draft.length
  const length = {
    ...draft.length,
    report_words,
    compression: words === 0 ? 1 : Math.round((report_words / words) * 10_000) / 10_000,
  }
  const hash = origin.sha256.slice(0, 16)
  const { cited: _, ...rest } = draft
  return {
    ...rest,
    length,
    filename: `${createFileName(draft.title)}-${hash.slice(0, 8)}.md`,
    hash,
    markdown: `${body}\n\n${renderAppendix(draft, length)}\n`,
  }
}

/** What was read, and its metadata. */
export function renderProvenance(origin: Origin, about: AboutDocument = {}): Provenance {
  return {
    source: origin.kind,
    name: origin.name,
    url: origin.url,
    canonical_url: about.canonicalUrl ?? null,
    author: about.author ?? null,
    published: about.published ?? null,
    publisher: about.publisher ?? null,
    media_type: origin.mediaType,
    sha256: origin.sha256,
    recognition: about.recognised ?? null,
    engine_version: ENGINE_VERSION,
  }
}

function countWords(text: string, language: string): number {
  return [...wordsIn(text, new Intl.Segmenter(language, { granularity: 'word' }))].length
}

function createFileName(title: string): string {
  const name = title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, MAX_FILE_NAME_CHARS)
    .replace(/-+$/, '')
  return name === '' ? 'report' : name
}
