import { expect, test } from 'vitest'
import { reportRequest } from '../support/report.ts'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { readCaptions } from '../../src/analysis/parse/text/captions.ts'
import { clockTime } from '../../src/analysis/parse/document.ts'

const read = (text: string) => readCaptions(Buffer.from(text))
const json = (lines: readonly string[], stepMs = 2000) =>
  JSON.stringify({
    events: lines.map((line, index) => ({ tStartMs: index * stepMs, segs: [{ utf8: line }] })),
  })
const readText = (text: string) =>
  read(text).sections.flatMap(({ paragraphs }) =>
    paragraphs.map(({ seconds, text: words }) => [seconds, words]),
  )

test('captions are joined into sentences, each with the time of its first word', () => {
  expect(
    readText(
      json(['The gate holds', 'the water back.', '[Music]', 'It opens when the mill', 'can take more.']),
    ),
  ).toEqual([
    [0, 'The gate holds the water back.'],
    [6, 'It opens when the mill can take more.'],
  ])
})

test.each([
  ['the old XML', '<transcript><text start="1.5">a &lt;i&gt;b&lt;/i&gt; &amp;amp; c.</text></transcript>'],
  ['the timed XML', '<timedtext><body><p t="1500" d="10"><s>a </s><s>b</s> &amp; c.</p></body></timedtext>'],
])('%s is read too, its markup taken off', (_name, xml) => {
  expect(readText(xml)).toEqual([[1.5, 'a b & c.']])
})

test('speech without punctuation is divided by its pauses, and the report says so', () => {
  const document = read(json(Array.from({ length: 60 }, () => 'and then we looked at the gate')))
  const [first] = document.sections[0]?.paragraphs ?? []
  expect(first?.text).toMatch(/^And then we looked at the gate.*\.$/)
  expect(document.warnings).toEqual(['The captions have no punctuation; they were divided by their pauses.'])
})

test('Chinese captions are joined without spaces', () => {
  expect(readText(json(['闸门只放', '水车能用的水。']))).toEqual([[0, '闸门只放水车能用的水。']])
})

test.each(['', '{', '{"events":[]}', '<transcript></transcript>', json(['[Music]', '♪'])])(
  'captions without a word, %j, end as no_subtitles',
  (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ errorType: 'no_subtitles' }))
  },
)

test('a long recording has sections by time, and every point of the report leads to its moment', () => {
  const subjects = ['water', 'wheel', 'stone', 'grain', 'gate', 'river', 'flour', 'miller']
  const lines = Array.from({ length: 400 }, (_, index) => {
    const [a, b] = [subjects[index % 8], subjects[(index * 3 + 1) % 8]]
    return `The ${a} of number ${index} is measured beside the ${b} of the old mill.`
  })
  const request = reportRequest({ timeLink: 'https://youtu.be/x?t=' })
  const report = extractReport(read(json(lines, 3000)), request, () => undefined)
  expect(report.key_points.map(({ heading }) => heading)).toEqual(['0:00', '5:00', '10:00', '15:00'])
  for (const { text, seconds } of report.key_points.flatMap(({ points }) => points)) {
    expect(lines[(seconds ?? 0) / 3]).toBe(text)
    expect(report.markdown).toContain(`([${clockTime(seconds ?? 0)}](https://youtu.be/x?t=${seconds}))`)
  }
})

test.each([
  [0, '0:00'],
  [62.9, '1:02'],
  [3723, '1:02:03'],
])('%d seconds are %s', (seconds, text) => {
  expect(clockTime(seconds)).toBe(text)
})
