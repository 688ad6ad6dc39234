import { expect, test } from 'vitest'
import { MAIL, ODP, ODS, ODT, RTF } from '../../src/analysis/parse/media-types.ts'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { NOTEBOOK } from '../../src/uploads/detect-media-type.ts'
import { startServer } from '../support/server.ts'
import { zipOf } from '../support/zip.ts'

const read = (mediaType: string, content: string | Uint8Array) => {
  const bytes = new Uint8Array(typeof content === 'string' ? Buffer.from(content, 'latin1') : content)
  return readDocument({ bytes, mediaType, charset: null }, () => undefined)
}
const lines = async (mediaType: string, content: string | Uint8Array) => {
  const { sections } = await read(mediaType, content)
  return sections.map(({ heading, paragraphs }) => [
    heading,
    ...paragraphs.map(({ kind, text }) => `${kind}: ${text}`),
  ])
}
const openDocument = (mimetype: string, body: string) =>
  zipOf([
    { name: 'mimetype', data: mimetype },
    {
      name: 'content.xml',
      data: `<office:document-content><office:body>${body}</office:body></office:document-content>`,
    },
  ])

const cell = (text: string, attributes = 'office:value-type="string"') =>
  `<table:table-cell ${attributes}><text:p>${text}</text:p></table:table-cell>`
const SHEET = openDocument(
  ODS,
  `<office:spreadsheet><table:table table:name="Harvest">
    <table:table-row>${cell('Kind')}${cell('Weight')}${cell('Picked')}</table:table-row>
    <table:table-row>${cell('Apple')}${cell('1,200.5', 'office:value-type="float" office:value="1200.5"')}${cell('03/09/24', 'office:value-type="date" office:date-value="2024-09-03"')}</table:table-row>
    <table:table-row table:number-rows-repeated="2">${cell('Pear')}${cell('80', 'office:value-type="float" office:value="80"')}<table:table-cell table:number-columns-repeated="16000"/></table:table-row>
    <table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
    <table:table-row>${cell('The late frost of April took a third of the blossom.<office:annotation><text:p>hidden</text:p></office:annotation>')}</table:table-row>
  </table:table></office:spreadsheet>`,
)

test('a spreadsheet of OpenDocument is read as a workbook is, repeated and empty cells included', async () => {
  expect(await lines(ODS, SHEET)).toEqual([
    [
      'Harvest',
      'fact: 5 rows, 3 columns.',
      'fact: Kind: Apple, Pear, The late frost of April took a third of the blossom.',
      'fact: Weight: 3 numbers, 80 to 1,200.5.',
      'fact: Picked: 1 date, 2024-09-03.',
      'table: Kind | Weight | Picked\nApple | 1,200.5 | 2024-09-03\nPear | 80\nPear | 80\nThe late frost of April took a third of the blossom.',
      'prose: The late frost of April took a third of the blossom.',
      'aside: A1048005: hidden',
    ],
  ])
})

test('times, durations and dates of a spreadsheet have ranges', async () => {
  const time = (text: string, value: string) =>
    cell(text, `office:value-type="time" office:time-value="${value}"`)
  const date = (text: string, value: string) =>
    cell(text, `office:value-type="date" office:date-value="${value}"`)
  const rows = [
    [time('01:45 PM', 'PT13H45M00S'), date('3 Sep', '2024-09-03T00:00:00')],
    [time('30:00', 'PT30H00M00S'), date('4 Sep, 8 am', '2024-09-04T08:00:00.000000000')],
    [time('0:30', 'PT00H00M30.5S'), date('5 Sep', '2024-09-05')],
  ]
  const body = rows.map((row) => `<table:table-row>${row.join('')}</table:table-row>`).join('')
  const file = openDocument(
    ODS,
    `<office:spreadsheet><table:table table:name="S">${body}</table:table></office:spreadsheet>`,
  )
  expect((await lines(ODS, file))[0]?.slice(1, 4)).toEqual([
    'fact: 3 rows, 2 columns.',
    'fact: A: 3 times, 0:30 to 30:00.',
    'fact: B: 2 dates, 2024-09-03 to 2024-09-05.',
  ])
})

