import { z } from 'zod'
import type { Connector } from '../fetch/connector.ts'
import { defineTask, type TaskType } from '../handler/define-task.ts'
import type { Spool } from '../spool/spool.ts'
import type { ParserLimits } from './isolation/parser-process.ts'
import { Parsers } from './isolation/parsers.ts'
import { reportOnAddress, reportOnText, reportOnUpload, reportOnVideo } from './report-task.ts'
import { READABLE_TYPES } from './source/media-types.ts'
import { videoLinkOf } from './youtube/link.ts'

export interface AnalysisOptions {
  readonly connector: Connector
  readonly spool: Spool
  /** The folder of the spool: all that a reading process may see of the data. */
  readonly spoolFolder: string
  readonly maxUploadBytes: number
  readonly maxFetchBytes: number
  /** Where YouTube answers. */
  readonly youTubeUrl: string
  readonly parser: ParserLimits & { readonly maxIdle: number }
}

/** The built-in work: its task types, and the processes behind them. */
export interface Analysis {
  readonly types: readonly TaskType[]
  start(): void
  stop(): Promise<void>
}

const MAX_TITLE_CHARS = 200
const PDF_ONLY = 'Send a PDF; pages and text go to /analyze-document.'
const CONVERT = 'Convert it to PDF, docx, HTML, Markdown or plain text, and send that.'
/** BCP 47, as far as captions need it. */
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/

const title = z.string().trim().min(1).max(MAX_TITLE_CHARS).optional()
const uploadInput = z.object({ title }).describe('A report on a file.')

export function createAnalysis(options: AnalysisOptions): Analysis {
  const { connector, maxUploadBytes: maxBytes } = options
  const parsers = new Parsers({ ...options.parser, readableFolder: options.spoolFolder })
  const parts = { ...options, parsers }

  const analyzePdf = defineTask({
    type: 'analyze-pdf',
    dedupe: true,
    input: uploadInput,
    upload: { accept: ['application/pdf'], maxBytes, suggestion: PDF_ONLY },
    run: (input, ctx) => reportOnUpload(parts, input, ctx),
  })
  const analyzeDocument = defineTask({
    type: 'analyze-document',
    dedupe: true,
    input: uploadInput,
    upload: { accept: [...READABLE_TYPES], maxBytes, suggestion: CONVERT },
    run: (input, ctx) => reportOnUpload(parts, input, ctx),
  })
  const summarize = defineTask({
    type: 'summarize',
    dedupe: true,
    input: summarizeInput(connector),
    run: (input, ctx) => {
      const { url, text = '', title, language } = input
      if (url === undefined) return reportOnText(parts, { text, title }, ctx)
      const link = videoLinkOf(url)
      return link.kind === 'video'
        ? reportOnVideo(parts, { id: link.id, title, language }, ctx)
        : reportOnAddress(parts, { url, title, language }, ctx)
    },
  })
  return {
    types: [summarize, analyzePdf, analyzeDocument],
    start: () => parsers.warmUp(),
    stop: () => parsers.stop(),
  }
}

const UNSAFE = { code: 'unsafe-url' }

/** `{url}` or `{text}`, with a title if there is one. */
function summarizeInput(connector: Connector) {
  const url = z.url({ protocol: /^https?$/, error: 'expected an http or https address' }).max(2048)
  return z
    .strictObject({
      url: url
        .superRefine((address, { issues }) => {
          // An address that is none is not unsafe too.
          if (issues.length > 0) return
          const refusal = connector.refusalOf(address)
          const message = `this address may not be fetched: ${refusal}`
          if (refusal !== null) issues.push({ code: 'custom', input: address, message, params: UNSAFE })
        })
        .refine((address) => videoLinkOf(address).kind !== 'broken', 'this YouTube link names no video')
        .optional(),
      text: z.string().min(1).optional(),
      title,
      language: z.string().regex(LANGUAGE, 'expected a language such as en, zh or pt-BR').optional(),
    })
    .refine(
      (input) => (input.url === undefined) !== (input.text === undefined),
      'expected either url or text',
    )
    .meta({
      description:
        'A report on a web page, a PDF or text at an address, a YouTube video by its captions, or text.',
      examples: [
        { url: 'https://www.youtube.com/watch?v=GJLlxj_dtq8', language: 'en' },
        { text: 'A gate holds the water back.' },
      ],
    })
}
