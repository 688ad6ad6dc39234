import { expect, test } from 'vitest'
import { DOCX, ODP, ODS, ODT, PPTX, RTF, XLSX } from '../../src/analysis/parse/media-types.ts'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { reportRequest } from '../support/report.ts'
import { docxOf, zipOf, type ZipEntry } from '../support/zip.ts'

/** Headers and footers, the comments of reviewers, and notes on cells, in each Office format. */

const read = (mediaType: string, content: string | Uint8Array) => {
  const bytes = new Uint8Array(typeof content === 'string' ? Buffer.from(content, 'latin1') : content)
  return readDocument({ bytes, mediaType, charset: null }, () => undefined)
}
const lines = async (mediaType: string, content: string | Uint8Array) => {
  const { sections } = await read(mediaType, content)
  return sections.flatMap(({ paragraphs }) => paragraphs.map(({ kind, text }) => `${kind}: ${text}`))
}
const relations = (...targets: readonly string[]) =>
  `<Relationships>${targets.map((target, index) => `<Relationship Id="r${index + 1}" Target="${target}"/>`).join('')}</Relationships>`

const ONE = ['1 comment of a reviewer is not part of the report.']
const word = (tag: string, inner: string) => `<w:${tag} xmlns:w="w">${inner}</w:${tag}>`
const paragraph = (inner: string) => `<w:p>${inner}</w:p>`
const run = (text: string) => `<w:r><w:t>${text}</w:t></w:r>`
const pageField =
  '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PA</w:instrText></w:r><w:r><w:instrText>GE </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>7</w:t></w:r>'
const WORD_FILE = docxOf(
  ['A mill takes as much water as it can.'],
  [
    {
      name: 'word/header1.xml',
      data: word('hdr', paragraph(`${run('Mill report')}<w:r><w:tab/></w:r>${run('Draft')}`)),
    },
    {
      name: 'word/header2.xml',
      data: word('hdr', paragraph(`${run('Mill  report')}<w:r><w:tab/></w:r>${run('Draft')}`)),
    },
    { name: 'word/footer1.xml', data: word('ftr', paragraph(`${run('Page ')}${pageField}`)) },
    {
      name: 'word/comments.xml',
      data: word(
        'comments',
        `<w:comment w:id="0" w:author="Ana">${paragraph(run('Is this'))}${paragraph(run('right?'))}</w:comment>`,
      ),
    },
  ],
)

test('the headers of a Word document are read once, those with nothing but a page number not at all, and comments at its end', async () => {
  expect(await lines(DOCX, WORD_FILE)).toEqual([
    'prose: A mill takes as much water as it can.',
    'aside: Mill report Draft',
    'aside: Ana: Is this right?',
  ])
})

test('a report says how many comments there were, and has no sentence of theirs', async () => {
  const { warnings, summary, markdown } = extractReport(
    await read(DOCX, WORD_FILE),
    reportRequest(),
    () => undefined,
  )
  expect(warnings).toEqual(expect.arrayContaining(ONE))
  expect(summary).toBe('A mill takes as much water as it can.')
  expect(markdown).not.toContain('Is this right')
})

const openDocument = (body: string, more: readonly ZipEntry[] = []) =>
  zipOf([
    {
      name: 'content.xml',
      data: `<office:document-content><office:body>${body}</office:body></office:document-content>`,
    },
    ...more,
  ])
const comment =
  '<office:annotation><dc:creator>Ana</dc:creator><dc:date>2024-01-01</dc:date><text:p>Is this right?</text:p></office:annotation>'

test('the headers of an OpenDocument text are read once, and its comments at its end', async () => {
  const page = (name: string, text: string) => `<style:${name}><text:p>${text}</text:p></style:${name}>`
  const styles = `<office:document-styles><style:master-page>${page('header', 'Mill report')}${page('header-left', 'Mill report')}${page('footer', 'Page <text:page-number>3</text:page-number>')}</style:master-page></office:document-styles>`
  const file = openDocument(`<office:text><text:p>A mill ${comment}takes water.</text:p></office:text>`, [
    { name: 'styles.xml', data: styles },
  ])
  expect(await lines(ODT, file)).toEqual([
    'prose: A mill takes water.',
    'aside: Mill report',
    'aside: Ana: Is this right?',
  ])
  expect((await read(ODT, file)).warnings).toEqual(ONE)
})

test('a comment on a slide is no line of the slide', async () => {
  const frame =
    '<draw:frame><draw:text-box><text:p>A gate holds the water back.</text:p></draw:text-box></draw:frame>'
  const file = openDocument(
    `<office:presentation><draw:page>${comment}${frame}</draw:page></office:presentation>`,
  )
  expect(await lines(ODP, file)).toEqual(['item: A gate holds the water back.', 'aside: Ana: Is this right?'])
  expect((await read(ODP, file)).warnings).toEqual(ONE)
})