test('a cell behind the last column that a sheet may have is left out at once', async () => {
  const far = '<table:table-cell table:number-columns-repeated="1000000000"/>'
  const rows = `<table:table-row>${cell('Kind')}${far}${cell('Far')}</table:table-row><table:table-row>${cell('Apple')}</table:table-row>`
  const body = `<office:spreadsheet><table:table table:name="S">${rows}</table:table></office:spreadsheet>`
  expect(await lines(ODS, openDocument(ODS, body))).toEqual([
    ['S', 'fact: 2 rows, 1 column.', 'fact: Kind: 1 text.', 'table: Kind\nApple'],
  ])
})

test('a presentation of OpenDocument is read slide by slide, with tables and notes', async () => {
  const frame = (name: string, text: string) =>
    `<draw:frame presentation:class="${name}"><draw:text-box><text:p>${text}</text:p></draw:text-box></draw:frame>`
  const table = `<draw:frame><table:table><table:table-row>${cell('a')}${cell('1')}</table:table-row></table:table></draw:frame>`
  const slides = `<office:presentation><draw:page>${frame('title', 'Gates')}${frame('outline', 'A gate holds the rest back.')}${table}
    <presentation:notes>${frame('notes', 'Say it slowly.')}</presentation:notes></draw:page><draw:page>${frame('outline', 'No title here.')}</draw:page></office:presentation>`
  expect(await lines(ODP, openDocument(ODP, slides))).toEqual([
    ['Gates', 'item: A gate holds the rest back.', 'table: a | 1', 'prose: Say it slowly.'],
    ['2', 'item: No title here.'],
  ])
})

test('a footnote of an OpenDocument text follows its paragraph', async () => {
  const note =
    '<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Since 1921.</text:p></text:note-body></text:note>'
  const body = `<office:text><text:p>The mill${note} takes water.</text:p></office:text>`
  expect(await lines(ODT, openDocument(ODT, body))).toEqual([
    [null, 'prose: The mill takes water.', 'aside: Since 1921.'],
  ])
})

test('text boxes and notes of cells are read behind their paragraph or table, each line for itself', async () => {
  const body =
    '<office:text><text:p>The mill <draw:frame><draw:text-box><text:p>One.</text:p><text:p>Two.</text:p></draw:text-box></draw:frame>takes water.</text:p>' +
    '<table:table><table:table-row><table:table-cell><text:p>a<text:note><text:note-body><text:p>Of a.</text:p></text:note-body></text:note></text:p></table:table-cell></table:table-row></table:table>' +
    '<text:p><text:ruby><text:ruby-base>水</text:ruby-base><text:ruby-text>みず</text:ruby-text></text:ruby>車</text:p></office:text>'
  expect(await lines(ODT, openDocument(ODT, body))).toEqual([
    [
      null,
      'prose: The mill takes water.',
      'prose: One.',
      'prose: Two.',
      'table: a',
      'aside: Of a.',
      'prose: 水車',
    ],
  ])
})

test('rich text is read without its fonts and pictures, in its code page and in Unicode', async () => {
  const rtf = String.raw`{\rtf1\ansi\ansicpg1251{\fonttbl{\f0 Arial;}}{\*\generator Some program;}{\info{\title Hidden}}
\f0\b The mill\b0  takes water.\par \'cf\'f0\'e8\'e2\'e5\'f2, \u8364?100\uc0\u20013\u25991.\par
\trowd a\cell b\cell\row {\pict 89504e47}An \{escaped\} end.}`
  expect(await lines(RTF, rtf)).toEqual([
    [
      null,
      'prose: The mill takes water.',
      'prose: Привет, €100中文.',
      'table: a | b',
      'prose: An {escaped} end.',
    ],
  ])
})

