import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { GrayImage } from '../parse/pdf/pdfium.ts'
import { TaskError } from '../../task/failure.ts'
import { toPnm } from './gray-image.ts'
import { decodePng } from './png.ts'

/** Tesseract compiled to WebAssembly, with SIMD and without its older engine. */
const CORE = 'tesseract.js-core/tesseract-core-simd-lstm.js'
const INPUT = '/input'
const WRITTEN = '/image.png'
/** Which image is written: the one that is read, in shades of grey. */
const GRAY = 1
/** The engine of neural networks. */
const LSTM_ONLY = 1
/** How a page is divided: into columns, blocks and lines; into lines across the page; not at all. */
const DIVISIONS = { page: '3', column: '4', line: '7' } as const
type Division = keyof typeof DIVISIONS
/** Points around a line that is recognised alone. */
const LINE_MARGIN = 4
/** Whether a point is black depends on the points around it: noise becomes white, not a hundred thousand specks. */
const SAUVOLA = '2'
/** A slope below this, in radians, is left as it is. */
const MIN_SLOPE = 0.005

/** The part of the library's interface that is used here; emscripten frees nothing by itself. */
interface Core {
  readonly FS: {
    writeFile(path: string, data: Uint8Array): void
    readFile(path: string): Uint8Array
    unlink(path: string): void
  }
  readonly TessBaseAPI: new () => TessApi
}
interface TessApi {
  /** 0: it worked. */
  Init(folder: null, languages: string, engine: number): number
  SetVariable(name: string, value: string): boolean
  /** Reads `INPUT`. Orientation as in EXIF, angle in radians; 1: it cannot be decoded. */
  SetImageFile(orientation: number, angle: number): number
  SetRectangle(left: number, top: number, width: number, height: number): void
  /** Writes a PNG into `WRITTEN`. */
  WriteImage(kind: number): void
  FindLines(): number
  GetGradient(): number
  Recognize(monitor: null): number
  GetTSVText(page: number): string
  Clear(): void
}

const load = createRequire(import.meta.url)
let loaded: { readonly languages: string; readonly made: Promise<Tesseract> } | null = null

/** The recogniser of this process: loaded once, and again when other languages are asked for. */
export function loadTesseract(languages: readonly string[]): Promise<Tesseract> {
  const names = languages.join('+')
  if (loaded?.languages !== names) loaded = { languages: names, made: createTesseract(languages) }
  return loaded.made
}

async function createTesseract(languages: readonly string[]): Promise<Tesseract> {
  const createCore = load(CORE) as (options: object) => Promise<Core>
  const silent = () => undefined
  const core = await createCore({ TesseractProgress: silent, print: silent, printErr: silent })
  for (const language of languages) {
    core.FS.writeFile(`${language}.traineddata`, await readLanguage(language))
  }
  return new Tesseract(core, languages)
}

function createApi(core: Core, languages: readonly string[]): TessApi {
  const api = new core.TessBaseAPI()
  if (api.Init(null, languages.join('+'), LSTM_ONLY) !== 0) {
    throw new Error(`the data of ${languages.join(', ')} cannot be read`)
  }
  api.SetVariable('thresholding_method', SAUVOLA)
  return api
}

/** The data of a language, from its package: the variant that is made for whole numbers, small and fast. */
async function readLanguage(language: string): Promise<Uint8Array> {
  const folder = dirname(load.resolve(`@tesseract.js-data/${language}`))
  const packed = await readFile(join(folder, '4.0.0_best_int', `${language}.traineddata.gz`))
  return promisify(gunzip)(packed)
}

/** A word as it was recognised; lengths in pixels, y from the upper edge downwards. */
export interface Word {
  readonly text: string
  /** 0 to 100. */
  readonly confidence: number
  /** Words of one line have one number. */
  readonly line: number
  readonly x: number
  readonly width: number
}

export interface RecognisedBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface RecognisedImage {
  /** By the numbers that words have. */
  readonly lines: readonly RecognisedBox[]
  readonly words: readonly Word[]
  /** By which the image was straightened, in radians. */
  readonly slope: number
}

export interface ImageToRecognise {
  readonly image: GrayImage
  /** As EXIF counts it: 1 upright, 3 upside down, 6 and 8 on its side. */
  readonly orientation: number
}