test('what master pages write on slides of OpenDocument, and the footers of slides, are read once', async () => {
  const frame = (attributes: string, text: string) =>
    `<draw:frame ${attributes}><draw:text-box><text:p>${text}</text:p></draw:text-box></draw:frame>`
  const master = (name: string, inner: string) =>
    `<style:master-page style:name="${name}">${inner}</style:master-page>`
  const masters = [
    frame('presentation:class="title" presentation:placeholder="true"', 'Click to edit'),
    frame('presentation:class="date-time"', 'Today'),
    frame('presentation:class="page-number"', 'Slide <text:page-number>1</text:page-number>'),
    frame('presentation:class="footer"', '<presentation:footer/>'),
    frame('', 'Mill society'),
    `<presentation:notes>${frame('', 'Of the notes')}</presentation:notes>`,
  ]
  const footer = (name: string) =>
    `<presentation:footer-decl presentation:name="${name}">Footer ${name}</presentation:footer-decl>`
  const slide = (text: string) =>
    `<draw:page draw:master-page-name="A" presentation:use-footer-name="f1">${frame('', text)}</draw:page>`
  const body = `<office:presentation>${footer('f1')}${footer('f2')}${slide('One.')}${slide('Two.')}</office:presentation>`
  const styles = `<office:document-styles><office:master-styles>${master('A', masters.join(''))}${master('B', frame('', 'Of no slide'))}</office:master-styles></office:document-styles>`
  const file = openDocument(body, [{ name: 'styles.xml', data: styles }])
  expect(await lines(ODP, file)).toEqual([
    'item: One.',
    'item: Two.',
    'aside: Mill society',
    'aside: Footer f1',
  ])
})

const shape = (text: string) =>
  `<p:sld><p:sp><p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp></p:sld>`
const deck = (...more: readonly ZipEntry[]) =>
  zipOf([
    {
      name: 'ppt/presentation.xml',
      data: '<p:presentation><p:sldIdLst><p:sldId r:id="r1"/></p:sldIdLst></p:presentation>',
    },
    { name: 'ppt/_rels/presentation.xml.rels', data: relations('slides/a.xml') },
    { name: 'ppt/slides/a.xml', data: shape('A gate holds the water back.') },
    { name: 'ppt/slides/_rels/a.xml.rels', data: relations('../comments/c.xml') },
    ...more,
  ])

test.each<[string, ZipEntry[], string[]]>([
  [
    'before 2021',
    [
      {
        name: 'ppt/commentAuthors.xml',
        data: '<p:cmAuthorLst><p:cmAuthor id="4" name="Ana"/></p:cmAuthorLst>',
      },
      {
        name: 'ppt/comments/c.xml',
        data: '<p:cmLst><p:cm authorId="4"><p:pos x="1"/><p:text>Is this right?</p:text></p:cm></p:cmLst>',
      },
    ],
    ['aside: Ana: Is this right?'],
  ],
  [
    'since 2021',
    [
      {
        name: 'ppt/authors.xml',
        data: '<p188:authorLst><p188:author id="{A}" name="Ana"/><p188:author id="{B}" name="Ben"/></p188:authorLst>',
      },
      {
        name: 'ppt/comments/c.xml',
        data: '<p188:cmLst><p188:cm authorId="{A}"><p188:replyLst><p188:reply authorId="{B}"><p188:txBody><a:p><a:r><a:t>Yes.</a:t></a:r></a:p></p188:txBody></p188:reply></p188:replyLst><p188:txBody><a:p><a:r><a:t>Is this right?</a:t></a:r></a:p></p188:txBody></p188:cm></p188:cmLst>',
      },
    ],
    ['aside: Ana: Is this right?', 'aside: Ben: Yes.'],
  ],
])('comments of PowerPoint %s are read at the end, with their authors', async (_name, entries, expected) => {
  expect(await lines(PPTX, deck(...entries))).toEqual(['item: A gate holds the water back.', ...expected])
  const [first] = (await read(PPTX, deck(...entries))).sections[0]?.paragraphs.slice(1) ?? []
  expect(first?.page).toBe(1)
})

