import { describe, expect, test } from 'vitest'
import { formatNumber, kindOfFormat } from '../../src/analysis/parse/sheet/cell-format.ts'
import { toNumberFormat } from '../../src/analysis/parse/sheet/number-format.ts'
import { XLSX } from '../../src/analysis/parse/media-types.ts'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { startServer } from '../support/server.ts'
import { zipOf, type ZipEntry } from '../support/zip.ts'

const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const RELS = 'http://schemas.openxmlformats.org/package/2006/relationships'
const TYPES = 'http://schemas.openxmlformats.org/package/2006/content-types'
const SHEET_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'

interface SheetGiven {
  readonly name: string
  /** The rows, as XML. */
  readonly rows?: string
  readonly folder?: string
  readonly isHidden?: boolean
}

/** A workbook of these sheets, with a style of each kind of number. */
function workbookOf(
  sheets: readonly SheetGiven[],
  { texts = [] as readonly string[], type = SHEET_TYPE, book = '', toName = (name: string) => name } = {},
) {
  const part = ({ folder = 'worksheets' }: SheetGiven, index: number) => `${folder}/sheet${index + 1}.xml`
  const relation = (id: string, kind: string, target: string) =>
    `<Relationship Id="${id}" Type="${OFFICE}/${kind}" Target="${target}"/>`
  const related = (...all: readonly string[]) =>
    `<Relationships xmlns="${RELS}">${all.join('')}</Relationships>`
  const formats = [0, 14, 20, 22, 9, 170].map((id) => `<xf numFmtId="${id}"/>`).join('')
  const entries: ZipEntry[] = [
    {
      name: '[Content_Types].xml',
      data: `<Types xmlns="${TYPES}"><Override PartName="/xl/workbook.xml" ContentType="${type}"/></Types>`,
    },
    { name: '_rels/.rels', data: related(relation('r1', 'officeDocument', 'xl/workbook.xml')) },
    {
      name: 'xl/workbook.xml',
      data: `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}">${book}<sheets>${sheets.map(({ name, isHidden = false }, index) => `<sheet name="${name}"${isHidden ? ' state="veryHidden"' : ''} sheetId="${index + 1}" r:id="r${index + 1}"/>`).join('')}</sheets></workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      data: related(
        ...sheets.map((sheet, index) => relation(`r${index + 1}`, 'worksheet', part(sheet, index))),
      ),
    },
    {
      name: 'xl/styles.xml',
      data: `<styleSheet xmlns="${MAIN}"><numFmts><numFmt numFmtId="170" formatCode="[$-F800]yyyy\\-mm\\-dd;@"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>${formats}</cellXfs></styleSheet>`,
    },
    {
      name: 'xl/sharedStrings.xml',
      data: `<sst xmlns="${MAIN}">${texts.map((text) => `<si><r><t>${text}</t></r><rPh><t>phonetic</t></rPh></si>`).join('')}</sst>`,
    },
    ...sheets.map((sheet, index) => ({
      name: `xl/${part(sheet, index)}`,
      data: `<worksheet xmlns="${MAIN}"><sheetData>${sheet.rows ?? ''}</sheetData></worksheet>`,
    })),
  ]
  return zipOf(entries.map(({ name, data }) => ({ name: toName(name), data })))
}

const read = async (bytes: Buffer) => {
  const document = await readDocument(
    { bytes: new Uint8Array(bytes), mediaType: XLSX, charset: null },
    () => undefined,
  )
  const sections = document.sections.map(({ heading, paragraphs }) => [
    heading,
    ...paragraphs.map(({ kind, text }) => `${kind}: ${text}`),
  ])
  return { sections, warnings: document.warnings }
}

const text = (reference: string, index: number) => `<c r="${reference}" t="s"><v>${index}</v></c>`
const number = (reference: string, value: number | string, style = 0) =>
  `<c r="${reference}" s="${style}"><v>${value}</v></c>`

test('a sheet has its size, its columns with what is in them, its rows, and the sentences of its cells', async () => {
  const texts = ['Day', 'Place', 'Note', 'North', 'South', 'The parcel was wet and came two weeks late.']
  const rows = `<row r="1">${text('A1', 0)}${text('B1', 1)}${text('C1', 2)}</row>
    <row r="2">${number('A2', 45_000, 1)}${text('B2', 3)}${text('C2', 5)}</row>
    <row r="3">${number('A3', 45_010, 1)}${text('B3', 4)}</row>
    <row r="4">${number('A4', 45_020, 1)}${text('B4', 3)}</row>`
  const { sections, warnings } = await read(workbookOf([{ name: 'Orders', rows }], { texts }))
  expect(warnings).toEqual([])
  expect(sections).toEqual([
    [
      'Orders',
      'fact: 4 rows, 3 columns.',
      'fact: Day: 3 dates, 2023-03-15 to 2023-04-04.',
      'fact: Place: North, South.',
      'fact: Note: 1 text.',
      'table: Day | Place | Note\n2023-03-15 | North | The parcel was wet and came two weeks late.\n2023-03-25 | South\n2023-04-04 | North',
      'prose: The parcel was wet and came two weeks late.',
    ],
  ])
})

test.each([
  [
    'a title, and numbers below',
    [['Cups'], ['Team', 'Won'], ['Blues', 1], ['Flyers', 2]],
    ['4 rows, 2 columns.', 'Team: 2 texts.', 'Won: 2 numbers, 1 to 2.'],
  ],
  [
    'two titles',
    [['Cups'], ['Since 1967'], ['Team', 'Won'], ['Blues', 1]],
    ['4 rows, 2 columns.', 'Team: 1 text.', 'Won: 1 number, 1.'],
  ],
  [
    'a name of the first column, and nothing but texts',
    [['Team'], ['Blues', 'West'], ['Flyers', 'East']],
    ['3 rows, 2 columns.', 'Team: 2 texts.', 'B: 2 texts.'],
  ],
  ['one column', [['Team'], ['Blues'], ['Flyers']], ['3 rows, 1 column.', 'Team: 2 texts.']],
  [
    'texts alone',
    [
      ['Team', 'City'],
      ['Blues', 'Here'],
    ],
    ['2 rows, 2 columns.', 'Team: 1 text.', 'City: 1 text.'],
  ],
  [
    'numbers under a title',
    [['Cups'], ['Blues', 1], ['Flyers', 2]],
    ['3 rows, 2 columns.', 'Cups: 2 texts.', 'B: 2 numbers, 1 to 2.'],
  ],
  [
    'a title above names without rows',
    [['Cups'], ['Team', 'City']],
    ['2 rows, 2 columns.', 'Cups: 1 text.', 'B: 1 text.'],
  ],
])('the names of columns are found below titles: %s', async (_what, table, facts) => {
  const cells = (row: readonly (string | number)[]) =>
    row.map((value) =>
      typeof value === 'string' ? `<c t="inlineStr"><is><t>${value}</t></is></c>` : `<c><v>${value}</v></c>`,
    )
  const rows = table.map((row) => `<row>${cells(row).join('')}</row>`).join('')
  const { sections } = await read(workbookOf([{ name: 'Sheet', rows }]))
  const found = sections[0]?.filter((line) => line?.startsWith('fact: ') === true)
  expect(found).toEqual(facts.map((fact) => `fact: ${fact}`))
})

test('cells without a place follow one another, and a cell in the last corner costs no more than itself', async () => {
  const rows = `<row><c t="inlineStr"><is><t>a</t></is></c><c><v>1</v></c></row>
    <row r="1048576"><c r="XFD1048576"><v>2</v></c></row>`
  const { sections } = await read(workbookOf([{ name: 'Far', rows }]))
  expect(sections[0]?.slice(0, 2)).toEqual(['Far', 'fact: 2 rows, 3 columns.'])
  expect(sections[0]?.at(-1)).toBe(`table: a | 1\n${' | '.repeat(10)}2`)
})

test('names may have any prefix', async () => {
  const bytes = zipOf([
    {
      name: 'xl/workbook.xml',
      data: `<s:workbook xmlns:s="${MAIN}" xmlns:q="${OFFICE}"><s:sheets><s:sheet name="A" q:id="r1"/></s:sheets></s:workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      data: `<Relationships xmlns="${RELS}"><Relationship Id="r1" Type="${OFFICE}/worksheet" Target="/xl/a.xml"/></Relationships>`,
    },
    {
      name: 'xl/a.xml',
      data: `<s:worksheet xmlns:s="${MAIN}"><s:sheetData><s:row><s:c><s:v>7</s:v></s:c></s:row></s:sheetData></s:worksheet>`,
    },
  ])
  expect((await read(bytes)).sections).toEqual([
    ['A', 'fact: 1 row, 1 column.', 'fact: A: 1 number, 7.', 'table: 7'],
  ])
})

