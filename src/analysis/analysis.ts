import type { Connector } from '../fetch/connector.ts'
import { TimeoutFetch, type CallLimits } from '../fetch/timed-fetch.ts'
import PQueue from 'p-queue'
import { defineTask, type ResultFormat, type TaskType } from '../handler/define-task.ts'
import type { Context } from '../handler/context/context.ts'
import { ANALYSIS_FAILURES } from './failures.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { ResourceLimits } from '../task/resource.ts'
import { engineKey, createEngines, type EngineName } from './write/engines.ts'
import { createModel, type Price, type Provider, type ProviderSetup } from './llm/providers.ts'
import { Spending, type Notes, type SpendingOptions } from './llm/budget.ts'
import { ENGINE_VERSION, type Report } from './report.ts'
import { summarizeInput, uploadInput, type ReportOptions } from './input.ts'
import type { ParserLimits } from './sandbox/parser-process.ts'
import { Parsers } from './sandbox/parsers.ts'
import { loadAddress, DOWNLOAD } from './load/web.ts'
import { loadText, loadUpload } from './load/uploaded-file.ts'
import { loadVideo } from './load/video.ts'
import { parseVideoLink } from './load/youtube/link.ts'
import { reportFormats } from './render/formats.ts'
import { reportOn, type WritingDeps } from './report-task.ts'
import { PICTURE_TYPES, READABLE_TYPES } from './parse/media-types.ts'
import { CONVERT_BY_TYPE } from './refusals.ts'

export interface ModelsOptions {
  /** Engines in the order in which they are tried. */
  readonly order: readonly EngineName[]
  readonly providers: ReadonlyMap<Provider, ProviderSetup>
  /** By the name of the model. */
  readonly prices: ReadonlyMap<string, Price>
  readonly limits: CallLimits
  readonly spending: SpendingOptions
  /** What one task may use; Infinity: no limit. */
  readonly maxTaskTokens: number
  /** Calls of one report at once. */
  readonly parallel: number
}

export interface AnalysisOptions {
  readonly connector: Connector
  readonly uploadStore: UploadStore
  /** The folder of the upload store: all that a reading process may see of the data. */
  readonly uploadsFolder: string
  readonly maxUploadBytes: number
  readonly maxFetchBytes: number
  /** Where YouTube answers. */
  readonly youTubeUrl: string
  readonly parser: ParserLimits & { readonly maxIdle: number }
  readonly models: ModelsOptions
  /** Languages that text recognition is installed for, as Tesseract names them; none: it is not installed. */
  readonly ocrLanguages: readonly string[]
  /** The command that installs it. */
  readonly ocrInstall: string
}

/** The built-in work: its task types, and the processes behind them. */
export interface Analysis {
  readonly types: readonly TaskType[]
  /** What writes reports, the first choice first: `provider:model`, `extractive`. */
  readonly engines: readonly string[]
  /** Resources that its tasks draw from, by name. */
  readonly resources: ReadonlyMap<string, ResourceLimits>
  /** What models have used since the start, by `provider:model`. */
  readonly modelUse: () => Spending['totals']
  start(notes: Notes): Promise<void>
  stop(): Promise<void>
}

/** How many calls a provider takes at once is found by trying. */
const MODEL_LIMITS: ResourceLimits = { concurrency: { floor: 1, ceiling: 8 } }

const PDF_ONLY = 'Send a PDF; pages and text go to /analyze-document.'
const CONVERT = 'Convert it to PDF, docx, pptx, xlsx, odt, EPUB, HTML, Markdown or plain text, and send that.'

