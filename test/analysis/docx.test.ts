import { expect, test } from 'vitest'
import { readDocx } from '../../src/analysis/parse/office/docx.ts'
import { withoutLooks } from '../../src/analysis/parse/office/word-text.ts'
import { docxOf, zipOf } from '../support/zip.ts'

const failing = (errorType: string) => expect.objectContaining({ errorType })
const TEXT = ['# Water', 'A mill takes as much water as it can.', '# Gates', 'A gate holds the rest back.']

test('a Word document is read by its headings, the first of which is its title', async () => {
  const document = await readDocx(docxOf(TEXT))
  expect(document.title).toBe('Water')
  expect(
    document.sections.map(({ heading, paragraphs }) => [heading, paragraphs.map(({ text }) => text)]),
  ).toEqual([
    ['Water', ['A mill takes as much water as it can.']],
    ['Gates', ['A gate holds the rest back.']],
  ])
})

test('a word with places where it may be divided is one word', async () => {
  const { sections } = await readDocx(
    docxOf(['# Blos\u00adsom', 'The late frost took a third of the blos\u00adsom.']),
  )
  expect(sections).toMatchObject([
    { heading: 'Blossom', paragraphs: [{ text: 'The late frost took a third of the blossom.' }] },
  ])
})

test('entities of its own are not unfolded, and a file that it names is not read', async () => {
  const bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
  const read = await readDocx(docxOf(['A line &f; of &b; text.'], [], bomb)).then(
    ({ sections }) => JSON.stringify(sections),
    (error: { errorType: string }) => error.errorType,
  )
  expect(read).not.toContain('root:')
  expect(read).not.toContain('hahaha')
})

const zeros = Buffer.alloc(101 * 1024 * 1024)

test.each([
  [
    'unpacks to more than 100 MB',
    () => docxOf(TEXT, [{ name: 'word/media/big', data: zeros }]),
    'input_too_large',
  ],
  [
    'unpacks to more than it says',
    () => docxOf(TEXT, [{ name: 'word/media/lie', data: zeros.subarray(0, 1_000_000), claimedBytes: 10 }]),
    'input_rejected',
  ],
  ['holds one name twice', () => docxOf(TEXT, [{ name: 'word/document.xml', data: 'x' }]), 'input_rejected'],
  ['leads out of its folder', () => docxOf(TEXT, [{ name: '../../evil', data: 'x' }]), 'input_rejected'],
  ['leads to the root', () => docxOf(TEXT, [{ name: '/etc/evil', data: 'x' }]), 'input_rejected'],
  ['leads to a drive', () => docxOf(TEXT, [{ name: 'C:\\evil', data: 'x' }]), 'input_rejected'],
  [
    'has thousands of entries',
    () => zipOf(Array.from({ length: 6000 }, (_, index) => ({ name: `${index}`, data: '' }))),
    'input_too_large',
  ],
  ['is cut off', () => docxOf(TEXT).subarray(0, 900), 'input_rejected'],
  ['is no document inside', () => zipOf([{ name: 'a', data: 'b' }]), 'input_rejected'],
])('an archive that %s ends with a named failure', async (_what, make, errorType) => {
  await expect(readDocx(make())).rejects.toEqual(failing(errorType))
})

test.each([
  ['names a longer comment than it has', (file: Buffer) => file.writeUInt16LE(300, file.length - 2)],
  ['is followed by something else', () => undefined],
])('an archive that %s is read as others read it', async (_name, change) => {
  const file = docxOf(['# Gates', 'The gate holds the water back.'])
  change(file)
  const bytes = new Uint8Array(Buffer.concat([file, Buffer.from('\0\0\0')]))
  const { sections } = await readDocx(bytes)
  expect(JSON.stringify(sections)).toContain('The gate holds the water back.')
})

