import { expect, test } from 'vitest'
import { readChapterLine } from '../../src/analysis/parse/chapter-line.ts'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { reportRequest } from '../support/report.ts'
import { startServer } from '../support/server.ts'

const report = (text: string) =>
  extractReport(readText(new TextEncoder().encode(text)), reportRequest(), () => undefined)
const headings = (text: string) => report(text).key_points.map(({ heading }) => heading)

test.each([
  ['CHAPTER IV. The Return', { kind: 'chapter', number: 4 }],
  ['Chapter 12', { kind: 'chapter', number: 12 }],
  ['Chapter Three — Of Gates', { kind: 'chapter', number: 3 }],
  ['Part 2: Water', { kind: 'part', number: 2 }],
  ['Kapitel 7', { kind: 'kapitel', number: 7 }],
  ['Глава 5. Возвращение', { kind: 'глава', number: 5 }],
  ['第三章 归来', { kind: '第章', number: 3 }],
  ['第12章归来', { kind: '第章', number: 12 }],
  ['第一百二十一回', { kind: '第回', number: 121 }],
  ['XIV.', { kind: 'roman', number: 14 }],
])('%s begins a chapter', (line, expected) => expect(readChapterLine(line)).toEqual(expected))

test.each([
  'Chapter 3 of the report says that the queue is bounded',
  'Part of the water flows on',
  'The first chapter 3',
  '第三方的软件，必须先检查。',
  '第一回合的输出：',
  '第二节课从九点开始',
  'I am here.',
  'Chapters are long',
  `Chapter 1 ${'x'.repeat(100)}`,
])('%s does not', (line) => expect(readChapterLine(line)).toBeNull())

const THINGS = [
  'gate',
  'channel',
  'miller',
  'river',
  'field',
  'wheel',
  'farmer',
  'storm',
  'harvest',
  'bridge',
]
const WAYS = ['carried', 'opened', 'measured', 'repaired', 'watched', 'divided', 'guarded', 'followed']

/** Sentences that differ from each other. */
function prose(seed: number, count: number): string {
  const sentences = Array.from({ length: count }, (_, n) => {
    const [a, b, c] = [THINGS[(seed + n) % 10], WAYS[(seed * 3 + n) % 8], THINGS[(seed * 7 + n * 3) % 10]]
    return `In year ${seed * 100 + n} the old ${a} of village ${n % 13} ${b} the ${c} near stone ${n * 7}.`
  })
  return sentences.join(' ')
}

test('a plain text that names its chapters has one group for each, and its contents are no chapters', () => {
  const names = ['The Gate', 'The Storm', 'The Harvest']
  const contents = names.map((name, n) => `Chapter ${n + 1}. ${name}`).join('\n\n')
  const chapters = names.map((name, n) => `CHAPTER ${['I', 'II', 'III'][n]}.\n\n${name}\n\n${prose(n, 40)}`)
  expect(headings(`The Book of Water\n\n${contents}\n\n${chapters.join('\n\n')}`)).toEqual([
    'CHAPTER I. The Gate',
    'CHAPTER II. The Storm',
    'CHAPTER III. The Harvest',
  ])
})

test('a question is the title of a chapter, what somebody says is not', () => {
  const chapters = ['Who Opened the Gate?', '“Who are you?” he asked', 'The End'].map(
    (title, n) => `Chapter ${n + 1}\n\n${title}\n\n${prose(n, 40)}`,
  )
  expect(headings(chapters.join('\n\n'))).toEqual([
    'Chapter 1 Who Opened the Gate?',
    'Chapter 2',
    'Chapter 3 The End',
  ])
})

test('a book of Project Gutenberg is read without the terms around it', () => {
  const text = [
    'This eBook is for the use of anyone anywhere at no cost and with almost no restrictions whatsoever.',
    '*** START OF THE PROJECT GUTENBERG EBOOK OF GATES ***',
    prose(6, 40),
    '*** END OF THE PROJECT GUTENBERG EBOOK OF GATES ***',
    'You may copy it, give it away or re-use it under the terms of the license included with this eBook.',
  ].join('\n\n')
  const { markdown } = report(text)
  expect(markdown).toContain('In year 600')
  expect(markdown).not.toMatch(/eBook|GUTENBERG/)
})

test('chapters of a Chinese text stand on lines of their own, without empty ones between', () => {
  const chapter = (n: number, name: string) => {
    const lines = Array.from(
      { length: 30 },
      (_, k) => `村里的老人在第${k}天打开了${n}号水闸，河水流过田地和磨坊。`,
    )
    return `第${'一二三'[n]}章 ${name}\n${lines.join('\n')}`
  }
  expect(headings([chapter(0, '水闸'), chapter(1, '暴雨'), chapter(2, '收获')].join('\n'))).toEqual([
    '第一章 水闸',
    '第二章 暴雨',
    '第三章 收获',
  ])
})

