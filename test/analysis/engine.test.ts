import { expect, test } from 'vitest'
import { detectLanguage } from '../../src/analysis/write/language.ts'
import { chooseCovering, listConcepts, weighConcepts } from '../../src/analysis/write/extractive/cover.ts'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { isLeaning } from '../../src/analysis/write/extractive/leaning.ts'
import { isHalfQuoted, splitSentences } from '../../src/analysis/write/extractive/sentences.ts'
import { reportRequest } from '../support/report.ts'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'

const report = (text: string) =>
  extractReport(readText(new TextEncoder().encode(text)), reportRequest(), () => undefined)
const split = (text: string, language = 'en') =>
  splitSentences(text, new Intl.Segmenter(language, { granularity: 'sentence' }))

test.each([
  [
    'Dr. Smith met Mr. Jones in the U.S. Senate. They spoke.',
    ['Dr. Smith met Mr. Jones in the U.S. Senate.', 'They spoke.'],
  ],
  ['See Fig. 3 and e.g. Section 2. Next one.', ['See Fig. 3 and e.g. Section 2.', 'Next one.']],
  ['J. R. Smith wrote it. He left.', ['J. R. Smith wrote it.', 'He left.']],
  ['It cost 3.5 million. “Why?” she asked.', ['It cost 3.5 million.', '“Why?” she asked.']],
])('sentences of %j', (text, expected) => expect(split(text)).toEqual(expected))

test('a Chinese sentence keeps its closing quotation mark', () => {
  expect(split('他说：“今天下雨。”我们回家。', 'zh')).toEqual(['他说：“今天下雨。”', '我们回家。'])
})

test.each([
  ['She said to herself, ‘Oh dear!', true],
  ['“The gate is open,” he said, “and the water comes.', true],
  ['Er sagte: „Das Tor ist offen.', true],
  ['他说：「今天下雨。', true],
  ['He said "stop.', true],
  ['‘What I was going to say,’ said the Dodo, ‘was this.’', false],
  ['It’s the farmers’ gate, and it doesn’t close.', false],
  ['Er sagte: „Das Tor ist offen.“', false],
  ['他说：“今天下雨。”', false],
])('%j has half a quotation: %j', (text, expected) => expect(isHalfQuoted(text)).toBe(expected))

const units = (texts: readonly string[]) =>
  texts.map((text) => ({ concepts: listConcepts(text.split(' ')), words: text.split(' ').length, factor: 1 }))

test('a word and its neighbour are concepts, each once', () => {
  expect(listConcepts(['gate', 'tide', 'gate', 'tide'])).toEqual(['gate', 'tide', 'gate tide', 'tide gate'])
})

test('what repeats a chosen sentence is not chosen, and what the text does not come back to counts little', () => {
  const texts = [
    'gate tide storm',
    'gate tide storm',
    'pump crew night',
    'pump crew shift',
    'aunt tea hat cat',
  ]
  const all = units(texts)
  const weights = weighConcepts(
    all.map(({ concepts }) => concepts),
    () => 1,
  )
  expect(chooseCovering(all, weights, { maxUnits: 2, maxWords: Infinity })).toEqual([0, 2])
  expect(chooseCovering(all, weights, { maxUnits: 5, maxWords: 3 })).toEqual([0])
  expect(weights.get('gate tide')).toBeGreaterThan(weights.get('gate') ?? 0)
})

test('choosing from twice as many sentences takes twice the look-ups', () => {
  const countLookUps = (length: number) => {
    const all = units(
      Array.from({ length }, (_, index) => `gate${index % 97} tide${index % 89} crew${index}`),
    )
    const weights = weighConcepts(
      all.map(({ concepts }) => concepts),
      (index) => 1 + Math.exp(-index / 8),
    )
    let lookUps = 0
    const counted = { get: (concept: string) => ((lookUps += 1), weights.get(concept)) }
    chooseCovering(all, counted as Map<string, number>, { maxUnits: 8, maxWords: Infinity })
    return lookUps
  }
  expect(countLookUps(20_000)).toBeLessThan(2.5 * countLookUps(10_000))
})

test.each([
  ['en', 'But the gate held.', true],
  ['en', 'He closed the gate at noon.', true],
  ['en', 'In this case the pumps are too small.', true],
  ['en', 'In addition, the pumps were replaced.', true],
  ['en', 'In this paper we measure how long a gate holds.', false],
  ['en', 'This report describes the gates of the delta.', false],
  ['en', 'It is well known that gates rust.', false],
  ['en', 'First aid is taught to every keeper of a gate.', false],
  ['en', 'First, the keeper closes the gate.', true],
  ['en', '“They held,” said the keeper.', true],
  ['zh', '但是闸门没有关上。', true],
  ['zh', '这意味着闸门必须关闭。', true],
  ['zh', '这篇文章介绍闸门的维护。', false],
  ['zh', '但丁描写过这座城市。', false],
  ['zh', '另外，水泵也已经更换。', true],
  ['de', 'Deshalb blieb das Tor geschlossen.', true],
  ['de', 'Das Tor blieb geschlossen.', false],
  ['es', 'El Salvador cerró sus puertas.', false],
])('in %s, %j leans on the sentence before: %j', (language, text, expected) =>
  expect(isLeaning(text, language)).toBe(expected),
)