test('footnotes, text boxes, headings, items and properties of rich text are read, and what is deleted is not', async () => {
  const rtf = String.raw`{\rtf1\ansi{\info{\title The mill}{\author Ana}}
{\pard\outlinelevel0 Water\par}\pard It takes{\super 1{\*\footnote\pard Since 1921.\par}} water{\deleted\revauth1 and salt}.\par
{\shp{\*\shpinst\shpleft0{\sp{\sn pName}{\sv Box 1}}{\shptxt\pard In a box.\par}}{\shprslt Twice.}}Beside it.\par
{\listtext\'95\tab}An item.\par{\*\annotation No comment.}\trowd a\cell b{\footnote Of the cell.}\cell\row The end.\par}`
  const { title, about, warnings } = await read(RTF, rtf)
  expect([title, about, warnings]).toEqual([
    'The mill',
    { author: 'Ana' },
    ['1 comment of a reviewer is not part of the report.'],
  ])
  expect(await lines(RTF, rtf)).toEqual([
    [
      'Water',
      'prose: It takes1 water.',
      'aside: Since 1921.',
      'prose: Beside it.',
      'prose: In a box.',
      'item: An item.',
      'table: a | b',
      'aside: Of the cell.',
      'prose: The end.',
      'aside: No comment.',
    ],
  ])
})

test('rich text is decoded by the fonts it names, and has a warning when it is cut', async () => {
  const rtf = String.raw`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 Mincho;}}
\f0 Caf\'e9 \f1\'cf\'f0\'e8\'e2\'e5\'f2 \f2\'83A\'93\'fa\'96\'7b\par`
  expect(await lines(RTF, rtf)).toEqual([[null, 'prose: Café Привет ア日本']])
  const { warnings } = await read(RTF, rtf)
  expect(warnings).toEqual(['The file ends in the middle: a part of the text is missing.'])
})

const LETTER = [
  'From: =?utf-8?Q?Ana_M=C3=BCller?= <ana@example.org>',
  'To: team@example.org',
  'Subject: The frost',
  'Date: Mon, 02 Sep 2024 10:00:00 +0000',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="b"',
  '',
  '--b',
  'Content-Type: multipart/alternative; boundary="c"',
  '',
  '--c',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'The late frost took a third of the bl=C3=BCten of the orchard this year.',
  '--c',
  'Content-Type: text/html',
  '',
  '<p>The late frost</p>',
  '--c--',
  '--b',
  'Content-Type: application/pdf; name="counts.pdf"',
  'Content-Disposition: attachment; filename="counts.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0xLjQK',
  '--b--',
  '',
].join('\r\n')

test('a mail is read by its text, and what is attached is listed', async () => {
  const mail = await read(MAIL, LETTER)
  expect([mail.title, mail.about]).toEqual([
    'The frost',
    { author: 'Ana Müller', published: expect.stringContaining('2024') },
  ])
  expect(mail.sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text))).toEqual([
    'The late frost took a third of the blüten of the orchard this year.',
    'Attached: counts.pdf (1 kB).',
  ])
  expect(mail.warnings).toEqual([expect.stringContaining('Attached files that were not read: 1.')])
})

const withSubject = (subject: string, text: string) =>
  `Return-Path: <ana@example.org>\r\nFrom: Ana <ana@example.org>\r\nDate: Mon, 02 Sep 2024 10:00:00 +0000\r\nSubject: ${subject}\r\n\r\n${text}\r\n`
const FROM = 'From ana@example.org Mon Sep  2 10:00:00 2024\r\n'

test('the mails of a mailbox are read one by one, under their subjects', async () => {
  const box = `${FROM}${withSubject('Frost', 'From here on the frost was late.\r\n\r\nFrom Monday to Friday it froze.')}\r\n${FROM}${LETTER}`
  expect(await lines(MAIL, box)).toEqual([
    ['Frost', 'prose: From here on the frost was late.', 'prose: From Monday to Friday it froze.'],
    ['The frost', 'prose: The late frost took a third of the blüten of the orchard this year.'],
    [null, 'fact: Attached: counts.pdf (1 kB).'],
  ])
  const one = await read(MAIL, `${FROM}${LETTER}`)
  expect([one.title, one.about?.author]).toEqual(['The frost', 'Ana Müller'])
})

test.each([
  ['with its mark', '\ufeff', 'utf-16le'],
  ['without a mark', '', 'utf-16le'],
])('a mail that was saved in UTF-16 %s is read', async (_what, mark, encoding) => {
  const saved = Buffer.from(`${mark}${LETTER}`, encoding as BufferEncoding)
  expect((await read(MAIL, saved)).title).toBe('The frost')
})

