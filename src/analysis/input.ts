import { z } from 'zod'
import type { Connector } from '../fetch/connector.ts'
import { parseVideoLink } from './load/youtube/link.ts'
import type { OcrChoice } from './recognition/read-with-recognition.ts'

const MAX_TITLE_CHARS = 200
/** BCP 47, as far as captions and reports need it. */
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/

/** Yes or no in JSON, in a form field or in a query. */
const flag = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0'])])
  .optional()
  .transform((value) => value === true || value === 'true' || value === '1')

/** A string of the right form may still not be a language: `en-US-US`. */
function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

type EngineChoice = 'extractive' | 'llm'

/** What can be asked of every report. */
export interface ReportOptions {
  readonly title?: string | undefined
  readonly language?: string | undefined
  readonly engine?: EngineChoice | undefined
  readonly is_ultra: boolean
  readonly generation_mode: 'concurrent' | 'sequential'
  readonly ocr: OcrChoice
}

function optionsShape(hasModels: boolean) {
  return {
    title: z.string().trim().min(1).max(MAX_TITLE_CHARS).optional(),
    language: z
      .string()
      .refine((tag) => LANGUAGE.test(tag) && isLocale(tag), 'expected a language such as en, zh or pt-BR')
      .optional(),
    engine: z
      .enum(['extractive', 'llm'])
      .refine((engine) => engine !== 'llm' || hasModels, 'no model is set up here: see GEMINI_API_KEY')
      .optional(),
    is_ultra: flag,
    generation_mode: z.enum(['concurrent', 'sequential']).default('concurrent'),
    ocr: z.enum(['auto', 'off', 'force']).default('auto'),
  }
}

/** A file comes beside it. */
export function uploadInput(hasModels: boolean) {
  return z.object(optionsShape(hasModels)).meta({
    description: 'A report on a file.',
    examples: [{ title: 'Minutes of Monday', language: 'en', engine: 'extractive' }],
  })
}

const UNSAFE = { code: 'unsafe-url' }

/** `{url}` or `{text}`, with options. */
export function summarizeInput(connector: Connector, hasModels: boolean) {
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
        .refine((address) => parseVideoLink(address).kind !== 'broken', 'this YouTube link names no video')
        .optional(),
      text: z.string().min(1).optional(),
      ...optionsShape(hasModels),
    })
    .refine(
      (input) => (input.url === undefined) !== (input.text === undefined),
      'expected either url or text',
    )
    .meta({
      description:
        'A report on a web page, a PDF or text at an address, a YouTube video by its captions, or text.',
      examples: [
        { text: 'A gate holds the water back.', engine: 'extractive' },
        { url: 'https://www.youtube.com/watch?v=GJLlxj_dtq8', language: 'en' },
      ],
    })
}
