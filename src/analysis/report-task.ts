import { createHash } from 'node:crypto'
import { parse } from 'node:path'
import type { Connector } from '../fetch/connector.ts'
import type { Context } from '../handler/context.ts'
import type { PutReply, Spool } from '../spool/spool.ts'
import { TaskError } from '../task/failure.ts'
import type { Upload } from '../task/task.ts'
import type { Report } from './engine/report.ts'
import type { Parsers } from './isolation/parsers.ts'
import type { JobNews } from './isolation/protocol.ts'
import { READABLE_TYPES } from './source/media-types.ts'

export interface ReportParts {
  readonly parsers: Parsers
  readonly connector: Connector
  readonly spool: Spool
  readonly maxFetchBytes: number
}

interface Titled {
  readonly title?: string | undefined
}

/** Where the work of a report stands: the share that is done when a stage begins. */
const STAGES = { fetching: 0, reading: 5, language: 60, ranking: 70, writing: 95 } as const
type Stage = keyof typeof STAGES
const STAGE_NAMES = Object.keys(STAGES) as Stage[]
const STAGE_MESSAGES: Record<Stage, string> = {
  fetching: 'Fetching the document',
  reading: 'Reading the document',
  language: 'Splitting the text into sentences',
  ranking: 'Ranking the sentences',
  writing: 'Writing the report',
}

/** The report on the file that came with the task. */
export function reportOnUpload({ parsers }: ReportParts, { title }: Titled, ctx: Context): Promise<Report> {
  if (ctx.upload === null) throw new TaskError('internal', 'The task has no file.')
  const { path, mediaType, sha256, name } = ctx.upload
  const request = { title: title ?? null, fallbackTitle: parse(name).name || name, sha256 }
  tellStage(ctx, 'reading')
  return parsers.run({ source: { kind: 'file', path, mediaType }, request }, relay(ctx), ctx.signal)
}

/** The report on text that came with the request. */
export function reportOnText(
  { parsers }: ReportParts,
  { text, title }: Titled & { readonly text: string },
  ctx: Context,
): Promise<Report> {
  const sha256 = createHash('sha256').update(text).digest('hex')
  const request = { title: title ?? null, fallbackTitle: 'Text', sha256 }
  tellStage(ctx, 'reading')
  return parsers.run({ source: { kind: 'text', text }, request }, relay(ctx), ctx.signal)
}

/** The report on what an address leads to. */
export async function reportOnAddress(
  parts: ReportParts,
  { url, title }: Titled & { readonly url: string },
  ctx: Context,
): Promise<Report> {
  tellStage(ctx, 'fetching')
  const file = await fetchFile(parts, url, ctx.signal)
  try {
    tellStage(ctx, 'reading')
    const { mediaType, sha256 } = file
    const request = { title: title ?? null, fallbackTitle: new URL(url).host, sha256 }
    const source = { kind: 'file', path: parts.spool.pathOf(file), mediaType } as const
    return await parts.parsers.run({ source, request }, relay(ctx), ctx.signal)
  } finally {
    await parts.spool.remove(file)
  }
}

async function fetchFile({ connector, spool, maxFetchBytes }: ReportParts, url: string, signal: AbortSignal) {
  const { body } = await connector.get(url, signal)
  const put = await spool.put(body, { name: 'fetched', maxBytes: maxFetchBytes, accept: READABLE_TYPES })
  return storedOf(put)
}

function storedOf(put: PutReply): Upload {
  switch (put.kind) {
    case 'stored':
      return put.upload
    case 'empty':
      throw new TaskError('no_text', 'The address leads to an empty document.')
    case 'too-large':
      throw new TaskError('input_too_large', `The document is larger than ${put.maxBytes} bytes.`)
    case 'unsupported':
      throw new TaskError(
        'unsupported_format',
        `The address leads to ${put.mediaType}, which cannot be read.`,
      )
  }
}

/** Tells the watchers what the reading process tells. */
function relay(ctx: Context): (news: JobNews) => void {
  return (news) => {
    if (news.kind !== 'reading') return tellStage(ctx, news.kind)
    const share = news.page / news.pages
    tellStage(ctx, 'reading', { share, message: `Read page ${news.page} of ${news.pages}` })
  }
}

/** Says which stage the work has reached, and how much of the stage is done (0 to 1). */
function tellStage(
  ctx: Context,
  stage: Stage,
  { share = 0, message = STAGE_MESSAGES[stage] }: { share?: number; message?: string } = {},
): void {
  const index = STAGE_NAMES.indexOf(stage)
  const next = STAGE_NAMES[index + 1]
  const end = next === undefined ? 100 : STAGES[next]
  const percent = Math.round(STAGES[stage] + share * (end - STAGES[stage]))
  ctx.progress(percent, message, { stage, step: index + 1, totalSteps: STAGE_NAMES.length })
}