test('a sheet that is a chart is left out, with a warning', async () => {
  const sheets = [
    { name: 'Table', rows: `<row r="1">${number('A1', 1)}</row>` },
    { name: 'Chart', folder: 'chartsheets' },
  ]
  const { sections, warnings } = await read(workbookOf(sheets))
  expect(sections.map(([heading]) => heading)).toEqual(['Table'])
  expect(warnings).toEqual(['The sheet "Chart" has no cells, as a chart, and was left out.'])
})

test('a workbook of the other calendar, with times, percentages, errors and truth values', async () => {
  const rows = `<row r="1">${number('A1', 0.5, 2)}${number('B1', 1462.75, 3)}${number('C1', 0.125, 4)}${number('D1', 1462, 5)}<c r="E1" t="e"><v>#N/A</v></c><c r="F1" t="b"><v>1</v></c>${number('G1', '0.30000000000000004')}</row>`
  const book = '<workbookPr date1904="1"/>'
  const { sections } = await read(workbookOf([{ name: 'Kinds', rows }], { book }))
  expect(sections[0]?.at(-1)).toBe('table: 12:00 | 1908-01-02 18:00 | 13% | 1908-01-02 | #N/A | true | 0.3')
})

test('dates that are texts, and cells of the kind date, make a column of dates with its range', async () => {
  const inline = (reference: string, value: string) =>
    `<c r="${reference}" t="inlineStr"><is><t>${value}</t></is></c>`
  const day = (reference: string, value: string) => `<c r="${reference}" t="d"><v>${value}</v></c>`
  const rows = [
    `<row r="1">${inline('A1', 'Picked')}${inline('B1', 'Sold')}${inline('C1', 'At')}</row>`,
    `<row r="2">${inline('A2', '2024-09-03')}${day('B2', '2024-10-01T00:00:00Z')}${inline('C2', '2024-09-03 08:15')}</row>`,
    `<row r="3">${inline('A3', '1.9.2024')}${day('B3', '2024-09-30T12:30:00')}${inline('C3', '2024-09-03T08:15:30Z')}</row>`,
    `<row r="4">${inline('A4', '2024/9/12')}${day('B4', '2024-11-02')}${inline('C4', '2024-09-02T23:00:00+02:00')}</row>`,
  ]
  const { sections } = await read(workbookOf([{ name: 'Dates', rows: rows.join('') }]))
  expect(sections[0]?.slice(1)).toEqual([
    'fact: 4 rows, 3 columns.',
    'fact: Picked: 3 dates, 2024-09-01 to 2024-09-12.',
    'fact: Sold: 2 dates, 2024-09-30 12:30 to 2024-11-02.',
    'fact: At: 3 times, 2024-09-02 23:00+02:00 to 2024-09-03 08:15:30.',
    'table: Picked | Sold | At\n2024-09-03 | 2024-10-01 | 2024-09-03 08:15\n2024-09-01 | 2024-09-30 12:30 | 2024-09-03 08:15:30\n2024-09-12 | 2024-11-02 | 2024-09-02 23:00+02:00',
  ])
})

