import { expect, test } from 'vitest'
import { EPUB, ODT, PPTX, XLSX } from '../../src/analysis/parse/media-types.ts'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { reportRequest } from '../support/report.ts'
import { zipOf, type ZipEntry } from '../support/zip.ts'

const read = (mediaType: string, entries: readonly ZipEntry[]) =>
  readDocument({ bytes: new Uint8Array(zipOf(entries)), mediaType, charset: null }, () => undefined)
const readText = async (mediaType: string, entries: readonly ZipEntry[]) => {
  const { sections } = await read(mediaType, entries)
  return sections.map(({ heading, paragraphs }) => [
    heading,
    ...paragraphs.map(({ kind, text }) => `${kind}: ${text}`),
  ])
}

const RELS = 'http://schemas.openxmlformats.org/package/2006/relationships'
const relations = (...targets: readonly string[]) =>
  `<Relationships xmlns="${RELS}">${targets.map((target, index) => `<Relationship Id="r${index + 1}" Target="${target}"/>`).join('')}</Relationships>`
const shape = (place: string, ...lines: readonly string[]) =>
  `<p:sp><p:nvSpPr><p:nvPr><p:ph type="${place}"/></p:nvPr></p:nvSpPr><p:txBody>${lines.map((line) => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`).join('')}</p:txBody></p:sp>`
const slide = (...shapes: readonly string[]) =>
  `<p:sld><p:cSld><p:spTree>${shapes.join('')}</p:spTree></p:cSld></p:sld>`

const PRESENTATION: ZipEntry[] = [
  {
    name: 'ppt/presentation.xml',
    data: '<p:presentation><p:sldIdLst><p:sldId r:id="r2"/><p:sldId r:id="r1"/></p:sldIdLst></p:presentation>',
  },
  { name: 'ppt/_rels/presentation.xml.rels', data: relations('slides/a.xml', 'slides/b.xml') },
  {
    name: 'ppt/slides/a.xml',
    data: slide(
      shape('title', 'Second'),
      '<p:graphicFrame><a:tbl><a:tr><a:tc><a:p><a:r><a:t>x</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>1</a:t></a:r></a:p></a:tc></a:tr></a:tbl></p:graphicFrame>',
    ),
  },
  {
    name: 'ppt/slides/b.xml',
    data: slide(shape('ctrTitle', 'First'), shape('body', 'A point.', 'Another.'), shape('sldNum', '7')),
  },
  { name: 'ppt/slides/_rels/b.xml.rels', data: relations('../notesSlides/n.xml') },
  {
    name: 'ppt/notesSlides/n.xml',
    data: slide(shape('body', 'What the speaker says.'), shape('sldNum', '7')),
  },
]

test('a presentation is read slide by slide in its own order, with tables and notes', async () => {
  expect(await readText(PPTX, PRESENTATION)).toEqual([
    ['First', 'item: A point.', 'item: Another.', 'prose: What the speaker says.'],
    ['Second', 'table: x | 1'],
  ])
  const { sections, pages } = await read(PPTX, PRESENTATION)
  expect([pages, sections[1]?.paragraphs[0]?.page]).toEqual([2, 2])
})

const content = (body: string): ZipEntry => ({
  name: 'content.xml',
  data: `<office:document-content><office:body><office:text>${body}</office:text></office:body></office:document-content>`,
})

test('an OpenDocument text is read by its headings, its footnotes behind their paragraphs, its comments at its end, without deleted pieces', async () => {
  const body = `<text:tracked-changes><text:p>Deleted.</text:p></text:tracked-changes><text:h text:outline-level="1">Water</text:h>
    <text:p>A<text:s/>mill<text:note><text:note-body><text:p>A note.</text:p></text:note-body></text:note> takes<text:line-break/>water.<office:annotation><text:p>Comment.</text:p></office:annotation></text:p>
    <text:list><text:list-item><text:p>An item</text:p></text:list-item></text:list>
    <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>1</text:p></table:table-cell></table:table-row></table:table>`
  expect(await readText(ODT, [content(body)])).toEqual([
    [
      'Water',
      'prose: A mill takes water.',
      'aside: A note.',
      'item: An item',
      'table: a | 1',
      'aside: Comment.',
    ],
  ])
})

const BOOK: ZipEntry[] = [
  { name: 'mimetype', data: 'application/epub+zip' },
  {
    name: 'META-INF/container.xml',
    data: '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
  },
  {
    name: 'OPS/book.opf',
    data: '<package><metadata><dc:title>The mill</dc:title><dc:creator>A. Miller</dc:creator></metadata><manifest><item id="a" href="text/a%20b.xhtml"/><item id="b" href="b.xhtml"/></manifest><spine><itemref idref="b"/><itemref idref="a"/></spine></package>',
  },
  {
    name: 'OPS/text/a b.xhtml',
    data: '<html><body><h1>Gates</h1><p>A gate holds the rest back.</p></body></html>',
  },
  { name: 'OPS/b.xhtml', data: '<html><body><h1>Water</h1><p>A mill takes water.</p></body></html>' },
]

test('an EPUB is read in the order of its spine, with what it says of itself', async () => {
  expect(await readText(EPUB, BOOK)).toEqual([
    ['Water', 'prose: A mill takes water.'],
    ['Gates', 'prose: A gate holds the rest back.'],
  ])
  expect(await read(EPUB, BOOK)).toMatchObject({ title: 'The mill', about: { author: 'A. Miller' } })
})

const failing = (errorType: string) => expect.objectContaining({ errorType })
const bomb: ZipEntry = { name: 'bomb.xml', data: Buffer.alloc(101 * 1024 * 1024) }
const cipher = '<EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>'
const fonts = '<EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>'

test.each<[string, string, ZipEntry[], string]>([
  ['a presentation that is a bomb', PPTX, [...PRESENTATION, bomb], 'input_too_large'],
  ['a workbook that is a bomb', XLSX, [bomb], 'input_too_large'],
  ['a text that is a bomb', ODT, [content('<text:p>x</text:p>'), bomb], 'input_too_large'],
  ['a book that is a bomb', EPUB, [...BOOK, bomb], 'input_too_large'],
  ['a presentation without slides', PPTX, [{ name: 'a', data: 'b' }], 'input_rejected'],
  ['a workbook without sheets', XLSX, [{ name: 'a', data: 'b' }], 'input_rejected'],
  ['a text without its content', ODT, [{ name: 'a', data: 'b' }], 'input_rejected'],
  [
    'a text whose elements are inside each other too deeply',
    ODT,
    [content('<text:section>'.repeat(50_000))],
    'input_rejected',
  ],
  ['a book without its container', EPUB, [{ name: 'a', data: 'b' }], 'input_rejected'],
  [
    'a text under a password',
    ODT,
    [content(''), { name: 'META-INF/manifest.xml', data: '<manifest:encryption-data/>' }],
    'encrypted_input',
  ],
  [
    'a book under copy protection',
    EPUB,
    [...BOOK, { name: 'META-INF/encryption.xml', data: cipher }],
    'encrypted_input',
  ],
  ['an empty presentation', PPTX, [{ name: 'ppt/presentation.xml', data: '<p:presentation/>' }], 'no_text'],
])('%s ends with its name', async (_what, mediaType, entries, errorType) => {
  await expect(read(mediaType, entries)).rejects.toEqual(failing(errorType))
})

test('a book whose fonts alone are hidden is read', async () => {
  expect(await readText(EPUB, [...BOOK, { name: 'META-INF/encryption.xml', data: fonts }])).toHaveLength(2)
})

test('a deck of nothing but titles is read, and reported on by them', async () => {
  const deck = [
    ...PRESENTATION.slice(0, 2),
    { name: 'ppt/slides/a.xml', data: slide(shape('title', 'Gates hold the water')) },
    { name: 'ppt/slides/b.xml', data: slide(shape('title', 'Mills take it')) },
  ]
  const document = await read(PPTX, deck)
  expect(document.sections.map(({ heading }) => heading)).toEqual(['Mills take it', 'Gates hold the water'])
  expect(extractReport(document, reportRequest(), () => undefined).summary).toBe(
    'Mills take it Gates hold the water',
  )
})

test('the data of a chart and the texts of SmartArt are read with their slide', async () => {
  const list = (name: string, ...values: readonly string[]) =>
    `<c:${name}><c:numRef><c:numCache>${values.map((value, at) => `<c:pt idx="${at}"><c:v>${value}</c:v></c:pt>`).join('')}</c:numCache></c:numRef></c:${name}>`
  const series = (name: string, ...values: readonly string[]) =>
    `<c:ser>${list('tx', name)}${list('cat', 'North', 'South')}${list('val', ...values)}</c:ser>`
  const deck = [
    ...PRESENTATION.slice(0, 2),
    { name: 'ppt/slides/a.xml', data: slide(shape('title', 'Water')) },
    { name: 'ppt/slides/b.xml', data: slide(shape('title', 'Mills')) },
    { name: 'ppt/slides/_rels/a.xml.rels', data: relations('../charts/chart1.xml', '../diagrams/data1.xml') },
    {
      name: 'ppt/charts/chart1.xml',
      data: `<c:chartSpace><c:chart>${series('Before', '1', '2')}${series('After', '3', '4.5')}</c:chart></c:chartSpace>`,
    },
    {
      name: 'ppt/diagrams/data1.xml',
      data: '<dgm:dataModel><dgm:pt><dgm:t><a:p><a:r><a:t>Open</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt/></dgm:dataModel>',
    },
  ]
  expect((await readText(PPTX, deck))[1]).toEqual([
    'Water',
    'table:  | Before | After\nNorth | 1 | 3\nSouth | 2 | 4.5',
    'item: Open',
  ])
})

test('a chart has its titles, its numbers and dates as it shows them, and its gaps', async () => {
  const points = (code: string, ...values: readonly (readonly [number, string])[]) =>
    `<c:numRef><c:numCache><c:formatCode>${code}</c:formatCode>${values.map(([at, value]) => `<c:pt idx="${at}"><c:v>${value}</c:v></c:pt>`).join('')}</c:numCache></c:numRef>`
  const level = (...values: readonly (readonly [number, string])[]) =>
    `<c:lvl>${values.map(([at, value]) => `<c:pt idx="${at}"><c:v>${value}</c:v></c:pt>`).join('')}</c:lvl>`
  const title = (text: string) =>
    `<c:title><c:tx><c:rich><a:p><a:r><a:t>${text}</a:t></a:r></a:p></c:rich></c:tx></c:title>`
  const chart = (name: string, inner: string) => ({
    name: `ppt/charts/${name}.xml`,
    data: `<c:chartSpace><c:chart>${inner}</c:chart></c:chartSpace>`,
  })
  const dates = `<c:cat>${points('d/m/yyyy', [0, '45658'], [1, '45659'], [2, '45660'])}</c:cat>`
  const quarters = `<c:cat><c:multiLvlStrRef><c:multiLvlStrCache>${level([0, 'Q3'], [1, 'Q4'], [2, 'Q1'])}${level([0, '2024'], [2, '2025'])}</c:multiLvlStrCache></c:multiLvlStrRef></c:cat>`
  const deck = [
    ...PRESENTATION.slice(0, 2),
    { name: 'ppt/slides/a.xml', data: slide(shape('title', 'Water')) },
    { name: 'ppt/slides/b.xml', data: slide(shape('title', 'Mills')) },
    { name: 'ppt/slides/_rels/a.xml.rels', data: relations('../charts/one.xml', '../charts/two.xml') },
    chart(
      'one',
      `${title('Share of rain')}<c:plotArea><c:ser><c:tx><c:v>Held</c:v></c:tx>${dates}<c:val>${points('0%', [0, '0.25'], [2, '0.5'])}</c:val></c:ser><c:dateAx>${title('Day')}</c:dateAx><c:valAx>${title('of the day')}</c:valAx></c:plotArea>`,
    ),
    chart(
      'two',
      `<c:ser><c:tx><c:v>Litres</c:v></c:tx>${quarters}<c:val>${points('General', [0, '4.4000000000000004'], [1, '1200'], [2, '3'])}</c:val></c:ser>`,
    ),
  ]
  expect((await readText(PPTX, deck))[1]).toEqual([
    'Water',
    'caption: Share of rain',
    'caption: of the day',
    'table: Day | Held\n2025-01-01 | 25%\n2025-01-03 | 50%',
    'table:  | Litres\n2024, Q3 | 4.4\n2024, Q4 | 1200\n2025, Q1 | 3',
  ])
})

test('formulas of a slide, what is drawn on a chart, and the own words of its labels are read', async () => {
  const run = (text: string) => `<m:r><m:t>${text}</m:t></m:r>`
  const formula = `<a14:m><m:oMathPara><m:oMath>${run('y=')}<m:f><m:num>${run('a+b')}</m:num><m:den>${run('2')}</m:den></m:f></m:oMath></m:oMathPara></a14:m>`
  const box = (inner: string) => `<p:sp><p:txBody><a:p>${inner}</a:p></p:txBody></p:sp>`
  const line = (text: string) => `<a:p><a:r><a:t>${text}</a:t></a:r></a:p>`
  const forms = (newer: string, older: string) =>
    `<mc:AlternateContent><mc:Choice>${newer}</mc:Choice><mc:Fallback>${older}</mc:Fallback></mc:AlternateContent>`
  const labels = ['Flood', '[VALUE]', '[CATEGORY NAME]; dry'].map((text) => `<c:dLbl>${line(text)}</c:dLbl>`)
  const deck = [
    ...PRESENTATION.slice(0, 2),
    {
      name: 'ppt/slides/a.xml',
      data: slide(
        forms(box(formula), box('<a:r><a:t>A formula</a:t></a:r>')),
        forms('<p:graphicFrame/>', box('<a:r><a:t>No such chart here</a:t></a:r>')),
        forms('<p:contentPart/>', box('<a:r><a:t>Drawn by hand</a:t></a:r>')),
      ),
    },
    { name: 'ppt/slides/b.xml', data: slide(shape('title', 'Mills')) },
    { name: 'ppt/slides/_rels/a.xml.rels', data: relations('../charts/chart1.xml') },
    {
      name: 'ppt/charts/chart1.xml',
      data: `<c:chartSpace><c:chart>${labels.join('')}</c:chart></c:chartSpace>`,
    },
    { name: 'ppt/charts/_rels/chart1.xml.rels', data: relations('../drawings/drawing1.xml') },
    { name: 'ppt/drawings/drawing1.xml', data: `<c:userShapes>${line('The dam of 1921')}</c:userShapes>` },
  ]
  expect((await readText(PPTX, deck))[1]).toEqual([
    '2',
    'item: y=(a+b)/2',
    'item: Drawn by hand',
    'caption: Flood',
    'caption: dry',
    'item: The dam of 1921',
  ])
})

test('a chart of a kind that Office has since 2016 is read', async () => {
  const level = (...values: readonly string[]) =>
    `<cx:lvl>${values.map((value, at) => `<cx:pt idx="${at}">${value}</cx:pt>`).join('')}</cx:lvl>`
  const chart = `<cx:chartSpace><cx:chartData><cx:data id="0"><cx:strDim type="cat">${level('Rain', 'Loss')}</cx:strDim><cx:numDim type="val">${level('7', '-2.5')}</cx:numDim></cx:data></cx:chartData><cx:chart><cx:title><cx:tx><cx:txData><cx:v>Water of a year</cx:v></cx:txData></cx:tx></cx:title></cx:chart></cx:chartSpace>`
  const deck = [
    ...PRESENTATION.slice(0, 2),
    { name: 'ppt/slides/a.xml', data: slide(shape('title', 'Water')) },
    { name: 'ppt/slides/b.xml', data: slide(shape('title', 'Mills')) },
    { name: 'ppt/slides/_rels/a.xml.rels', data: relations('../charts/chartEx1.xml') },
    { name: 'ppt/charts/chartEx1.xml', data: chart },
  ]
  expect((await readText(PPTX, deck))[1]).toEqual([
    'Water',
    'caption: Water of a year',
    'table: Rain | 7\nLoss | -2.5',
  ])
})

test('what a layout and a master write on every slide is read once, and not what they put in places', async () => {
  const box = (text: string) => `<p:sp><p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`
  const deck = (isMasterHidden: boolean) => [
    ...PRESENTATION.slice(0, 2),
    { name: 'ppt/slides/a.xml', data: slide(shape('title', 'Gates hold the water')) },
    { name: 'ppt/slides/b.xml', data: slide(shape('title', 'Mills take it')) },
    { name: 'ppt/slides/_rels/a.xml.rels', data: relations('../slideLayouts/l.xml') },
    { name: 'ppt/slides/_rels/b.xml.rels', data: relations('../slideLayouts/l.xml') },
    {
      name: 'ppt/slideLayouts/l.xml',
      data: `<p:sldLayout${isMasterHidden ? ' showMasterSp="0"' : ''}>${shape('title', 'Click to edit')}${box('The Mill Society')}</p:sldLayout>`,
    },
    { name: 'ppt/slideLayouts/_rels/l.xml.rels', data: relations('../slideMasters/m.xml') },
    { name: 'ppt/slideMasters/m.xml', data: `<p:sldMaster>${box('For members only')}</p:sldMaster>` },
  ]
  const asides = ['aside: The Mill Society', 'aside: For members only']
  expect((await readText(PPTX, deck(false))).at(-1)?.slice(1)).toEqual(asides)
  expect((await readText(PPTX, deck(true))).at(-1)?.slice(1)).toEqual(asides.slice(0, 1))
})