test('a long text without headings is divided into parts, each with its points', () => {
  const paragraphs = Array.from({ length: 60 }, (_, n) => prose(n, 20))
  const { key_points: groups, length } = report(paragraphs.join('\n\n'))
  expect(groups.map(({ heading }) => heading)).toEqual(groups.map((_, n) => `Part ${n + 1}`))
  expect(groups.length).toBeGreaterThanOrEqual(6)
  for (const { points } of groups) expect(points.length).toBeGreaterThanOrEqual(2)
  expect(length.report_words).toBeGreaterThan(400)
})

test.each([
  ['English', Array.from({ length: 60 }, (_, n) => prose(n, 20)).join(' ')],
  [
    'Chinese',
    Array.from({ length: 900 }, (_, n) => `第${n}号闸门在风暴潮到来之前由班组关闭并检查了水泵。`).join(''),
  ],
])('a long text in %s that is one paragraph is divided between its sentences', (_language, text) => {
  const { key_points: groups } = report(text)
  expect(groups.length).toBeGreaterThanOrEqual(4)
  for (const point of groups.flatMap(({ points }) => points)) expect(text).toContain(point.text)
})

test('an article without headings stays one piece', () => {
  expect(headings(prose(1, 40))).toEqual([null])
})

test('a sentence that begins with the words of a chapter stays whole', () => {
  const text = `${prose(2, 12)}\n\nChapter 3 of the report says that the queue\nis bounded, and that it holds what it takes.\n\n${prose(3, 12)}`
  const { sections } = readText(new TextEncoder().encode(text))
  const all = sections.flatMap(({ paragraphs }) => paragraphs.map((paragraph) => paragraph.text))
  expect(all).toContain(
    'Chapter 3 of the report says that the queue is bounded, and that it holds what it takes.',
  )
})

test.each([150, 200, 250, 290])('the report of a text of %i words is at most a third of it', (count) => {
  const text = prose(4, 40).split(' ').slice(0, count).join(' ')
  const { length, summary, markdown } = report(`${text}.`)
  expect(length.compression).toBeLessThanOrEqual(1 / 3)
  expect(summary).toMatch(/^In year/)
  expect(markdown).not.toMatch(/## Key points\n\n(?:## |$)/)
})

test('of a few words the best sentence is kept, however short the text', () => {
  expect(report('The queue is bounded. It refuses what it cannot hold.').summary).not.toBe('')
})

test('the report of a short Chinese text is at most a third of it', () => {
  const lines = Array.from({ length: 18 }, (_, n) => `第${n}个村庄的农民在秋天修理了通往河边的旧水闸。`)
  expect(report(lines.join('')).length.compression).toBeLessThanOrEqual(1 / 3)
})

test('a book is read by the child of a server, chapter by chapter', async () => {
  const { upload, ended } = await startServer()
  const book = Array.from({ length: 5 }, (_, n) => `CHAPTER ${n + 1}\n\n${prose(n, 200)}`).join('\n\n')
  const { body } = await upload('/analyze-document', Buffer.from(book))
  const { result } = await ended(body['task_id'])
  const groups = result.key_points as { heading: string; points: unknown[] }[]
  expect(groups.map(({ heading }) => heading)).toEqual([1, 2, 3, 4, 5].map((n) => `CHAPTER ${n}`))
  for (const { points } of groups) expect(points).toHaveLength(4)
})

test('lines that stand alone above paragraphs are the headings of a plain text', () => {
  const titles = ['Background and History', 'The Emergency Gates', '3.1 Costs', 'What Remains to Be Decided']
  const text = titles.map((title, n) => `\t${title}\n\n${prose(n + 1, 6)}`)
  expect(headings([prose(9, 4), ...text].join('\n\n')).filter((heading) => heading !== null)).toEqual(titles)
  const chinese = (n: number) => `港务局在第${n}次风暴潮之前关闭了闸门，并通知了${n}个值班人员和水泵房。`
  const named = ['历史沿革', '闸门的维护', '今后的计划'].map((title, part) => {
    const lines = Array.from({ length: 6 }, (_, n) => chinese(part * 10 + n))
    return `${title}\n\n${lines.join('')}`
  })
  expect(headings(named.join('\n\n'))).toEqual(['历史沿革', '闸门的维护', '今后的计划'])
})

test.each([
  [
    'the rows of a table',
    Array.from({ length: 12 }, (_, n) => `Gate ${n} North\n\nOpen\n\n${prose(n, 1)}`).join('\n\n'),
  ],
  [
    'speakers',
    ['MS. CARR:', 'MR. DUNN:', 'MS. CARR:'].map((name, n) => `${name}\n\n${prose(n, 4)}`).join('\n\n'),
  ],
  ['the names of authors', [1, 2, 3].map((n) => `By Ann Carr\n\n${prose(n, 6)}`).join('\n\n')],
  ['two lines', `The Gates\n\n${prose(1, 8)}\n\nThe Pumps\n\n${prose(2, 8)}`],
])('%s are no headings', (_name, text) => {
  expect(headings(text).every((heading) => heading === null)).toBe(true)
})