test('the footer of slides is read once', async () => {
  const footer = (text: string) =>
    `<p:sp><p:nvSpPr><p:nvPr><p:ph type="ftr"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`
  const slide = (text: string) => shape(text).replace('<p:sld>', `<p:sld>${footer('Mill report')}`)
  const file = zipOf([
    {
      name: 'ppt/presentation.xml',
      data: '<p:presentation><p:sldIdLst><p:sldId r:id="r1"/><p:sldId r:id="r2"/></p:sldIdLst></p:presentation>',
    },
    { name: 'ppt/_rels/presentation.xml.rels', data: relations('slides/a.xml', 'slides/b.xml') },
    { name: 'ppt/slides/a.xml', data: slide('One.') },
    { name: 'ppt/slides/b.xml', data: slide('Two.') },
  ])
  expect(await lines(PPTX, file)).toEqual(['item: One.', 'item: Two.', 'aside: Mill report'])
})

/** A workbook with one cell. */
const ONE_SHEET = [
  { name: '_rels/.rels', data: relations('xl/workbook.xml') },
  {
    name: 'xl/workbook.xml',
    data: '<workbook><sheets><sheet name="Harvest" r:id="r1"/></sheets></workbook>',
  },
  { name: 'xl/_rels/workbook.xml.rels', data: relations('worksheets/a.xml') },
  {
    name: 'xl/worksheets/a.xml',
    data: '<worksheet><sheetData><row><c r="A1"><v>1</v></c></row></sheetData></worksheet>',
  },
]

test('notes on the cells of a workbook are sentences of its sheet; threads of comments are not', async () => {
  const file = zipOf([
    ...ONE_SHEET,
    {
      name: 'xl/worksheets/_rels/a.xml.rels',
      data: relations('../comments1.xml', '../threadedComments/t.xml'),
    },
    {
      name: 'xl/comments1.xml',
      data: '<comments><authors><author>Ana</author></authors><commentList><comment ref="A1" authorId="0"><text><r><t>Ana:</t></r><r><t>\nCounted again after the frost of April.</t></r></text></comment><comment ref="A2" authorId="0"><text><t>estimate</t></text></comment><comment ref="A1" authorId="0"><text><t>[Threaded comment] Your version of Excel is old.</t></text></comment></commentList></comments>',
    },
    { name: 'xl/persons/person.xml', data: '<personList><person displayName="Ben" id="{B}"/></personList>' },
    {
      name: 'xl/threadedComments/t.xml',
      data: '<ThreadedComments><threadedComment ref="A1" personId="{B}"><text>Is this right?</text></threadedComment></ThreadedComments>',
    },
  ])
  expect((await lines(XLSX, file)).slice(-3)).toEqual([
    'prose: Counted again after the frost of April.',
    'aside: A2: estimate',
    'aside: Ben: Is this right?',
  ])
  expect((await read(XLSX, file)).warnings).toEqual(ONE)
})

test('the text of shapes over the sheet of a workbook is read with the sheet', async () => {
  const shape = (text: string) =>
    `<xdr:sp><xdr:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></xdr:txBody></xdr:sp>`
  const file = zipOf([
    ...ONE_SHEET,
    { name: 'xl/worksheets/_rels/a.xml.rels', data: relations('../drawings/drawing1.xml') },
    {
      name: 'xl/drawings/drawing1.xml',
      data: `<xdr:wsDr>${shape('The figures of May were corrected by the auditor.')}${shape('North')}</xdr:wsDr>`,
    },
  ])
  expect((await lines(XLSX, file)).slice(-2)).toEqual([
    'prose: The figures of May were corrected by the auditor.',
    'aside: North',
  ])
})

test('notes on the cells of a spreadsheet of OpenDocument are read with the sheet, in their places', async () => {
  const note = (text: string) => `<office:annotation><text:p>${text}</text:p></office:annotation>`
  const cell = (inner: string) => `<table:table-cell>${inner}</table:table-cell>`
  const rows = `<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row><table:table-row><table:table-cell table:number-columns-repeated="2"/>${cell(`${note('estimate')}<text:p>7</text:p>`)}${cell(`${note('Counted again after the frost of April.')}<text:p>8</text:p>`)}</table:table-row>`
  const file = openDocument(
    `<office:spreadsheet><table:table table:name="S">${rows}</table:table></office:spreadsheet>`,
  )
  expect((await lines(ODS, file)).slice(-2)).toEqual([
    'aside: C4: estimate',
    'prose: Counted again after the frost of April.',
  ])
})

test('the headers of rich text are read once, and its comments at its end', async () => {
  const rtf = String.raw`{\rtf1\ansi{\header\pard Mill report\par}{\headerl\pard Mill report\par}{\footer\pard \chpgn\par}
A mill {\*\atnid A}{\*\atnauthor Ana}\chatn{\*\annotation{\*\atnref 0}\pard Is this right?\par}takes water.\par}`
  expect(await lines(RTF, rtf)).toEqual([
    'prose: A mill takes water.',
    'aside: Mill report',
    'aside: Ana: Is this right?',
  ])
  expect((await read(RTF, rtf)).warnings).toEqual(ONE)
})
