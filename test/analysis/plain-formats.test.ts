import { expect, test } from 'vitest'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'
import { reportRequest } from '../support/report.ts'
import { startServer } from '../support/server.ts'

const read = (text: string) => readText(new TextEncoder().encode(text))
const paragraphs = (text: string) =>
  read(text).sections.flatMap(({ paragraphs: all }) =>
    all.map(({ kind, text: words }) => `${kind}: ${words}`),
  )

const CUES = ['The gate holds', 'the water back.', 'It opens when the mill can take more.']
const SRT = CUES.map((cue, at) => `${at + 1}\n00:00:0${at + 1},500 --> 00:00:0${at + 2},000\n${cue}\n`).join(
  '\n',
)
const VTT = `WEBVTT\n\nNOTE made by hand\n\n${CUES.map((cue, at) => `00:0${at + 1}.500 --> 00:0${at + 2}.000 align:start\n<v Ann>${cue}</v>\n`).join('\n')}`

test.each([
  ['SubRip', SRT],
  ['WebVTT', VTT],
  ['SubRip with the line ends of Windows', SRT.replaceAll('\n', '\r\n')],
])('a file of subtitles, %s, is read as speech with its times', (_name, text) => {
  const spoken = read(text).sections.flatMap(({ paragraphs: all }) =>
    all.map(({ seconds, text: words }) => [seconds, words]),
  )
  expect(spoken).toEqual([
    [1.5, 'The gate holds the water back.'],
    [3.5, 'It opens when the mill can take more.'],
  ])
})

test('WebVTT is accepted by its content', async () => {
  const { upload, ended } = await startServer()
  const { status, body } = await upload('/analyze-document', VTT, { name: 'talk.vtt' })
  expect(status).toBe(202)
  const { result } = await ended(body['task_id'] as string)
  expect(result.summary).toContain('The gate holds the water back.')
})

test.each([
  ['commas', ','],
  ['semicolons', ';'],
  ['tabs', '\t'],
])('values separated by %s are a table with its columns described', (_name, mark) => {
  const rows = [
    ['Day', 'Place', 'Amount'],
    ['2026-01-02', 'North', '12.5'],
    ['2026-01-05', '"South"', '3'],
    ['2026-01-03', 'North', '7'],
  ]
  expect(paragraphs(rows.map((row) => row.join(mark)).join('\n'))).toEqual([
    'fact: 4 rows, 3 columns.',
    'fact: Day: 3 dates, 2026-01-02 to 2026-01-05.',
    'fact: Place: North, South.',
    'fact: Amount: 3 numbers, 3 to 12.5.',
    'table: Day | Place | Amount\n2026-01-02 | North | 12.5\n2026-01-05 | South | 3\n2026-01-03 | North | 7',
  ])
})

test('a value in quotation marks keeps its commas, line ends and quotation marks', () => {
  const text = 'Name,Note\nAnn,"He said ""no"", and\nleft the gate open all the night."\nBen,x\nEve,y'
  expect(paragraphs(text)).toContain('prose: He said "no", and left the gate open all the night.')
})

test('a report on a table is about its columns', () => {
  const rows = Array.from(
    { length: 30 },
    (_, at) => `2026-01-${String((at % 28) + 1).padStart(2, '0')},${at % 2 === 0 ? 'North' : 'South'},${at}`,
  )
  const { summary, warnings } = extractReport(
    read(['Day,Place,Amount', ...rows].join('\n')),
    reportRequest(),
    () => undefined,
  )
  expect(summary).toContain('31 rows, 3 columns.')
  expect(warnings).toEqual([])
})

test.each([
  [
    'sentences with a comma each',
    'The gate opens, and the river floods.\nThe mill turns, and the corn is ground.\nThe day ends, and all go home.',
  ],
  ['a poem', 'Old gate, old mill,\nold stone, old hill,\nold house, old man.'],
  ['a list', '- a, b\n- c, d\n- e, f'],
  ['two lines', 'a,b\n1,2'],
])('%s are no table', (_name, text) => {
  expect(paragraphs(text).join(' ')).not.toContain('table:')
})