test('charts, SmartArt and the author of a Word document are read', async () => {
  const chart =
    '<c:chart><c:ser><c:tx><c:v>Litres</c:v></c:tx><c:cat><c:v>May</c:v></c:cat><c:val><c:v>7</c:v></c:val></c:ser></c:chart>'
  const diagram = '<dgm:pt><dgm:t><a:p><a:r><a:t>First the gate</a:t></a:r></a:p></dgm:t></dgm:pt>'
  const core = '<cp:p><dc:title>Other</dc:title><dc:creator>Ana</dc:creator></cp:p>'
  const file = docxOf(TEXT, [
    { name: 'word/charts/chart1.xml', data: chart },
    { name: 'word/diagrams/data1.xml', data: diagram },
    { name: 'docProps/core.xml', data: core },
  ])
  const { title, about, sections, warnings } = await readDocx(file)
  expect([title, about, warnings]).toEqual(['Water', { author: 'Ana' }, []])
  expect(
    sections
      .at(-1)
      ?.paragraphs.slice(1)
      .map(({ kind, text }) => `${kind}: ${text}`),
  ).toEqual(['table:  | Litres\nMay | 7', 'item: First the gate'])
})

test('fields, formulas and words under a pronunciation keep their text', async () => {
  const inside = (xml: string) => `Before </w:t></w:r>${xml}<w:r><w:t> behind.`
  const run = (text: string) => `<w:r><w:t>${text}</w:t></w:r>`
  const math = (tag: string, inner: string) => `<m:${tag}>${inner}</m:${tag}>`
  const symbol = (text: string) => math('r', math('t', text))
  const formula = `<m:oMath xmlns:m="m">${math('f', math('num', symbol('a+b')) + math('den', symbol('2')))}${symbol('&lt;')}${math('sSup', math('e', symbol('x')) + math('sup', symbol('10')))}</m:oMath>`
  const ruby = `<w:r><w:ruby><w:rubyPr><w:hps/></w:rubyPr><w:rt><w:r><w:t>とうきょう</w:t></w:r></w:rt><w:rubyBase>${run('東京')}</w:rubyBase></w:ruby></w:r>`
  const field = `<w:fldSimple w:instr=" MERGEFIELD Name ">${run('Ana')}</w:fldSimple>`
  const { sections, warnings } = await readDocx(docxOf([inside(formula), inside(ruby), inside(field)]))
  expect(sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text))).toEqual([
    'Before (a+b)/2<x^(10) behind.',
    'Before 東京 behind.',
    'Before Ana behind.',
  ])
  expect(warnings).toEqual([])
})

const textsOf = async (bytes: Buffer) =>
  (await readDocx(bytes)).sections.flatMap(({ heading, paragraphs }) => [
    ...(heading === null ? [] : [`# ${heading}`]),
    ...paragraphs.map(({ text }) => text),
  ])
/** A line of text with something in its middle. */
const around = (xml: string) => `Before </w:t></w:r>${xml}<w:r><w:t> behind.`
const runOf = (text: string) => `<w:r><w:t>${text}</w:t></w:r>`

test.each([
  ['text from right to left', `<w:dir w:val="rtl">${runOf('والتأقلم')}</w:dir>`, 'Before والتأقلم behind.'],
  ['text in a direction of its own', `<w:bdo w:val="ltr">${runOf('AB')}</w:bdo>`, 'Before AB behind.'],
  ['a carriage return', '<w:r><w:t>A</w:t><w:cr/><w:t>B</w:t></w:r>', 'Before A B behind.'],
  [
    'a tab to the end of the line',
    '<w:r><w:t>A</w:t><w:ptab w:alignment="right"/><w:t>B</w:t></w:r>',
    'Before A B behind.',
  ],
  [
    'a formula on a line of its own',
    '<m:oMathPara xmlns:m="m"><m:oMathParaPr><m:jc m:val="left"/></m:oMathParaPr><m:oMath><m:r><m:t>a=b</m:t></m:r></m:oMath></m:oMathPara>',
    'Before a=b behind.',
  ],
])('%s is read', async (_what, xml, expected) => {
  expect(await textsOf(docxOf([around(xml)]))).toEqual([expected])
})

const box = (text: string) => `<w:txbxContent><w:p>${runOf(text)}</w:p></w:txbxContent>`
const drawing = (text: string) =>
  `<w:drawing><wp:anchor xmlns:wp="wp"><a:graphic xmlns:a="a"><a:graphicData><wps:wsp xmlns:wps="wps"><wps:txbx>${box(text)}</wps:txbx></wps:wsp></a:graphicData></a:graphic></wp:anchor></w:drawing>`
