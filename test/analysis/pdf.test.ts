import { expect, test } from 'vitest'
import { layOut } from '../../src/analysis/parse/pdf/layout.ts'
import { splitLines, type PdfItem, type PdfLine } from '../../src/analysis/parse/pdf/lines.ts'
import { readPdf } from '../../src/analysis/parse/pdf/pdf.ts'
import { chinesePdf, drawnPdf, formPdf, garbledPdf, samplePdf } from '../support/pdf.ts'

const item = (text: string, x: number, y: number, given: Partial<PdfItem> = {}): PdfItem => ({
  text,
  x,
  y,
  width: text.length * 5,
  size: 10,
  font: 'body',
  ...given,
})
const line = (text: string, y: number, given: Partial<PdfLine> = {}): PdfLine => ({
  text,
  x: 50,
  right: 300,
  y,
  size: 10,
  font: 'body',
  page: 1,
  ...given,
})

test('pieces of one baseline are one line, with spaces where there are gaps', () => {
  const lines = splitLines(
    [item('Hel', 0, 100), item('lo', 15, 100), item('world', 30, 100), item('next', 0, 88)],
    1,
  )
  expect(lines.map(({ text }) => text)).toEqual(['Hello world', 'next'])
})

test('two columns on one baseline stay two lines, and ligatures become letters', () => {
  const lines = splitLines([item('left e\ufb03cient', 50, 100), item('right', 320, 100)], 1)
  expect(lines.map(({ text }) => text)).toEqual(['left efficient', 'right'])
})

test('an accent that is drawn before its letter is put on it', () => {
  expect(splitLines([item('na\u00a8\u0131ve caf\u00b4e', 0, 100)], 1)[0]?.text).toBe('naïve café')
})

test('divided words are joined, also over a column and a page', () => {
  const { sections } = layOut(
    [
      line('The special-', 100),
      line('ization goes', 88),
      line('on in col-', 700, { x: 320 }),
      line('umns.', 700, { page: 2 }),
    ],
    2,
  )
  expect(sections[0]?.paragraphs).toEqual([
    { text: 'The specialization goes on in columns.', page: 1, seconds: null, kind: 'prose' },
  ])
})

test('headings open sections, headers, footers and page numbers are left out', () => {
  const pages = [1, 2, 3, 4].flatMap((page) => [
    line(`Journal of Tests, volume ${page}`, 780, { page }),
    line(`${page}. Chapter of tests`, 700, { page, font: 'bold' }),
    line(`Text of the ${'abcd'[page - 1]} chapter, long enough to set the size of the body.`, 680, { page }),
    line(`${page}`, 30, { page }),
  ])
  const { sections } = layOut(pages, 4)
  expect(
    sections.map(({ heading, paragraphs }) => [heading, paragraphs.length, paragraphs[0]?.page]),
  ).toEqual([
    ['1. Chapter of tests', 1, 1],
    ['2. Chapter of tests', 1, 2],
    ['3. Chapter of tests', 1, 3],
    ['4. Chapter of tests', 1, 4],
  ])
})

const textOf = (lines: readonly PdfLine[], pages: number) =>
  layOut(lines, pages)
    .sections.flatMap(({ heading, paragraphs }) => [heading ?? '', ...paragraphs.map(({ text }) => text)])
    .join(' ')
    .trim()

test('numbers in a table are no page numbers', () => {
  const rows = [
    ['Sydney', '23', '28'],
    ['Melbourne', '15', '13'],
  ]
  const cells = rows.flatMap((row, index) =>
    row.map((cell, column) => line(cell, 700 - index * 14, { x: 50 + column * 100 })),
  )
  expect(textOf([...cells, line('12', 30, { x: 300 })], 1)).toBe('Sydney 23 28 Melbourne 15 13')
})

test('a number beside other text is left out where it goes up with the pages', () => {
  const pages = [1, 2, 3].flatMap((page) => [
    line(`What is written on page ${'abc'[page - 1]}, at some length.`, 400, { page }),
    line(`Part ${'xyz'[page - 1]}`, 30, { page }),
    line(String(page + 6), 30, { page, x: 400 }),
  ])
  expect(textOf(pages, 3)).not.toMatch(/\d/)
})

test.each(['Глава 3', '第3章', 'פרק 3'])('the line %s is text, not the number of a page', (text) => {
  expect(textOf([line('Text of a page with more on it.', 400), line(text, 30)], 1)).toContain(text)
})

test.each(['– 3 –', 'Page 3 of 12', '第 3 页'])('the line %s is the number of a page', (text) => {
  expect(textOf([line('Text of a page with more on it.', 400), line(text, 30)], 1)).not.toContain('3')
})

test('a grave accent at the beginning of a word is a quotation mark', () => {
  expect(splitLines([item("the `if' of a language, voil`a", 0, 100)], 1)[0]?.text).toBe(
    "the `if' of a language, voilà",
  )
})