test('a sentence of the summary that leans on the one before brings it along', () => {
  const made = report(
    [
      'The harbour office bought a tide gate for the northern basin in the spring.',
      'It protects the tide basin, the tide pumps, the harbour wall and the northern harbour road from storm tides.',
      'Several visitors have photographed the morning light above the old roofs of the town.',
      'A bakery near the station sells bread until late in the evening.',
      'The tide pumps and the harbour wall of the northern basin are looked after by two crews.',
      'Storm tides reached the northern harbour road twice in the last winter.',
      'Children of the school painted the fence of the garden behind the church.',
      ...Array.from(
        { length: 40 },
        (_, index) => `Nothing of note happened on day ${index} of the long dry summer.`,
      ),
    ].join(' '),
  )
  expect(made.summary).toContain('It protects the tide basin')
  expect(made.summary).toContain('in the spring. It protects')
})

test.each([
  ['The queue holds tasks until a worker is free to take them.', 'en'],
  ['任务队列系统 Worker Pool 按优先级处理请求。', 'zh'],
  ['これは日本語の文章です。キューについて書いています。', 'ja'],
  ['Die Warteschlange hält Aufgaben, bis ein Arbeiter frei ist und sie übernimmt.', 'de'],
])('the language of %j is %s', (text, language) => expect(detectLanguage(text)).toBe(language))

const ENGLISH = `# Queues in front of slow work

A bounded queue protects a slow service from more requests than it can take. Requests wait in the queue until a
worker is free. When the queue is full, the service refuses new requests at once and says when to come back.

## Priorities

Urgent requests leave the queue before normal requests. Inside one priority the queue keeps the order of arrival.
A worker that becomes free takes the best request of the queue. It is a rule without exception.

## Timeouts

Every request has a time limit, and a worker stops a request that passes its limit. A worker that ignores the
limit is counted as stuck, and its slot goes to the next request of the queue.

\`\`\`ts
const queue = new Queue({ concurrency: 3 })
\`\`\`

| Setting | Default |
|---|---|
| size | 100 |
`

const CHINESE = `# 队列系统

有界队列可以保护缓慢的服务，避免过多的请求同时到达。请求在队列中等待，直到有空闲的工作线程。队列满时，服务会立即拒绝新的请求，并告诉客户端何时重试。

## 优先级

紧急请求先于普通请求离开队列。同一优先级内，队列保持请求到达的顺序。

- 优先级高的任务总是先于其他任务执行
- 队列容量：100

\`\`\`python
queue = Queue()
\`\`\`
`

test.each([
  ['English', ENGLISH, 'en', 'Queues in front of slow work'],
  ['Chinese', CHINESE, 'zh', '队列系统'],
])(
  'a report in %s: whole sentences of the source, none twice, no code and no table rows',
  (_name, text, language, title) => {
    const made = report(text)
    const points = made.key_points.flatMap((section) => section.points.map((point) => point.text))
    const all = [...made.summary.split(/(?<=[.。])\s*/).filter(Boolean), ...points]
    expect([made.language, made.title, made.engine]).toEqual([language, title, 'extractive'])
    expect(made.summary.length).toBeGreaterThan(20)
    expect(new Set(all).size).toBe(all.length)
    const source = text.replace(/\s+/g, '')
    for (const sentence of all) {
      expect(sentence).toMatch(/[.。]$/)
      expect(source).toContain(sentence.replace(/\s+/g, '').slice(0, -1))
    }
    expect(made.markdown).not.toMatch(/Queue\(|\|---|Setting/)
    expect(made.keywords.length).toBeGreaterThan(2)
    expect(made.markdown).toContain(language === 'zh' ? '## 摘要' : '## Summary')
  },
)

test('a report carries its numbers, a stable file name and the hash of its input', () => {
  expect(report(ENGLISH)).toMatchObject({
    filename: 'queues-in-front-of-slow-work-abababab.md',
    hash: 'abababababababab',
    length: { pages: null, reading_minutes: 1 },
    warnings: [],
  })
})

test('what stands in a document never becomes markup of the report', () => {
  const made = report(
    '# <script>alert(1)</script> title\n\nThe [link](x) and the <img src=x> are *data* of the document, and nothing else.',
  )
  expect(made.markdown).not.toMatch(/<script|<img|(?<!\\)\]\(/)
})

test('a text without whole sentences is reported on by its lines, with a warning', () => {
  const made = report('word word word')
  expect([made.summary, made.title, made.warnings]).toEqual([
    'word word word',
    'Fallback',
    ['No whole sentences were found in the text.'],
  ])
})

test.each([
  '2',
  'नमस्ते दुनिया',
  'การประชุมเลื่อนออกไป',
  '- one\n- two',
  'all in small letters, and without an end',
])('a report is never empty: %j', (text) => expect(report(text).summary).not.toBe(''))

test('a very long text is ranked in parts, and the report says how far it goes', () => {
  const sentence = (index: number) =>
    `Sentence number ${index} tells of queue ${index % 97} and of worker ${index % 89} in the system. `
  const made = report(Array.from({ length: 80_000 }, (_, index) => sentence(index)).join(''))
  expect(made.warnings[0]).toMatch(/the report covers the first 4000000/)
  expect(made.summary).not.toBe('')
})

test.each([
  ['"One is said." "Another follows it," she said.', ['"One is said."', '"Another follows it," she said.']],
  ['He has hepatitis A. The others have not.', ['He has hepatitis A.', 'The others have not.']],
  ['George W. Bush met J. K. Rowling there.', ['George W. Bush met J. K. Rowling there.']],
])('quotation marks and initials keep to their sentences: %s', (text, expected) => {
  expect(splitSentences(text, new Intl.Segmenter('en', { granularity: 'sentence' }))).toEqual(expected)
})
