import { expect, test } from 'vitest'
import { ODP, ODS, ODT } from '../../src/analysis/parse/media-types.ts'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { startServer } from '../support/server.ts'
import { zipOf, type ZipEntry } from '../support/zip.ts'

const read = (mediaType: string, content: Uint8Array | string) => {
  const bytes = new Uint8Array(Buffer.from(content as string))
  return readDocument({ bytes, mediaType, charset: null }, () => undefined)
}
const lines = async (mediaType: string, content: Uint8Array | string) => {
  const { sections } = await read(mediaType, content)
  return sections.map(({ heading, paragraphs }) => [
    heading,
    ...paragraphs.map(({ kind, text }) => `${kind}: ${text}`),
  ])
}
const document = (body: string) =>
  `<office:document-content><office:body>${body}</office:body></office:document-content>`
const archive = (body: string, more: readonly ZipEntry[] = []) =>
  zipOf([{ name: 'content.xml', data: document(body) }, ...more])
const flat = (mediaType: string, body: string) => `<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:version="1.3" office:mimetype="${mediaType}">
<office:meta><dc:title>On mills</dc:title><dc:creator>Ada Weir</dc:creator></office:meta>
<office:master-styles><style:master-page><style:header><text:p>The Mill Society</text:p></style:header></style:master-page></office:master-styles>
<office:body>${body}</office:body></office:document>`

const cell = (inner: string) =>
  `<table:table-row><table:table-cell office:value-type="string">${inner}</table:table-cell></table:table-row>`
const PICTURE =
  '<draw:frame><draw:image><office:binary-data>aGVsbG8gaGVsbG8=</office:binary-data></draw:image></draw:frame>'
const FLAT: readonly (readonly [string, string, string])[] = [
  ['text', ODT, `<office:text><text:p>${PICTURE}The gate holds the water back.</text:p></office:text>`],
  [
    'spreadsheet',
    ODS,
    `<office:spreadsheet><table:table table:name="Gates">${cell('<text:p>The gate holds the water back.</text:p>')}</table:table></office:spreadsheet>`,
  ],
  [
    'presentation',
    ODP,
    '<office:presentation><draw:page><draw:frame><draw:text-box><text:p>The gate holds the water back.</text:p></draw:text-box></draw:frame></draw:page></office:presentation>',
  ],
]

test('flat documents go through a real server and its real child', async () => {
  const { upload, ended } = await startServer()
  for (const [, type, body] of FLAT) {
    const { body: reply } = await upload('/analyze-document', flat(type, body))
    const { result } = await ended(reply['task_id'] as string)
    expect(result['title'], type).toBe('On mills')
    expect(result['provenance']).toMatchObject({ author: 'Ada Weir', media_type: `${type}-flat-xml` })
    expect(result['markdown']).toContain('The gate holds the water back.')
  }
})

test('a flat text has its headers, and not the pictures in it', async () => {
  const [, type, body] = FLAT[0] ?? ['', '', '']
  expect(await lines(`${type}-flat-xml`, flat(type, body))).toEqual([
    [null, 'prose: The gate holds the water back.', 'aside: The Mill Society'],
  ])
})

test('a page of a drawing is read as a slide is', async () => {
  const shape = '<draw:custom-shape><text:p>Gate</text:p></draw:custom-shape>'
  const drawing = archive(`<office:drawing><draw:page><draw:g>${shape}</draw:g></draw:page></office:drawing>`)
  expect(await lines('application/vnd.oasis.opendocument.graphics', drawing)).toEqual([['1', 'item: Gate']])
})

test('shapes of a spreadsheet are read behind its cells, and the objects in it are not', async () => {
  const box = (text: string) =>
    `<draw:frame><svg:title>a title</svg:title><draw:text-box>${text}</draw:text-box></draw:frame>`
  const chart = `<draw:frame><draw:object><office:document><table:table table:name="local"><table:table-row><table:table-cell><text:p>copy</text:p></table:table-cell></table:table-row></table:table></office:document></draw:object></draw:frame>`
  const shapes = `<table:shapes>${chart}<draw:custom-shape><text:p>Spill<text:s/>way</text:p></draw:custom-shape></table:shapes>`
  const row = cell(
    `<text:p>North</text:p>${box('<text:p>The north gate was painted by the pupils of the school.</text:p>')}`,
  )
  const file = archive(
    `<office:spreadsheet><table:table table:name="Gates">${shapes}${cell('<text:p>Gate</text:p>')}${row}</table:table></office:spreadsheet>`,
  )
  expect(await lines(ODS, file)).toEqual([
    [
      'Gates',
      'fact: 2 rows, 1 column.',
      'fact: Gate: 1 text.',
      'table: Gate\nNorth',
      'aside: Spill way',
      'prose: The north gate was painted by the pupils of the school.',
    ],
  ])
})

const object = (folder: string, inner: string): ZipEntry => ({
  name: `${folder}/content.xml`,
  data: `<?xml version="1.0"?>\n<!DOCTYPE math PUBLIC "-//W3C">${inner}`,
})
const frame = (href: string) =>
  `<draw:frame><draw:object xlink:type="simple" xlink:href="${href}" xlink:show="embed"/><draw:image/></draw:frame>`
const FORMULA = object(
  'Object 1',
  `<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac><mo>=</mo><msqrt><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup></msqrt></mrow><annotation>{a + b} over 2</annotation></semantics></math>`,
)
const row = (...cells: readonly string[]) =>
  `<table:table-row>${cells.map((text) => `<table:table-cell><text:p>${text}</text:p></table:table-cell>`).join('')}</table:table-row>`
const CHART = object(
  'Object 2',
  `<office:document-content><office:body><office:chart><chart:chart><chart:title><text:p>Water by gate</text:p></chart:title><chart:plot-area/><table:table table:name="local-table">${row('', 'Litres')}${row('North', '7')}</table:table></chart:chart></office:chart></office:body></office:document-content>`,
)

test('formulas of a text are read in their place, charts behind their paragraph', async () => {
  const file = archive(
    `<office:text><text:p>The mean is ${frame('./Object 1')} here.</text:p><text:p>As drawn: ${frame('Object 2/')}</text:p><text:p>Lost: ${frame('./Object 3')}</text:p></office:text>`,
    [FORMULA, CHART],
  )
  expect(await lines(ODT, file)).toEqual([
    [
      null,
      'prose: The mean is (a+b)/2=√(x_1^2) here.',
      'prose: As drawn:',
      'caption: Water by gate',
      'table:  | Litres\nNorth | 7',
      'prose: Lost:',
    ],
  ])
})

test('formulas and charts of slides are read with their slide', async () => {
  const page = `<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>The\n  gates</text:p></draw:text-box></draw:frame>${frame('./Object 1')}${frame('./Object 2')}</draw:page>`
  const file = archive(`<office:presentation>${page}</office:presentation>`, [FORMULA, CHART])
  expect(await lines(ODP, file)).toEqual([
    ['The gates', 'item: (a+b)/2=√(x_1^2)', 'caption: Water by gate', 'table:  | Litres\nNorth | 7'],
  ])
})

test('an object that a text has a thousand times is read once', async () => {
  const many = `<text:p>${frame('./Object 2')}</text:p>`.repeat(1000)
  const found = await lines(ODT, archive(`<office:text>${many}</office:text>`, [CHART]))
  expect(found.flat().filter((line) => line?.startsWith('table:') === true)).toHaveLength(1)
})