test.each([
  [
    'PGP',
    'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="x"',
    '--x\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--x\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--x--',
  ],
  ['S/MIME', 'application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m', 'MIAGCSqGSIb3DQEHA6CA'],
])('a mail under %s ends as encrypted_input, in a mailbox it has a warning', async (_kind, type, body) => {
  const mail = `From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`
  await expect(read(MAIL, mail)).rejects.toMatchObject({ errorType: 'encrypted_input' })
  const { warnings } = await read(MAIL, `${FROM}${mail}\r\n${FROM}${withSubject('Frost', 'The frost came.')}`)
  expect(warnings).toEqual(['Mails of the mailbox that are encrypted were left out: 1.'])
})

test('a page that a browser saved as a mail is read as a page', async () => {
  const page =
    '<html><body><h1>Gates</h1><p>A gate holds the water of the river back until it opens.</p></body></html>'
  const saved = `From: <Saved by Blink>\r\nSubject: Gates\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n${page}\r\n--x--\r\n`
  const { sections } = await read(MAIL, saved)
  expect(JSON.stringify(sections)).toContain('A gate holds the water of the river back')
})

const BOOK = JSON.stringify({
  cells: [
    { cell_type: 'markdown', source: ['# Gates\n', 'A gate holds the water back.'] },
    { cell_type: 'code', source: 'print(1)', outputs: [{ text: ['1\n'] }] },
  ],
  nbformat: 4,
})

test('a notebook is read as text and code', async () => {
  const { title } = await read(NOTEBOOK, BOOK)
  expect(title).toBe('Gates')
  expect(await lines(NOTEBOOK, BOOK)).toEqual([
    [null, 'prose: A gate holds the water back.', 'code: print(1)', 'code: 1'],
  ])
})

test.each([
  ['ods', SHEET, 'frost'],
  [
    'rtf',
    Buffer.from(String.raw`{\rtf1\ansi The late frost of April took a third of the blossom.\par}`),
    'frost',
  ],
  ['eml', Buffer.from(LETTER), 'frost'],
  ['ipynb', Buffer.from(BOOK), 'gate'],
])('%s goes through a real server and its real child', async (_name, content, word) => {
  const { upload, ended } = await startServer()
  const { status, body } = await upload('/analyze-document', new Uint8Array(content))
  expect(status).toBe(202)
  const task = await ended(body['task_id'])
  expect(task['status']).toBe('completed')
  expect(task['result'].markdown).toContain(word)
})

test('a mail and a notebook that are cut are not taken for whole', async () => {
  const head = 'From: a@b.example\nContent-Type: multipart/mixed; boundary="x"\n\n--x\n\nThe frost came.\n'
  expect((await read(MAIL, head)).warnings).toEqual(['The mail ends in the middle: a part of it is missing.'])
  expect((await read(MAIL, `${head}--x--\n`)).warnings).toEqual([])
  await expect(read(NOTEBOOK, '{"cells": [{"cell_type": "mark')).rejects.toMatchObject({
    errorType: 'input_rejected',
  })
})

test('LaTeX without its end and rich text behind its end have a warning', async () => {
  const tex = String.raw`\documentclass{article}\begin{document}The frost came.`
  expect((await read('text/plain', tex)).warnings).toEqual([
    'The document ends in the middle: a part of the text is missing.',
  ])
  expect((await read('text/plain', String.raw`${tex}\end{document}`)).warnings).toEqual([])
  expect((await read(RTF, String.raw`{\rtf1 The frost.\par} came.`)).warnings).toEqual([
    'The file has more after its end: its parts may be in disorder.',
  ])
  expect((await read(RTF, `{\\rtf1 The frost.}\n\0`)).warnings).toEqual([])
})

test('the title of a notebook is the one of its metadata', async () => {
  const book = { cells: [{ cell_type: 'markdown', source: 'The frost came.' }], metadata: { title: 'April' } }
  expect((await read(NOTEBOOK, JSON.stringify(book))).title).toBe('April')
})