describe('numbers', () => {
  test.each<[number, string | undefined, number, string | undefined]>([
    [9, undefined, 0.126, '13%'],
    [10, undefined, 1 / 3, '33.33%'],
    [4, undefined, 1234.5, '1,234.50'],
    [44, undefined, -1234.5, '-$1,234.50'],
    [170, '[$€-407] #,##0.00;[Red]-[$€-407] #,##0.00', 1234.567, '€ 1,234.57'],
    [170, '#,##0.00\\ "zł"', 7, '7.00 zł'],
    [170, '_("$"* #,##0_);_("$"* (#,##0)', -5, '-$5'],
    [170, '0.0##', 2.5, '2.5'],
    [170, '0 "items 0"', 3, '3 items 0'],
    [170, '"#"000', 7, '#007'],
    [170, '0.00E+00', 7, undefined],
    [170, '# ?/?', 7.5, undefined],
    [170, '#,##0,', 1234567, '1,235'],
    [176, '0.0,,"M"', 1234567, '1.2M'],
    [177, '[>999]0.0,"K";0', 1234567, undefined],
    [170, 'General', 7, undefined],
    [0, undefined, 7, undefined],
  ])('of format %i %s, %d is shown as %s', (id, code, value, shown) => {
    const format = toNumberFormat(id, code)
    expect(format?.(value)).toBe(shown)
  })

  test.each([
    [0, undefined, 'number'],
    [14, undefined, 'date'],
    [21, undefined, 'time'],
    [22, undefined, 'date-time'],
    [170, '[h]:mm:ss', 'time'],
    [170, 'mmm yy', 'date'],
    [170, 'dd/mm/yyyy hh:mm', 'date-time'],
    [170, '#,##0.00 "days"', 'number'],
    [170, '[Red]0.0%', 'percent'],
    [170, 'General', 'number'],
  ])('of format %i %s are shown as a %s', (id, code, kind) => {
    expect(kindOfFormat(id, code)).toBe(kind)
  })

  test.each([
    [1, 'date', '1900-01-01'],
    [59, 'date', '1900-02-28'],
    [61, 'date', '1900-03-01'],
    [45_000.5, 'date-time', '2023-03-15 12:00'],
    [1.25, 'time', '30:00'],
    [-1, 'date', '-1'],
    [1e20, 'number', '100000000000000000000'],
  ] as const)('%d as a %s is %s', (value, kind, shown) => {
    expect(formatNumber(value, kind, 1900)).toBe(shown)
  })
})

