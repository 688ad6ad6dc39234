import { expect, test } from 'vitest'
import { PPTX } from '../../src/analysis/parse/media-types.ts'
import { readMetafile } from '../../src/analysis/parse/metafile.ts'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { readDocx } from '../../src/analysis/parse/office/docx.ts'
import { docxOf, zipOf } from '../support/zip.ts'

const LATIN = 0
const SYMBOL = 2
const RUSSIAN = 204
const CHAR_WIDTH = 10

interface Drawn {
  readonly text: string
  readonly x?: number
  readonly y?: number
  readonly charset?: number
}

/** A record of an enhanced metafile: its type, its length, its content (MS-EMF, 2.3). */
const record = (type: number, content: Buffer) => {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(type, 0)
  head.writeUInt32LE(8 + content.length, 4)
  return Buffer.concat([head, content])
}

function emfOf(texts: readonly Drawn[]): Buffer {
  const header = Buffer.alloc(80)
  header.write(' EMF', 32, 'latin1')
  const drawn = texts.flatMap(({ text, x = 0, y = 0, charset = LATIN }) => {
    const font = Buffer.alloc(96)
    font.writeUInt32LE(1, 0)
    font.writeUInt8(charset, 27)
    const select = Buffer.from([1, 0, 0, 0])
    const chars = Buffer.from(text, 'utf16le')
    const content = Buffer.alloc(68 + chars.length + 4 * text.length)
    content.writeInt32LE(x, 28)
    content.writeInt32LE(y, 32)
    content.writeUInt32LE(text.length, 36)
    content.writeUInt32LE(76, 40)
    content.writeUInt32LE(76 + chars.length, 64)
    chars.copy(content, 68)
    for (let at = 0; at < text.length; at += 1) content.writeUInt32LE(CHAR_WIDTH, 68 + chars.length + 4 * at)
    return [record(82, font), record(37, select), record(84, content)]
  })
  return Buffer.concat([record(1, header), ...drawn, record(14, Buffer.alloc(12))])
}

/** An old metafile, in 16-bit words (MS-WMF, 2.3). */
function wmfOf(texts: readonly Drawn[], encode: (text: string) => Buffer): Buffer {
  const words = (kind: number, content: Buffer) => {
    const head = Buffer.alloc(6)
    head.writeUInt32LE(3 + content.length / 2, 0)
    head.writeUInt16LE(kind, 4)
    return Buffer.concat([head, content])
  }
  const drawn = texts.flatMap(({ text, x = 0, y = 0, charset = LATIN }) => {
    const font = Buffer.alloc(18)
    font.writeUInt8(charset, 13)
    const content = Buffer.alloc(8 + text.length + (text.length % 2))
    content.writeInt16LE(y, 0)
    content.writeInt16LE(x, 2)
    content.writeInt16LE(text.length, 4)
    encode(text).copy(content, 8)
    return [words(0x02fb, font), words(0x0a32, content)]
  })
  return Buffer.concat([Buffer.alloc(18), ...drawn, words(0, Buffer.alloc(0))])
}

test('an enhanced metafile is read line by line, with words that are drawn in pieces, without signs', () => {
  const picture = emfOf([
    { text: 'n', charset: SYMBOL },
    { text: 'Rain', x: 0, y: 10 },
    { text: 'fall', x: 40, y: 10 },
    { text: '812', x: 200, y: 10 },
    { text: 'Ужгород', x: 0, y: 30 },
  ])
  expect(readMetafile(picture)).toEqual(['Rainfall 812', 'Ужгород'])
})

test('an old metafile is read in the character sets of its fonts', () => {
  const picture = wmfOf(
    [
      { text: 'n', charset: SYMBOL },
      { text: '\u0414\u043e\u0436\u0434\u044c', y: 5, charset: RUSSIAN },
    ],
    (text) =>
      Buffer.from(
        text.replace(/[А-я]/g, (char) => String.fromCharCode(char.charCodeAt(0) - 0x350)),
        'latin1',
      ),
  )
  expect(readMetafile(picture)).toEqual(['Дождь'])
})

