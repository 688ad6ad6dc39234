import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { denoise } from '../../../src/analysis/recognition/denoise.ts'
import { hasColumns, hasGutter } from '../../../src/analysis/recognition/page-shape.ts'
import { recognisePage } from '../../../src/analysis/recognition/recognise-page.ts'
import { loadTesseract, type RecognisedBox } from '../../../src/analysis/recognition/tesseract.ts'
import { readDocument } from '../../../src/analysis/parse/parse.ts'
import { accuracyOf } from '../../scans/accuracy.ts'
import { pageText } from '../../scans/texts.ts'
import { drawnPdf, samplePdf } from '../../support/pdf.ts'
import { drawPage, faxOf, scannedPdf, worn } from '../../support/scan.ts'

/** The short form of `npm run test:scans`: one page, in process. */

const LINE_CHARS = 80
const lines = pageText('English', 1).flatMap((text) =>
  [...text.matchAll(new RegExp(`\\S.{0,${LINE_CHARS}}(?=\\s|$)`, 'g'))].map(([line]) => line),
)
const plain = samplePdf(lines.map((line) => line.replace(/[“”]/g, '"')))
const expected = lines.join(' ').replace(/[“”]/g, '"')
const ALL = { page: 1, reason: 'empty', languages: ['eng', 'chi_sim'] } as const

async function accuracy(dpi: number, wear: Parameters<typeof worn>[1]): Promise<number> {
  const scan = scannedPdf([worn(await drawPage(plain, dpi), wear)])
  const page = await recognisePage(scan, 'application/pdf', ALL)
  return accuracyOf(page.lines.map(({ text }) => text).join(' '), expected, 'English')
}

test('a scan of 150 dpi with a slope and much noise is read', async () => {
  expect(await accuracy(150, { degrees: 2, noise: 70, specks: 0.004 })).toBeGreaterThan(0.95)
})

/** Made by Ghostscript (tiffg4, 200 dpi, Helvetica of 11 points), 5 mm from the edge: 14 lines, twice. */
const readFax = () => readFile(new URL('english-fax.tif', import.meta.url))
const FIRST_WORDS = 'The fires morning gates for that forty trees season. Its and like the the'

test('no line of a fax in fine quality loses its first letter', async () => {
  const { lines: found } = await recognisePage(await readFax(), 'image/tiff', ALL)
  const words = found.map(({ text }) => text.split(' ')[0])
  expect(words).toEqual(`${FIRST_WORDS} ${FIRST_WORDS}`.split(' '))
})

test('a fax in usual quality, whose points are twice as high as wide, is read in its true shape', async () => {
  const tesseract = await loadTesseract(ALL.languages)
  const half = faxOf(tesseract.decode(await readFax()), 2)
  const { lines: found } = await recognisePage(half, 'image/tiff', ALL)
  const words = found.map(({ text }) => text.split(' ')[0])
  expect(words).toEqual(`${FIRST_WORDS} ${FIRST_WORDS}`.split(' '))
  // The line has 87 characters.
  const [line] = found
  const shape = (line?.width ?? 0) / (line?.height ?? 1)
  expect(shape).toBeGreaterThan(28)
  expect(shape).toBeLessThan(50)
})

test('Chinese is read from a page as fax machines send it', async () => {
  const fax = await readFile(new URL('chinese-fax.tif', import.meta.url))
  const { lines: found } = await recognisePage(fax, 'image/tiff', ALL)
  const lines = [
    '山谷里的旧水库建于一九三二年',
    '夏天的水位每天下降两厘米',
    '居民从七月起不能在那里游泳',
    '图书馆每周六上午开放到十二点',
  ]
  const text = found.map((line) => line.text.replace(/\P{Script=Han}/gu, '')).join('')
  expect(accuracyOf(text, lines.join(''), 'Chinese')).toBeGreaterThan(0.9)
})