test.each([
  ['a workbook', SHEET_TYPE],
  ['one with macros', 'application/vnd.ms-excel.sheet.macroEnabled.main+xml'],
  ['a template', 'application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml'],
])('%s with a part of megabytes becomes a report in the reading process', async (_name, type) => {
  const { upload, ended } = await startServer()
  const row = (at: number) =>
    `<row r="${at}">${text(`A${at}`, 0)}${number(`B${at}`, at)}${number(`C${at}`, 45_000 + (at % 300), 1)}</row>`
  const rows = Array.from({ length: 20_000 }, (_, index) => row(index + 1)).join('')
  const bytes = workbookOf([{ name: 'Long', rows }], {
    texts: ['Every measurement of the gauge at the upper gate.'],
    type,
  })
  const { status, body } = await upload('/analyze-document', new Uint8Array(bytes), { name: 'long.xlsx' })
  expect(status).toBe(202)
  const { result } = await ended(body['task_id'] as string)
  expect(result.summary).toContain('20000 rows, 3 columns.')
  expect(result.warnings).toContain('The sheet "Long" has 20000 rows; the first 2000 are shown.')
  expect(result.length.words).toBeGreaterThan(0)
})

test('a hidden sheet and a formula without a result have a warning', async () => {
  const rows = '<row><c t="inlineStr"><is><t>sum</t></is></c><c><f>1+1</f></c><c><f>1+2</f><v>3</v></c></row>'
  const bytes = new Uint8Array(workbookOf([{ name: 'Costs', rows, isHidden: true }]))
  const { warnings } = await readDocument({ bytes, mediaType: XLSX, charset: null }, () => undefined)
  expect(warnings).toEqual([
    'The sheet "Costs" is hidden in the workbook.',
    'The sheet "Costs" has 1 formula without a result: open and save it in a spreadsheet.',
  ])
})

test('dates, amounts and percentages of csv are columns of their kinds, decimal commas between semicolons', async () => {
  const factsOf = async (text: string) => {
    const bytes = new TextEncoder().encode(text)
    const { sections } = await readDocument(
      { bytes, mediaType: 'text/plain', charset: null },
      () => undefined,
    )
    return sections[0]?.paragraphs.filter(({ kind }) => kind === 'fact').map((each) => each.text)
  }
  expect(
    await factsOf('Day,Paid,Share\n2024-09-03,"$1,200.50",12.5%\n2024-09-01,$7,3%\n2024-09-02,-$30,40 %\n'),
  ).toEqual([
    '4 rows, 3 columns.',
    'Day: 3 dates, 2024-09-01 to 2024-09-03.',
    'Paid: 3 numbers, -$30 to $1,200.50.',
    'Share: 3 percentages, 3% to 40 %.',
  ])
  expect(await factsOf('Tag;Betrag\n3.9.2024;1.200,50 €\n1.9.2024;7,25 €\n2.9.2024;-30\n')).toEqual([
    '4 rows, 2 columns.',
    'Tag: 3 dates, 2024-09-01 to 2024-09-03.',
    'Betrag: 3 numbers, -30 to 1.200,50 €.',
  ])
})

test('a workbook whose parts have small letters and backslashes is read', async () => {
  const toName = (name: string) => name.toLowerCase().replaceAll('/', '\\')
  const rows = `<row>${text('A1', 0)}</row>`
  const { sections } = await read(workbookOf([{ name: 'Old', rows }], { texts: ['Gates'], toName }))
  expect(sections.flat()).toContain('table: Gates')
})

test('a sheet with more columns than are shown says so', async () => {
  const row = (count: number) =>
    `<row>${Array.from({ length: count }, (_, index) => `<c><v>${index}</v></c>`).join('')}</row>`
  const { warnings } = await read(
    workbookOf([
      { name: 'Wide', rows: row(61) },
      { name: 'Full', rows: row(60) },
    ]),
  )
  expect(warnings).toEqual(['The sheet "Wide" has 61 columns; the first 60 are shown.'])
})
