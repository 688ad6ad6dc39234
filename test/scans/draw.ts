import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { GrayImage } from '../../src/analysis/parse/pdf/pdfium.ts'
import type { ScanLanguage } from './texts.ts'

const run = promisify(execFile)
const TIMEOUT_MS = 120_000
/** Type of books and of forms, with its size in points; each page has another one. */
const FONTS: Readonly<Record<ScanLanguage, readonly (readonly [name: string, points: number])[]>> = {
  English: [
    ['Nimbus Roman', 11],
    ['Nimbus Sans', 10],
  ],
  Chinese: [
    ['Noto Serif CJK SC', 10.5],
    ['Noto Sans CJK SC', 10.5],
  ],
}

export interface PageLayout {
  readonly columns?: number
  /** Of the usual size of the type. */
  readonly share?: number
}

interface DrawRequest extends PageLayout {
  readonly language: ScanLanguage
  readonly dpi: number
}

/** Draws pages of paragraphs on A4 by Chromium and poppler, as a scanner of `dpi` would give them. */
export async function drawPages(
  pages: readonly (readonly string[])[],
  { language, dpi, ...layout }: DrawRequest,
): Promise<GrayImage[]> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-scans-'))
  try {
    const [html, pdf] = [join(folder, 'pages.html'), join(folder, 'pages.pdf')]
    await writeFile(html, toHtml(pages, language, layout))
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-pdf-header-footer']
    const profile = `--user-data-dir=${join(folder, 'profile')}`
    await run('chromium', [...flags, profile, `--print-to-pdf=${pdf}`, html], { timeout: TIMEOUT_MS })
    await run('pdftoppm', ['-gray', '-r', String(dpi), pdf, join(folder, 'page')], { timeout: TIMEOUT_MS })
    const names = (await readdir(folder)).filter((name) => name.endsWith('.pgm')).sort()
    if (names.length !== pages.length)
      throw new Error(`${pages.length} pages were drawn on ${names.length} sheets`)
    return await Promise.all(names.map(async (name) => parsePgm(await readFile(join(folder, name)))))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function toHtml(
  pages: readonly (readonly string[])[],
  language: ScanLanguage,
  { columns = 1, share = 1 }: PageLayout,
): string {
  const fonts = FONTS[language]
  const body = pages.map((paragraphs, index) => {
    const [name, points] = fonts[index % fonts.length] ?? ['serif', 11]
    const lines = paragraphs.map((text) => `<p>${text}</p>`).join('')
    return `<section style='font: ${points * share}pt "${name}"; line-height: 1.4; columns: ${columns}; column-gap: 6mm'>${lines}</section>`
  })
  const style =
    '@page { size: A4; margin: 22mm } section { break-after: page; text-align: justify } section:last-child { break-after: auto }'
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>${body.join('')}`
}

/** `P5`, width, height, the largest value, and the points. */
function parsePgm(bytes: Buffer): GrayImage {
  const header = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 64))
  if (header === null) throw new Error('pdftoppm made no picture in grey')
  const [whole, width, height] = header
  return { width: Number(width), height: Number(height), data: bytes.subarray(whole.length) }
}
