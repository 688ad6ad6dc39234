import { z } from 'zod'
import type { Connector } from '../fetch/connector.ts'
import { defineTask, type TaskType } from '../handler/define-task.ts'
import type { Spool } from '../spool/spool.ts'
import type { ParserLimits } from './isolation/parser-process.ts'
import { Parsers } from './isolation/parsers.ts'
import { reportOnAddress, reportOnText, reportOnUpload } from './report-task.ts'
import { READABLE_TYPES } from './source/media-types.ts'

export interface AnalysisOptions {
  readonly connector: Connector
  readonly spool: Spool
  /** The folder of the spool: all that a reading process may see of the data. */
  readonly spoolFolder: string
  readonly maxUploadBytes: number
  readonly maxFetchBytes: number
  readonly parser: ParserLimits & { readonly maxIdle: number }
}

/** The built-in work: its task types, and the processes behind them. */
export interface Analysis {
  readonly types: readonly TaskType[]
  start(): void
  stop(): Promise<void>
}

const MAX_TITLE_CHARS = 200
const CONVERT = 'Convert it to PDF, HTML, Markdown or plain text, and send that.'

const title = z.string().trim().min(1).max(MAX_TITLE_CHARS).optional()
const uploadInput = z.object({ title })

export function createAnalysis(options: AnalysisOptions): Analysis {
  const { connector, maxUploadBytes: maxBytes } = options
  const parsers = new Parsers({ ...options.parser, readableFolder: options.spoolFolder })
  const parts = { ...options, parsers }

  const analyzePdf = defineTask({
    type: 'analyze-pdf',
    input: uploadInput,
    upload: {
      accept: ['application/pdf'],
      maxBytes,
      suggestion: 'Send a PDF; pages and text go to /analyze-document.',
    },
    run: (input, ctx) => reportOnUpload(parts, input, ctx),
  })
  const analyzeDocument = defineTask({
    type: 'analyze-document',
    input: uploadInput,
    upload: { accept: [...READABLE_TYPES], maxBytes, suggestion: CONVERT },
    run: (input, ctx) => reportOnUpload(parts, input, ctx),
  })
  const summarize = defineTask({
    type: 'summarize',
    input: summarizeInput(connector),
    run: (input, ctx) =>
      input.url === undefined
        ? reportOnText(parts, { text: input.text ?? '', title: input.title }, ctx)
        : reportOnAddress(parts, { url: input.url, title: input.title }, ctx),
  })
  return {
    types: [summarize, analyzePdf, analyzeDocument],
    start: () => parsers.warmUp(),
    stop: () => parsers.stop(),
  }
}

/** `{url}` or `{text}`, with a title if there is one. */
function summarizeInput(connector: Connector) {
  const url = z.url({ protocol: /^https?$/, error: 'expected an http or https address' }).max(2048)
  return z
    .strictObject({
      url: url
        .refine((address) => connector.allows(address), {
          error: 'this host may not be fetched; the operator names hosts in FETCH_ALLOW_HOSTS',
          params: { code: 'unsafe-url' },
          // An address that is none is not unsafe too.
          when: (payload) => payload.issues.length === 0,
        })
        .optional(),
      text: z.string().min(1).optional(),
      title,
    })
    .refine(
      (input) => (input.url === undefined) !== (input.text === undefined),
      'expected either url or text',
    )
}
