import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { denoise } from '../../../src/analysis/recognition/denoise.ts'
import { hasColumns, hasGutter } from '../../../src/analysis/recognition/page-shape.ts'
import { recognisePage } from '../../../src/analysis/recognition/recognise-page.ts'
import type { RecognisedBox } from '../../../src/analysis/recognition/tesseract.ts'
import { accuracyOf } from '../../scans/accuracy.ts'
import { pageText } from '../../scans/texts.ts'
import { samplePdf } from '../../support/pdf.ts'
import { drawPage, scannedPdf, worn } from '../../support/scan.ts'

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