export class Tesseract {
  readonly languages: readonly string[]
  readonly #core: Core
  readonly #api: TessApi
  /** Made when they are needed. */
  readonly #apisOfOne = new Map<string, TessApi>()

  constructor(core: Core, languages: readonly string[]) {
    this.#core = core
    this.languages = languages
    this.#api = createApi(core, languages)
  }

  /**
   * Unpacks a PNG, JPEG, WebP or TIFF into shades of grey.
   *
   * @throws TaskError `input_rejected` when it cannot be decoded.
   */
  decode(bytes: Uint8Array): GrayImage {
    const { FS } = this.#core
    FS.writeFile(INPUT, bytes)
    if (this.#api.SetImageFile(1, 0) !== 0) throw undecodable()
    this.#api.WriteImage(GRAY)
    this.#api.Clear()
    FS.writeFile(INPUT, new Uint8Array())
    const image = decodePng(FS.readFile(WRITTEN))
    FS.unlink(WRITTEN)
    if (image === null) throw undecodable()
    return image
  }

  /**
   * Recognises an image in all languages, straightened where its lines have a slope.
   */
  recognise(image: ImageToRecognise, division: Exclude<Division, 'line'> = 'page'): RecognisedImage {
    const api = this.#api
    this.#open(api, image, division)
    api.FindLines()
    const gradient = api.GetGradient()
    const slope = Math.abs(gradient) >= MIN_SLOPE ? gradient : 0
    if (slope !== 0) api.SetImageFile(image.orientation, slope)
    const made = { ...recogniseRectangle(api), slope }
    api.Clear()
    this.#core.FS.writeFile(INPUT, new Uint8Array())
    return made
  }

  /** Recognises lines of an image, each in one language alone: with several a line is now and then read in a wrong one. */
  recogniseLines(
    image: ImageToRecognise,
    { boxes, slope }: { readonly boxes: readonly RecognisedBox[]; readonly slope: number },
    language: string,
  ): Word[][] {
    const api = this.#apisOfOne.get(language) ?? createApi(this.#core, [language])
    this.#apisOfOne.set(language, api)
    this.#open(api, image, 'line', slope)
    const made = boxes.map(({ x, y, width, height }) => {
      const [left, top] = [Math.max(0, x - LINE_MARGIN), Math.max(0, y - LINE_MARGIN)]
      api.SetRectangle(left, top, width + 2 * LINE_MARGIN, height + 2 * LINE_MARGIN)
      return [...recogniseRectangle(api).words]
    })
    api.Clear()
    this.#core.FS.writeFile(INPUT, new Uint8Array())
    return made
  }

  #open(api: TessApi, { image, orientation }: ImageToRecognise, division: Division, slope = 0): void {
    api.SetVariable('tessedit_pageseg_mode', DIVISIONS[division])
    this.#core.FS.writeFile(INPUT, toPnm(image))
    if (api.SetImageFile(orientation, slope) !== 0) throw undecodable()
  }
}

/** What is read of the part that is set, or of the whole image that is open. */
function recogniseRectangle(api: TessApi): Omit<RecognisedImage, 'slope'> {
  api.Recognize(null)
  return readTable(api.GetTSVText(0))
}

function undecodable(): TaskError {
  return new TaskError('input_rejected', 'The picture is damaged and cannot be decoded.')
}

/** Levels of the rows of Tesseract's table. */
const LINE = '4'
const WORD = '5'

/**
 * Reads the table: level, page, block, paragraph, line, word, left, top, width, height, confidence, text. Lines without
 * words, such as rules, are left out.
 */
function readTable(table: string): Omit<RecognisedImage, 'slope'> {
  const lines: RecognisedBox[] = []
  const words: Word[] = []
  let next: RecognisedBox | null = null
  for (const row of table.split('\n')) {
    const cells = row.split('\t')
    const [x = 0, y = 0, width = 0, height = 0] = cells.slice(6, 10).map(Number)
    if (cells[0] === LINE) next = { x, y, width, height }
    const text = cells.slice(11).join(' ').trim()
    if (cells[0] !== WORD || text === '') continue
    if (next !== null) lines.push(next)
    next = null
    words.push({ text, confidence: Number(cells[10]), line: lines.length - 1, x, width })
  }
  return { lines, words }
}