const shape = (name: string, inner: string) =>
  `<w:pict><v:${name} xmlns:v="urn:schemas-microsoft-com:vml">${inner}</v:${name}></w:pict>`
const forms = (newer: string, older: string) =>
  `<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="wps">${newer}</mc:Choice>${older}</mc:AlternateContent>`
const older = (inner: string) => `<mc:Fallback>${inner}</mc:Fallback>`

test.each([
  ['of a drawing', drawing('In a box.')],
  [
    'in both forms, once',
    forms(drawing('In a box.'), older(shape('shape', `<v:textbox>${box('In a box.')}</v:textbox>`))),
  ],
  ['whose form for older programs is a picture', forms(drawing('In a box.'), older('<w:pict/>'))],
  ['whose form for older programs is missing', forms(drawing('In a box.'), '')],
  ['whose form for older programs is empty', forms(drawing('In a box.'), '<mc:Fallback/>')],
  ['of an ellipse', shape('oval', `<v:textbox>${box('In a box.')}</v:textbox>`)],
  ['that is a shape', shape('shape', '<v:textpath style="font-size:1pt" string="In a box."/>')],
])('the text of a box %s is read behind its paragraph', async (_what, xml) => {
  expect(await textsOf(docxOf([around(`<w:r>${xml}</w:r>`)]))).toEqual(['Before behind.', 'In a box.'])
})

test('a character that a font for older programs has is read in its form for them', async () => {
  const sign = forms('<w16se:symEx xmlns:w16se="w" w16se:char="1F600"/>', older('<w:t>:-)</w:t>'))
  expect(await textsOf(docxOf([around(`<w:r>${sign}</w:r>`)]))).toEqual(['Before :-) behind.'])
})

const page =
  '<html><head><style>p {}</style></head><body><h1>Weir</h1><p>A weir &amp; its water.</p></body></html>'
const savedPage = `MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${page.replaceAll('=', '=3D')}\r\n--b--\r\n`

test.each([
  ['HTML', 'afchunk.htm', page],
  ['a saved page', 'afchunk.mht', savedPage],
  ['a Word document', 'afchunk.docx', docxOf(['# Weir', 'A weir &amp; its water.'])],
  ['RTF', 'afchunk.rtf', '{\\rtf1 {\\outlinelevel0 Weir\\par}A weir & its water.\\par}'],
  ['plain text', 'afchunk.txt', 'A weir & its water.'],
])('%s that is put into a Word document is read in its place', async (_what, name, data) => {
  const chunk = `</w:t></w:r></w:p><w:altChunk xmlns:r="r" r:id="${name}"/><w:p><w:r><w:t>`
  const file = docxOf([`Before.${chunk}Behind.`], [{ name: `word/${name}`, data }])
  const texts = await textsOf(file)
  expect(texts.filter((text) => text !== '# Weir')).toEqual(['Before.', 'A weir & its water.', 'Behind.'])
})

test('what says how text looks is gone before a Word document is opened, the text and its structure are not', () => {
  const looks = '<w:rPr><w:rFonts w:ascii="Arial"/><w:sz w:val="24"/><w:color w:val="FF0000"/></w:rPr>'
  const cell = `<w:tcPr><w:tcW w:w="9"/><w:gridSpan w:val="2"/><w:tcBorders><w:top w:val="nil"/></w:tcBorders></w:tcPr>`
  const xml = `<w:tc>${cell}<w:p w:rsidR="1"><w:pPr><w:pStyle w:val="A"/><w:spacing w:after="0"/><w:ind/>${looks}</w:pPr><w:r>${looks}<w:t>7 &lt; 9</w:t><w:tab/><w:br/></w:r></w:p></w:tc>`
  expect(withoutLooks(xml)).toBe(
    '<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p w:rsidR="1"><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>7 &lt; 9</w:t><w:tab/><w:br/></w:r></w:p></w:tc>',
  )
})
