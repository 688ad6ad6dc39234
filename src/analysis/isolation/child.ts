import { readFile } from 'node:fs/promises'
import { TaskError } from '../../task/failure.ts'
import { writeReport } from '../engine/write-report.ts'
import { readDocument } from '../source/read.ts'
import type { ChildMessage, Job } from './protocol.ts'

/** The child process: one job at a time, each reads a hostile file and may be killed for it. */

/** At most this many news of one job reach the parent a second. */
const NEWS_INTERVAL_MS = 100

process.on('message', (job: Job) => void work(job))
process.on('disconnect', () => process.exit(0))
tell({ type: 'ready' })

async function work(job: Job): Promise<void> {
  try {
    const { bytes, mediaType } = await bytesOf(job)
    let toldAt = 0
    const document = await readDocument(bytes, mediaType, (page, pages) => {
      if (page < pages && Date.now() - toldAt < NEWS_INTERVAL_MS) return
      toldAt = Date.now()
      tell({ type: 'news', news: { kind: 'reading', page, pages } })
    })
    const report = writeReport(document, job.request, (kind) => tell({ type: 'news', news: { kind } }))
    tell({ type: 'done', report })
  } catch (error) {
    if (!(error instanceof TaskError)) return tellDefect(error)
    const { errorType, message } = error.failure
    tell({ type: 'failed', errorType, message })
  }
}

async function bytesOf({ source }: Job): Promise<{ bytes: Uint8Array; mediaType: string }> {
  if (source.kind === 'text') return { bytes: new TextEncoder().encode(source.text), mediaType: 'text/plain' }
  return { bytes: new Uint8Array(await readFile(source.path)), mediaType: source.mediaType }
}

function tellDefect(error: unknown): void {
  const name = error instanceof Error ? error.name : 'an unknown error'
  tell({
    type: 'failed',
    errorType: 'analysis_error',
    message: `The document could not be analysed (${name}).`,
  })
}

function tell(message: ChildMessage): void {
  process.send?.(message)
}