test('a metafile that is cut anywhere, or is none, gives what is whole', () => {
  const picture = emfOf([{ text: 'Rain' }, { text: 'Loss', y: 10 }])
  for (let length = 0; length < picture.length; length += 1) {
    const lines = readMetafile(picture.subarray(0, length))
    expect(['Rain', 'Loss'].slice(0, lines.length)).toEqual(lines)
  }
  expect(readMetafile(Buffer.alloc(5000, 0xff))).toEqual([])
})

test('the table of a workbook that is embedded in a slide is read from its picture, once', async () => {
  const relations = (...targets: readonly string[]) =>
    `<Relationships>${targets.map((target, at) => `<Relationship Id="r${at + 1}" Target="${target}"/>`).join('')}</Relationships>`
  const slide = '<p:sld><p:sp><p:txBody><a:p><a:r><a:t>A line.</a:t></a:r></a:p></p:txBody></p:sp></p:sld>'
  const deck = zipOf([
    {
      name: 'ppt/presentation.xml',
      data: '<p:presentation><p:sldIdLst><p:sldId r:id="r1"/><p:sldId r:id="r2"/></p:sldIdLst></p:presentation>',
    },
    { name: 'ppt/_rels/presentation.xml.rels', data: relations('slides/a.xml', 'slides/b.xml') },
    { name: 'ppt/slides/a.xml', data: slide },
    {
      name: 'ppt/slides/_rels/a.xml.rels',
      data: relations('../drawings/vmlDrawing1.vml', '../media/image2.wmf'),
    },
    { name: 'ppt/slides/b.xml', data: slide },
    { name: 'ppt/slides/_rels/b.xml.rels', data: relations('../media/image1.emf') },
    { name: 'ppt/drawings/_rels/vmlDrawing1.vml.rels', data: relations('../media/image1.emf') },
    { name: 'ppt/media/image1.emf', data: emfOf([{ text: 'Rain' }, { text: '812', x: 100 }]) },
    { name: 'ppt/media/image2.wmf', data: wmfOf([{ text: 'x' }], (text) => Buffer.from(text)) },
  ])
  const { sections } = await readDocument(
    { bytes: new Uint8Array(deck), mediaType: PPTX, charset: null },
    () => undefined,
  )
  const texts = sections.map(({ paragraphs }) => paragraphs.map(({ kind, text }) => `${kind}: ${text}`))
  expect(texts).toEqual([['item: A line.', 'table: Rain 812'], ['item: A line.']])
})

test('an embedded table of a Word document is read from its picture, a formula and an icon are not', async () => {
  const object = (picture: string, program: string, aspect: string) =>
    `<w:object><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:imagedata xmlns:r="r" r:id="${picture}"/></v:shape><o:OLEObject xmlns:o="o" ProgID="${program}" DrawAspect="${aspect}"/></w:object>`
  const objects = [
    object('media/image1.emf', 'Excel.Sheet.12', 'Content'),
    object('media/image2.emf', 'Equation.DSMT4', 'Content'),
    object('media/image3.emf', 'Word.Document.12', 'Icon'),
  ]
  const pictures = ['Rain', 'sin', 'Report.docx'].map((text, at) => ({
    name: `word/media/image${at + 1}.emf`,
    data: emfOf([{ text }, { text: '812', x: 200 }]),
  }))
  const text = `Water </w:t></w:r><w:r>${objects.join('')}</w:r><w:r><w:t>of a year.`
  const file = docxOf([text], pictures)
  const { sections } = await readDocx(file)
  const paragraphs = sections.flatMap((section) => section.paragraphs)
  expect(paragraphs.map(({ kind, text: line }) => `${kind}: ${line}`)).toEqual([
    'prose: Water of a year.',
    'table: Rain 812',
  ])
})