test('noise is removed, and a picture without noise stays as it is', () => {
  const side = 200
  const isBar = (at: number) => at % side > 90 && at % side < 110
  const clean = {
    width: side,
    height: side,
    data: Uint8Array.from({ length: side * side }, (_, at) => (isBar(at) ? 40 : 200)),
  }
  const same = { ...clean, data: Uint8Array.from(clean.data) }
  denoise(same)
  expect(Buffer.compare(same.data, clean.data)).toBe(0)
  const noisy = worn(clean, { noise: 50 })
  const distance = () =>
    noisy.data.reduce((sum, point, at) => sum + Math.abs(point - (clean.data[at] ?? 0)), 0) /
    clean.data.length
  const before = distance()
  denoise(noisy)
  expect(distance()).toBeLessThan(before * 0.6)
})

const box = (x: number, y: number, width: number): RecognisedBox => ({ x, y, width, height: 20 })
const wordsOf = (parts: readonly (readonly [x: number, width: number])[], line: number) =>
  parts.map(([x, width]) => ({ text: 'word', confidence: 90, line, x, width }))

test('lines beside each other are columns, and a gap through all lines is between columns', () => {
  const rows = [0, 30, 60, 90, 120]
  const across = rows.map((y) => box(0, y, 900))
  expect(hasColumns(across)).toBe(false)
  expect(hasColumns(rows.flatMap((y) => [box(0, y, 400), box(450, y, 400)]))).toBe(true)
  const whole = rows.flatMap((_, line) =>
    wordsOf(
      [
        [0, 390 + line * 60],
        [420 + line * 60, 300],
      ],
      line,
    ),
  )
  expect(hasGutter({ lines: across, words: whole, slope: 0 })).toBe(false)
  const divided = rows.flatMap((_, line) =>
    wordsOf(
      [
        [0, 400],
        [450, 400],
      ],
      line,
    ),
  )
  expect(hasGutter({ lines: across, words: divided, slope: 0 })).toBe(true)
  const offset = rows.flatMap((y) => [box(0, y, 400), box(450, y + 15, 400)])
  expect(hasGutter({ lines: offset, words: [], slope: 0 })).toBe(true)
})

/** JPEG 2000 of two tiles whose list of lengths (TLM) does not fit its parts: the decoder of PDFium aborts. */
const ABORTING =
  'ff4fff510029000000000080000000400000000000000000000000400000004000000000000000000001070101ff52000c00000001000004040001' +
  'ff5c00044040ff55000c00400000000100000001ff90000a00000000000f0000ff9300ff90000a00000000000e0100ff93ff90000a00000000000e' +
  '0200ff93ff90000a00010000000f0001ff9300ffd9'
const stampedPdf = (content: string) => {
  const stream = (dictionary: string, data: string) =>
    `<< ${dictionary} /Length ${data.length} >>\nstream\n${data}\nendstream`
  const image = `/Type /XObject /Subtype /Image /Width 128 /Height 64 /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter [/ASCIIHexDecode /JPXDecode]`
  const form = `/Type /XObject /Subtype /Form /BBox [0 0 100 100] /Resources << /XObject << /I 11 0 R >> >>`
  return drawnPdf({
    content,
    objects: [stream(form, '100 0 0 100 0 0 cm /I Do'), stream(image, `${ABORTING}>`)],
    annotations: ['<< /Type /Annot /Subtype /Stamp /Rect [50 50 150 150] /F 4 /AP << /N 10 0 R >> >>'],
  })
}

test.each([
  ['ends with its name', '', 'input_rejected'],
  ['is said where there is other text', 'BT /F1 11 Tf 60 700 Td (A gate.) Tj ET', null],
])('a page that makes PDFium fail while it is drawn %s', async (_what, content, errorType) => {
  const bytes = stampedPdf(content)
  const broken = await recognisePage(bytes, 'application/pdf', ALL)
  expect(broken).toEqual({ page: 1, confidence: null, lines: [], isBroken: true })
  const recognition = { isForced: false, pages: [broken] }
  const reading = readDocument(
    { bytes, mediaType: 'application/pdf', charset: null, recognition },
    () => undefined,
  )
  if (errorType !== null)
    await expect(reading).rejects.toMatchObject({
      errorType,
      message: expect.stringContaining('cannot be drawn') as unknown,
    })
  else expect((await reading).warnings).toEqual(['The pictures of page 1 cannot be drawn.'])
  // The next page is drawn by a new instance.
  const next = await recognisePage(samplePdf([' ']), 'application/pdf', ALL)
  expect(next.isBroken).toBe(undefined)
})
