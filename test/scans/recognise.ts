import { writeFile } from 'node:fs/promises'
import { UnreadPages, type RecognisedPage } from '../../src/analysis/recognition/recognised-page.ts'
import type { Parsers } from '../../src/analysis/sandbox/parsers.ts'

const LANGUAGES = ['eng', 'chi_sim']
const LIMIT_MS = 600_000

export interface RecognisedScan {
  readonly text: string
  readonly confidence: number
  /** Processor time is not known here: what a page took from its request to its answer. */
  readonly msOfPage: number
}

/** Reads a scanned PDF by the product's own reading process, page by page, as a task does. */
export async function recogniseScan(
  parsers: Parsers,
  path: string,
  pdf: Uint8Array,
): Promise<RecognisedScan> {
  await writeFile(path, pdf)
  const signal = AbortSignal.timeout(LIMIT_MS)
  const source = { kind: 'file', path, mediaType: 'application/pdf' } as const
  const read = (pages: readonly RecognisedPage[]) => {
    const withPages = { ...source, recognition: { isForced: false, pages } }
    return parsers.run({ kind: 'text', source: withPages, request: null }, () => undefined, signal)
  }
  const unread = await read([]).then(
    () => [],
    (error: unknown) => {
      if (error instanceof UnreadPages) return error.pages
      throw error
    },
  )
  const pages: RecognisedPage[] = []
  const startedAt = performance.now()
  for (const page of unread) {
    const job = { kind: 'recognition', source, request: { ...page, languages: LANGUAGES } } as const
    pages.push(await parsers.run(job, () => undefined, signal))
  }
  const msOfPage = (performance.now() - startedAt) / pages.length
  const confidence = pages.reduce((sum, page) => sum + (page.confidence ?? 0), 0) / pages.length
  return { text: await read(pages), confidence, msOfPage }
}