test('the vowel AM of Thai belongs to the letter before it', () => {
  expect(splitLines([item('\u0e04 \u0e33\u0e41\u0e1b\u0e25', 0, 100)], 1)[0]?.text).toBe('คำแปล')
})

test('the largest lines of the first page are the title', () => {
  const body = Array.from({ length: 10 }, (_, index) =>
    line('Running text of a page with more on it.', 600 - index * 12),
  )
  const { title } = layOut(
    [line('A Title in', 750, { size: 18 }), line('Two Lines', 730, { size: 18 }), ...body],
    1,
  )
  expect(title).toBe('A Title in Two Lines')
})

test('the stamp of an archive is neither the title nor a heading', () => {
  const body = Array.from({ length: 10 }, (_, index) =>
    line('Running text of a page with more on it.', 600 - index * 12),
  )
  const stamp = line('arXiv:2004.04906v3 [cs.CL] 30 Sep 2020', 650, { size: 20 })
  const { title, sections } = layOut([line('Gates for Mills', 750, { size: 18 }), stamp, ...body], 1)
  expect(title).toBe('Gates for Mills')
  expect(sections.map(({ heading }) => heading)).toEqual([null])
})

test('a real file is read page by page', async () => {
  const read: number[] = []
  const document = await readPdf(
    samplePdf(['First page here.', 'Second line.', 'Another page now.'], 2),
    (page) => read.push(page),
  )
  expect([document.pages, read]).toEqual([2, [1, 2]])
  const paragraphs = document.sections.flatMap((section) => section.paragraphs)
  expect(paragraphs.map(({ text, page }) => [text, page])).toEqual([
    ['First page here. Second line.', 1],
    ['Another page now.', 2],
  ])
})

test.each([
  ['a file that is no PDF inside', new Uint8Array(Buffer.from('%PDF-1.4\nnothing')), 'input_rejected'],
  ['empty pages', samplePdf(['', '']), 'no_text'],
  ['pages of nothing but drawings', drawnPdf({ content: '0 0 99 99 re f' }), 'ocr_unavailable'],
])('%s ends with a named failure', async (_name, bytes, errorType) => {
  await expect(readPdf(bytes, () => undefined)).rejects.toMatchObject({ errorType })
})

test('Chinese in a font that the file leaves to its reader is read', async () => {
  // 中文报告的内容在这里, in GBK.
  const hex = 'd6d0cec4b1a8b8e6b5c4c4dac8ddd4dad5e2c0ef'
  const { sections } = await readPdf(chinesePdf(hex), () => undefined)
  expect(sections[0]?.paragraphs[0]?.text).toBe('中文报告的内容在这里')
})

const textIn = async (bytes: Uint8Array<ArrayBuffer>) => {
  const { sections, warnings } = await readPdf(bytes, () => undefined)
  const text = sections.flatMap(({ heading, paragraphs }) => [
    heading ?? '',
    ...paragraphs.map((each) => each.text),
  ])
  return { text: text.join(' ').trim(), warnings }
}

test('what was filled into a form is read behind its label', async () => {
  const { text } = await textIn(formPdf({ Name: 'Garzas', Country: 'Spain', Work: 'UX designer' }))
  expect(text).toMatch(/Name: Garzas.*Country: Spain.*Work: UX designer/)
})

test('a page of a few characters has text', async () => {
  const { text, warnings } = await textIn(samplePdf(['Normal', 'Envelope', 'Landscape'], 1))
  expect(text).toBe('Normal Envelope Landscape')
  expect(warnings).toEqual([])
})

test('a line that repeats is left out only where a page keeps something else', async () => {
  const pages = ['Issue 1', 'Issue 2', 'Issue 3', 'Issue 4']
  expect((await textIn(samplePdf(pages, 1))).text).toBe(pages.join(' '))
  const filled = pages.flatMap((line, index) => [
    line,
    `What page number ${'abcd'[index]} is about, at length.`,
  ])
  const { text } = await textIn(samplePdf(filled, 2))
  expect(text).not.toContain('Issue')
  expect(text).toContain('What page number a is about')
})

test('a word that is divided by a hyphen of its own kind is put together', () => {
  const line = (text: string, y: number): PdfLine => ({
    text,
    x: 60,
    right: 400,
    y,
    size: 11,
    font: 'F1',
    page: 1,
  })
  const { sections } = layOut(
    [line('The interpreter leaves the compi\u2010', 700), line('led trace here.', 686)],
    1,
  )
  expect(sections[0]?.paragraphs[0]?.text).toBe('The interpreter leaves the compiled trace here.')
})

test('a page whose font does not tell its characters has a warning', async () => {
  const { warnings } = await textIn(garbledPdf('A page that is drawn well.'))
  expect(warnings).toEqual([expect.stringMatching(/^The font of page 1 does not tell/)])
})
