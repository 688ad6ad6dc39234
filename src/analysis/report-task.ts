import { createHash } from 'node:crypto'
import { parse } from 'node:path'
import type { Connector, Fetched } from '../fetch/connector.ts'
import type { Context } from '../handler/context/context.ts'
import { classify } from '../handler/retry/classify.ts'
import { fetchedBy, type PutReply, type Spool } from '../spool/spool.ts'
import { ShuttingDown } from '../task/run/abort.ts'
import { TaskError } from '../task/failure.ts'
import type { Upload } from '../task/task.ts'
import type { Report } from './engine/report.ts'
import type { Parsers } from './isolation/parsers.ts'
import { READABLE_TYPES, YOUTUBE_CAPTIONS } from './source/media-types.ts'
import { relay, tellStage } from './stages.ts'
import { captionsOf } from './youtube/captions.ts'

export interface ReportParts {
  readonly parsers: Parsers
  readonly connector: Connector
  readonly spool: Spool
  readonly maxFetchBytes: number
  /** Where YouTube answers. */
  readonly youTubeUrl: string
}

/** The steps of a report: what is done is not done again after a restart. */
/** The resource that fetches draw from: so many go on at once, in all tasks together. */
export const DOWNLOAD = 'download'
const FETCH = 'fetch'
const REPORT = 'report'

const EMPTY = ['Look at the address in a browser: a page that is made by scripts has no text of its own.']

interface Titled {
  readonly title?: string | undefined
}

/** The report on the file that came with the task. */
export function reportOnUpload({ parsers }: ReportParts, { title }: Titled, ctx: Context): Promise<Report> {
  if (ctx.upload === null) throw new TaskError('internal', 'The task has no file.')
  const { path, mediaType, sha256, name } = ctx.upload
  const request = { title: title ?? null, fallbackTitle: parse(name).name || name, sha256 }
  tellStage(ctx, 'reading')
  const source = { kind: 'file', path, mediaType } as const
  return ctx.step(REPORT, () => parsers.run({ source, request }, relay(ctx), ctx.signal))
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
  const source = { kind: 'text', text, mediaType: 'text/plain' } as const
  return ctx.step(REPORT, () => parsers.run({ source, request }, relay(ctx), ctx.signal))
}

/** The report on what an address leads to. */
export async function reportOnAddress(
  parts: ReportParts,
  { url, title, language }: Titled & { readonly url: string; readonly language?: string | undefined },
  ctx: Context,
): Promise<Report> {
  const { spool } = parts
  const place = { spoolId: fetchedBy(ctx.taskId) }
  try {
    tellStage(ctx, 'fetching')
    const headers = language === undefined ? {} : { 'accept-language': language }
    const { file, charset } = await ctx.step(FETCH, async () => {
      return ctx.resource(DOWNLOAD, {}, async () => {
        const fetched = await parts.connector.fetch(url, { signal: ctx.signal, headers })
        return { file: await keep(parts, fetched, place.spoolId), charset: charsetOf(fetched.contentType) }
      })
    })
    const { mediaType, sha256 } = file
    const request = { title: title ?? null, fallbackTitle: new URL(url).host, sha256 }
    const report = await ctx.step(REPORT, async () => {
      tellStage(ctx, 'reading')
      const source = { kind: 'file', path: await spool.open(file), mediaType, charset } as const
      return parts.parsers.run({ source, request }, relay(ctx), ctx.signal)
    })
    await spool.remove(place)
    return report
  } catch (error) {
    // Another run, after a stop or an error that passes, needs it again.
    const isOver = !(ctx.signal.reason instanceof ShuttingDown) && classify(error, Date.now()).kind === 'end'
    if (isOver) await spool.remove(place)
    throw error
  }
}

/** The report on what is said in a video, by its captions. */
export async function reportOnVideo(
  { parsers, connector, youTubeUrl: baseUrl }: ReportParts,
  { id, title, language }: Titled & { readonly id: string; readonly language?: string | undefined },
  ctx: Context,
): Promise<Report> {
  tellStage(ctx, 'fetching', { message: 'Asking YouTube for the captions' })
  const { signal } = ctx
  const captions = await ctx.step(FETCH, () =>
    ctx.resource(DOWNLOAD, {}, () => captionsOf({ connector, baseUrl, signal }, { id, language })),
  )
  const request = {
    title: title ?? null,
    fallbackTitle: captions.title,
    sha256: createHash('sha256').update(captions.text).digest('hex'),
    timeLink: `https://youtu.be/${id}?t=`,
    notes: captions.notes,
  }
  tellStage(ctx, 'reading')
  const source = { kind: 'text', text: captions.text, mediaType: YOUTUBE_CAPTIONS } as const
  return ctx.step(REPORT, () => parsers.run({ source, request }, relay(ctx), signal))
}

async function keep(
  { spool, maxFetchBytes }: ReportParts,
  { body }: Fetched,
  spoolId: string,
): Promise<Upload> {
  const put = await spool.put(body, {
    spoolId,
    name: 'fetched',
    maxBytes: maxFetchBytes,
    accept: READABLE_TYPES,
  })
  return storedOf(put)
}

function storedOf(put: PutReply): Upload {
  switch (put.kind) {
    case 'stored':
      return put.upload
    case 'empty':
      throw new TaskError('no_text', 'The address leads to an empty document.', { suggestions: EMPTY })
    case 'too-large':
      throw new TaskError('input_too_large', `The document is larger than ${put.maxBytes} bytes.`)
    case 'unsupported':
      throw new TaskError(
        'unsupported_format',
        `The address leads to ${put.mediaType}, which cannot be read.`,
      )
  }
}

/** `text/html; charset=gb2312` → `gb2312`. */
function charsetOf(contentType: string | null): string | null {
  return /;\s*charset\s*=\s*"?([\w-]+)/i.exec(contentType ?? '')?.[1] ?? null
}
