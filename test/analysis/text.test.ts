import { expect, test } from 'vitest'
import { isRunningText } from '../../src/analysis/parse/document.ts'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'

const read = (text: string) => readText(new TextEncoder().encode(text))
const paragraphs = (text: string) =>
  read(text).sections.flatMap((section) =>
    section.paragraphs.filter(isRunningText).map(({ text: line }) => line),
  )

test('Markdown becomes sections of paragraphs and list items', () => {
  const { title, sections } = read(
    '# Title\n\nOpening.\n\n## One\n\nFirst line\nsecond line.\n\n- item a\n- item b\n\nTwo\n---\n\nLast.',
  )
  expect(title).toBe('Title')
  expect(
    sections.map(({ heading, paragraphs: found }) => [heading, found.map((p) => [p.text, p.kind])]),
  ).toEqual([
    [null, [['Opening.', 'prose']]],
    [
      'One',
      [
        ['First line second line.', 'prose'],
        ['item a', 'item'],
        ['item b', 'item'],
      ],
    ],
    ['Two', [['Last.', 'prose']]],
  ])
})

test.each([
  ['fenced code', 'Before.\n\n```ts\nconst x = 1\n```\n\nAfter.', ['Before.', 'After.']],
  ['a fence of tildes with ticks inside', '~~~\n```\ncode\n~~~\nAfter.', ['After.']],
  ['table rows', '| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter.', ['After.']],
  ['rules and diagrams', '---\n\n***\n\n↓ → ↓ → ↓\n\nAfter.', ['After.']],
  ['front matter', '---\ntitle: x\n---\nAfter.', ['After.']],
])('%s is no running text', (_name, text, expected) => expect(paragraphs(text)).toEqual(expected))

test('code keeps its lines, a table its rows, both under their own names', () => {
  const { sections } = read('```ts\nif (x) {\n  y()\n}\n```\n\n| **a** | b |\n|---|---|\n| 1 | 2 |')
  expect(sections[0]?.paragraphs).toMatchObject([
    { kind: 'code', text: 'if (x) {\n  y()\n}' },
    { kind: 'table', text: 'a | b\n1 | 2' },
  ])
})

test('marks of Markdown are taken off, words kept', () => {
  expect(
    paragraphs('**Bold**, *leaning*, `code`, [a link](http://x) ![picture](y) ✅ snake_case_name and 2*3*4'),
  ).toEqual(['Bold, leaning, code, a link snake_case_name and 2*3*4'])
})

test('lines of Chinese are joined without a space, hard breaks kept apart', () => {
  expect(paragraphs('第一行\n第二行。')).toEqual(['第一行第二行。'])
  expect(paragraphs('时间: 一  \n状态: 二')).toEqual(['时间: 一', '状态: 二'])
})

test('a heading of thousands of spaces, and other long lines, are read in no more time than they are long', () => {
  const spaces = ' '.repeat(500_000)
  const lines = [
    `# Gates${spaces}page 1`,
    `#${spaces}x`,
    `|${spaces}x`,
    `${spaces}x`,
    '**'.repeat(250_000),
    '<a'.repeat(250_000),
    '['.repeat(250_000),
    '`'.repeat(250_000),
    `- ${'*_'.repeat(250_000)}`,
    '<!--'.repeat(100_000),
    '|---'.repeat(100_000),
  ]
  const startedAt = process.cpuUsage().user
  const { title } = read(lines.join('\n\n'))
  expect(title).toBe('Gates page 1')
  // A quadratic pattern takes minutes.
  expect(process.cpuUsage().user - startedAt).toBeLessThan(20_000_000)
})
