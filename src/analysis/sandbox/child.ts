import { readFile } from 'node:fs/promises'
import { TaskError } from '../../task/failure.ts'
import { extractReport } from '../write/extractive/extract.ts'
import type { SourceDocument } from '../parse/document.ts'
import { readDocument, type SourceFile } from '../parse/parse.ts'
import { UnreadPages } from '../recognition/recognised-page.ts'
import type { ChildMessage, Job, JobKind, Jobs } from './protocol.ts'

/** The child process: one job at a time, each reads a hostile file and may be killed for it. */

/** At most this many messages of one job reach the parent a second. */
const NEWS_INTERVAL_MS = 100

process.on('message', (job: Job) => void work(job))
process.on('disconnect', () => process.exit(0))
send({ type: 'ready' })

async function work(job: Job): Promise<void> {
  try {
    if (job.kind === 'page') {
      // Its libraries are loaded with the first page.
      const { renderHtml } = await import('../render/report-html.ts')
      return send({ type: 'done', made: renderHtml(job.request) })
    }
    const file = await openJobFile(job)
    if (job.kind === 'recognition') {
      // Its libraries are large, and optional.
      const { recognisePage } = await import('../recognition/recognise-page.ts')
      return send({ type: 'done', made: await recognisePage(file.bytes, file.mediaType, job.request) })
    }
    let toldAt = 0
    const document = await readDocument(file, (page, pages) => {
      if (page < pages && Date.now() - toldAt < NEWS_INTERVAL_MS) return
      toldAt = Date.now()
      send({ type: 'progress', progress: { kind: 'reading', page, pages } })
    })
    send({ type: 'done', made: await make(job, document) })
  } catch (error) {
    if (error instanceof UnreadPages) return send({ type: 'unread', pages: error.pages })
    if (!(error instanceof TaskError)) return tellDefect(error)
    const { errorType, message } = error
    send({ type: 'failed', errorType, message })
  }
}

type FileJob = Exclude<Job, { kind: 'page' }>
type ReadingJob = Exclude<FileJob, { kind: 'recognition' }>

async function make(job: ReadingJob, document: SourceDocument): Promise<Jobs[JobKind]['makes']> {
  if (job.kind === 'report') {
    return extractReport(document, job.request, (kind) => send({ type: 'progress', progress: { kind } }))
  }
  if (job.kind === 'text') return parseText(document)
  // Its tables of tokens are large: who asks for no model does not load them.
  const { prepareManuscript } = await import('../write/model/prepare-manuscript.ts')
  return prepareManuscript(document, job.request)
}

function parseText({ title, sections }: SourceDocument): string {
  const lines = sections.flatMap(({ heading, paragraphs }) => [
    heading,
    ...paragraphs.map(({ text }) => text),
  ])
  return [title, ...lines].filter((line) => line !== null).join('\n')
}

async function openJobFile({ source }: FileJob): Promise<SourceFile> {
  if (source.kind === 'text') {
    const { text, mediaType } = source
    return { bytes: new TextEncoder().encode(text), mediaType, charset: 'utf-8', recognition: null }
  }
  const { path, mediaType, charset = null, recognition = null } = source
  return { bytes: new Uint8Array(await readFile(path)), mediaType, charset, recognition }
}

function tellDefect(error: unknown): void {
  const name = error instanceof Error ? error.name : 'an unknown error'
  send({
    type: 'failed',
    errorType: 'analysis_error',
    message: `The document could not be analysed (${name}).`,
  })
}

function send(message: ChildMessage): void {
  process.send?.(message)
}