export function createAnalysis(options: AnalysisOptions): Analysis {
  const { maxTaskTokens, parallel } = options.models
  const line = new TimeoutFetch(options.models.limits)
  const engines = createEngines(options.models.order, createModels(options.models, line))
  const hasModels = engines.some(({ kind }) => kind === 'llm')
  const parsers = new Parsers({ ...options.parser, readableFolder: options.uploadsFolder })
  const spending = new Spending(options.models.spending)
  const accept = options.ocrLanguages.length === 0 ? READABLE_TYPES : [...READABLE_TYPES, ...PICTURE_TYPES]
  const deps = { ...options, accept, parsers, engines, spending, maxTaskTokens, parallel }

  const formats = reportFormats(pageRenderer(parsers))
  const ocr = options.ocrLanguages.length === 0 ? [] : [`ocr:${options.ocrLanguages.join('+')}`]
  const version = [ENGINE_VERSION, ...ocr, ...engines.map(engineKey)].join(' ')
  return {
    types: [
      summarizeType(deps, { hasModels, version, formats }),
      ...uploadTypes(deps, { hasModels, version, formats }),
    ],
    engines: engines.map(engineKey),
    resources: resourcesOf(options.models),
    modelUse: () => spending.totals,
    start: async (notes) => {
      parsers.start()
      // Loading them later would hold the event loop in the middle of the work.
      for (const engine of engines) if (engine.kind === 'llm') await engine.model.load()
      await spending.start(notes)
    },
    stop: async () => {
      await Promise.all([parsers.stop(), line.close()])
    },
  }
}

function resourcesOf({ providers }: ModelsOptions): ReadonlyMap<string, ResourceLimits> {
  const models = [...providers.keys()].map((provider) => [provider, MODEL_LIMITS] as const)
  return new Map<string, ResourceLimits>([[DOWNLOAD, { isOneProvider: false }], ...models])
}

function createModels({ providers, prices }: ModelsOptions, { fetch }: TimeoutFetch) {
  return [...providers].map(([provider, setup]) => {
    return createModel(provider, setup, { price: prices.get(setup.model) ?? null, fetch })
  })
}

type Parts = AnalysisOptions & WritingDeps & { readonly accept: readonly string[] }

interface ReportTypeOptions {
  readonly hasModels: boolean
  /** Of what is written. */
  readonly version: string
  readonly formats: Readonly<Record<string, ResultFormat>>
}

const NEVER = new AbortController().signal

/** Renders a few pages at a time; others wait for their turn. */
function pageRenderer(parsers: Parsers): (report: Report) => Promise<string> {
  const queue = new PQueue({ concurrency: 2 })
  return (report) => {
    const job = { kind: 'page', source: null, request: report } as const
    return queue.add(() => parsers.run(job, () => undefined, NEVER))
  }
}

function uploadTypes(deps: Parts, { hasModels, version, formats }: ReportTypeOptions): TaskType[] {
  const { maxUploadBytes: maxBytes } = deps
  const shared = {
    dedupe: true,
    version,
    formats,
    failures: ANALYSIS_FAILURES,
    input: uploadInput(hasModels),
  }
  const run = (input: ReportOptions, ctx: Context) => {
    return reportOn(deps, { ctx, options: input, find: () => loadUpload(ctx, input) })
  }
  return [
    defineTask({
      ...shared,
      type: 'analyze-pdf',
      upload: { accept: ['application/pdf'], maxBytes, suggestion: PDF_ONLY },
      run,
    }),
    defineTask({
      ...shared,
      type: 'analyze-document',
      upload: {
        accept: deps.accept,
        maxBytes,
        suggestion: CONVERT,
        suggestions: suggestionsFor(deps),
      },
      run,
    }),
  ]
}

/** A picture can be read where recognition is installed. */
function suggestionsFor({ ocrLanguages, ocrInstall }: Parts): Readonly<Record<string, string>> {
  if (ocrLanguages.length > 0) return CONVERT_BY_TYPE
  const picture = `It is a picture, and text recognition (OCR) is not installed here: ${ocrInstall}`
  return { ...CONVERT_BY_TYPE, 'image/*': picture }
}

function summarizeType(deps: Parts, { hasModels, version, formats }: ReportTypeOptions): TaskType {
  return defineTask({
    type: 'summarize',
    dedupe: true,
    version,
    formats,
    failures: ANALYSIS_FAILURES,
    input: summarizeInput(deps.connector, hasModels),
    run: (input, ctx) => {
      const { url, text = '', title, language } = input
      const find = () => {
        if (url === undefined) return loadText(text, { title })
        const link = parseVideoLink(url)
        return link.kind === 'video'
          ? loadVideo(deps, { id: link.id, title, language }, ctx)
          : loadAddress(deps, { url, title, language }, ctx)
      }
      return reportOn(deps, { ctx, options: input, find })
    },
  })
}
