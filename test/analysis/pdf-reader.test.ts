import { expect, onTestFinished, test, vi } from 'vitest'
import { getLibrary } from '../../src/analysis/parse/pdf/library.ts'
import { PdfiumDocument } from '../../src/analysis/parse/pdf/pdfium.ts'
import { readPdf } from '../../src/analysis/parse/pdf/pdf.ts'
import { chinesePdf, drawnPdf, protectedPdf, samplePdf } from '../support/pdf.ts'

/** What is read from real files, each with one thing in it. */

async function read(bytes: Uint8Array) {
  const { sections, warnings } = await readPdf(bytes, () => undefined)
  const text = sections.flatMap(({ heading, paragraphs }) => [
    heading ?? '',
    ...paragraphs.map((each) => each.text),
  ])
  return { text: text.join(' ').trim(), warnings }
}

test('a word that is divided at the end of a line is put together', async () => {
  const { text } = await read(samplePdf(['The text speaks of special-', 'ization and more.']))
  expect(text).toBe('The text speaks of specialization and more.')
})

test('pieces of a word and words that are set apart make words', async () => {
  const content = 'BT /F1 12 Tf 60 700 Td [(Sepa) 20 (rate) -400 (words)] TJ (, and mo) Tj (re) Tj ET'
  expect((await read(drawnPdf({ content }))).text).toBe('Separate words, and more')
})

test('the mark of a footnote stands apart from its text, an exponent does not', async () => {
  const note = 'BT /F1 6 Tf 60 103 Td (7) Tj /F1 9 Tf 3.4 -3 Td (CTAN has it.) Tj ET'
  const power = 'BT /F1 12 Tf 60 700 Td (An area of 5 m) Tj /F1 8 Tf 78 5 Td (2) Tj ET'
  expect((await read(drawnPdf({ content: `${power} ${note}` }))).text).toBe('An area of 5 m2 7 CTAN has it.')
})

test('text that is turned is read as lines', async () => {
  const content =
    'BT /F1 12 Tf 0 1 -1 0 100 200 Tm (Turned text) Tj ( of two pieces) Tj 0 1 -1 0 115 200 Tm (on two lines.) Tj ET'
  expect((await read(drawnPdf({ content }))).text).toBe('Turned text of two pieces on two lines.')
})

test('text on its head and sloping text are read as lines', async () => {
  const content =
    'BT /F1 12 Tf -1 0 0 -1 400 500 Tm (Upside down.) Tj 0.97 0.26 -0.26 0.97 60 100 Tm (A sloping) Tj ( line.) Tj ET'
  expect((await read(drawnPdf({ content }))).text).toBe('Upside down. A sloping line.')
})

test('Hebrew is read from right to left', async () => {
  // As it is drawn: from left to right, the last letter first.
  const content = 'BT /F1 12 Tf 60 700 Td (fed cba) Tj ET'
  expect((await read(drawnPdf({ content, lettersFrom: '05D0' }))).text).toBe('אבג דהו')
})

test('Chinese that is set apart has no spaces', async () => {
  const { text } = await read(chinesePdf('d6d0cec4b1a8b8e6b5c4c4dac8ddd4dad5e2c0ef', 5))
  expect(text).toBe('中文报告的内容在这里')
})

test('words of letters that are as wide as Chinese have their spaces', async () => {
  const content = 'BT /F1 12 Tf 60 700 Td [(abc) -500 (def)] TJ ET'
  expect((await read(drawnPdf({ content, lettersFrom: 'FF41' }))).text).toBe('ａｂｃ ｄｅｆ')
})

test('text that is drawn twice to be bold is read once', async () => {
  const bold = (x: number) => `BT /F1 12 Tf ${x} 700 Td (Strong words) Tj ET`
  expect((await read(drawnPdf({ content: `${bold(60)} ${bold(60.3)}` }))).text).toBe('Strong words')
})

test('text that is not visible is read, as scanners put it behind a picture', async () => {
  const content = 'BT 3 Tr /F1 12 Tf 60 700 Td (Recognised by a scanner) Tj ET'
  expect((await read(drawnPdf({ content }))).text).toBe('Recognised by a scanner')
})

test('a replacement text is read in place of what is drawn, and what follows it on its line too', async () => {
  const content =
    'BT /F1 12 Tf 60 700 Td /Span << /ActualText (office) >> BDC (o\\017ce) Tj EMC ( hours) Tj ET'
  expect((await read(drawnPdf({ content }))).text).toBe('office hours')
})

const LABELS = 'BT /F1 11 Tf 60 700 Td (Country:) Tj 0 -30 Td (Agreed:) Tj 0 -30 Td (Name:) Tj ET'
const rect = (row: number) => `/Rect [160 ${696 - row * 30} 400 ${712 - row * 30}]`

test('chosen options, inherited values and boxes of text are read; states of boxes and hidden fields are not', async () => {
  const { text } = await read(
    drawnPdf({
      content: LABELS,
      annotations: [
        `<< /Type /Annot /Subtype /Widget /FT /Ch /Ff 131072 /T (c) /Opt [[(es) (Spain)] [(pt) (Portugal)]] /V (pt) ${rect(0)} >>`,
        `<< /Type /Annot /Subtype /Widget /FT /Btn /T (a) /V /Yes /AS /Yes ${rect(1)} >>`,
        `<< /Type /Annot /Subtype /Widget /Parent 10 0 R ${rect(2)} >>`,
        `<< /Type /Annot /Subtype /Widget /FT /Tx /T (h) /V (secret) /F 2 /Rect [160 500 400 516] >>`,
        `<< /Type /Annot /Subtype /FreeText /Contents (A note in the margin) /Rect [60 400 300 416] >>`,
      ],
      objects: ['<< /FT /Tx /T (n) /V (Garzas) /Kids [13 0 R] >>'],
    }),
  )
  expect(text).toBe('Country: Portugal Agreed: Name: Garzas A note in the margin')
})

test('what a signature and a stamp show is read', async () => {
  const shown = (words: string) => {
    const drawing = `BT /F1 10 Tf 2 4 Td (${words}) Tj ET`
    return `<< /Type /XObject /Subtype /Form /BBox [0 0 240 16] /Resources << /Font << /F1 5 0 R >> >> /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`
  }
  const { text } = await read(
    drawnPdf({
      content: 'BT /F1 10 Tf 60 700 Td (Signature:) Tj ET',
      annotations: [
        '<< /Type /Annot /Subtype /Widget /FT /Sig /T (s) /Rect [160 600 400 616] /AP << /N 10 0 R >> >>',
        '<< /Type /Annot /Subtype /Stamp /Rect [160 500 400 516] /AP << /N 11 0 R >> >>',
      ],
      objects: [shown('Signed by Paul Frey'), shown('Approved in May')],
    }),
  )
  expect(text).toBe('Signature: Signed by Paul Frey Approved in May')
})

test('a file with a password ends as encrypted_input', async () => {
  await expect(read(protectedPdf())).rejects.toMatchObject({ errorType: 'encrypted_input' })
})

test('a file without pages ends as input_rejected', async () => {
  await expect(read(samplePdf([]))).rejects.toMatchObject({ errorType: 'input_rejected' })
})

test('a page that the file lacks has a warning, and the others are read', async () => {
  const { text, warnings } = await read(samplePdf(['First.', 'Second.', 'Third.'], 1, 2))
  expect(text).toBe('First. Third.')
  expect(warnings).toContain('Page 2 could not be read.')
})

test('after a page that makes PDFium fail the others are read by a new instance', async () => {
  const before = await getLibrary()
  const readPage: PdfiumDocument['readPage'] = Reflect.get(PdfiumDocument.prototype, 'readPage')
  const spy = vi.spyOn(PdfiumDocument.prototype, 'readPage').mockImplementation(function (
    this: PdfiumDocument,
    page,
  ) {
    // A pointer outside of its memory.
    if (page === 2) before.wasmExports.FPDFText_CountChars(0x7ffffff0)
    return readPage.call(this, page)
  })
  onTestFinished(() => spy.mockRestore())
  const { text, warnings } = await read(samplePdf(['First.', 'Second.', 'Third.'], 1))
  expect(text).toBe('First. Third.')
  expect(warnings).toContain('Page 2 could not be read.')
  expect(await getLibrary()).not.toBe(before)
})

test('memory is given back: a file that is read many times takes no more of it', async () => {
  const lines = Array.from({ length: 400 }, (_, index) => `Line ${index} of a text that fills some pages.`)
  const bytes = samplePdf(lines)
  await read(bytes)
  const { HEAPU8 } = await getLibrary()
  for (let time = 0; time < 60; time += 1) await read(bytes)
  expect((await getLibrary()).HEAPU8.length).toBe(HEAPU8.length)
})

test('pages that a file claims and does not have are given up after a hundred', async () => {
  const pdf = Buffer.from(samplePdf(['The only page of many.'])).toString('latin1')
  expect(pdf).toMatch(/\/Count 1\b/)
  const { text, warnings } = await read(Buffer.from(pdf.replace(/\/Count 1\b/, '/Count 1000000'), 'latin1'))
  expect(text).toBe('The only page of many.')
  expect(warnings).toContain('Pages 102 to 1000000 could not be read.')
})

test('a font that maps a letter to nothing and a letter gives the letter', async () => {
  const file = drawnPdf({
    content: 'BT /F1 12 Tf 60 700 Td (Gates hold abc.) Tj ET',
    lettersFrom: '00000061',
  })
  const { text } = await read(file)
  expect(text).not.toContain('\0')
  expect(text).toContain('a')
})
