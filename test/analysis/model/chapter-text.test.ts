import * as fc from 'fast-check'
import MarkdownIt from 'markdown-it'
import { expect, test } from 'vitest'
import { ChapterText, createCitations } from '../../../src/analysis/render/chapter-text.ts'

const passage = (number: number, page: number | null, seconds: number | null = null) => ({
  number,
  text: `Text ${number}`,
  kind: 'prose' as const,
  tokens: 2,
  page,
  seconds,
  heading: 'A part',
})
const PAGES = [passage(1, 3), passage(2, 3), passage(3, 7)]
const english = createCitations(PAGES, 'en', undefined)

function cleaned(text: string, citations = english, cuts: readonly number[] = []): string {
  const chapter = new ChapterText(citations)
  let streamed = ''
  let at = 0
  for (const cut of [...cuts, text.length]) {
    streamed += chapter.push(text.slice(at, cut))
    at = cut
  }
  streamed += chapter.end()
  expect(streamed.trim()).toBe(chapter.markdown)
  return chapter.markdown
}

test.each([
  ['So it is [1].', 'So it is (p. 3).'],
  ['So it is [1][2].', 'So it is (p. 3).'],
  ['So it is [1, 3] and [2–3].', 'So it is (p. 3; p. 7) and (p. 3; p. 7).'],
  ['So it is【3】.', 'So it is (p. 7).'],
  ['So it is [99].', 'So it is.'],
])('numbers become the places of their passages: %s', (text, expected) => {
  expect(cleaned(text)).toBe(expected)
})

test('places are moments of a video, with their links, or sections where nothing else is known', () => {
  const spoken = createCitations([passage(1, null, 65)], 'zh', 'https://youtu.be/aBcDeFgHi_-?t=')
  expect(cleaned('如此[1]。', spoken)).toBe('如此（[1:05](https://youtu.be/aBcDeFgHi_-?t=65)）。')
  expect(cleaned('So [1].', createCitations([passage(1, null)], 'en', undefined))).toBe('So (§ A part).')
})

test('the places of a chapter are kept in the order of the source', () => {
  const chapter = new ChapterText(english)
  chapter.push('Last first [3]. Then [1].')
  chapter.end()
  expect(chapter.sources.map(({ page }) => page)).toEqual([3, 7])
})

test.each([
  ['# A heading', '### A heading'],
  ['#### Deeper', '#### Deeper'],
  ['Line\n---\nafter', 'Line\n\nafter'],
  ['![a](http://x/y.png)', 'a'],
  ['[a](http://x)', 'a'],
  ['<b>bold</b>', '&lt;b>bold&lt;/b>'],
  ['`<b>` stays', '`<b>` stays'],
  ['a stray ` tick <b>', 'a stray \\` tick &lt;b>'],
  ['```js\nif (a < b) {\n```\n<b>', '```js\nif (a < b) {\n```\n&lt;b>'],
  ['~~~\nnever closed <b>', '```\nnever closed <b>\n```'],
  ['text\n\n```', 'text\n\n```\n```'],
  ['```x``` is a function.', '\\`\\`\\`x\\`\\`\\` is a function.'],
  ['> # Big', '> ### Big'],
  ['Title\n-', 'Title'],
  ['[# ](http://x)Big', '\\# Big'],
  ['Title\n[=](http://x)', 'Title\n\\='],
  ['[~~~](http://x)\n<b>', '\\~~~\n&lt;b>'],
  ['[99]# Big', '\\# Big'],
  ['> [99]## Big', '>\\## Big'],
  [`${'[99]'.repeat(1100)}# Big`, '\\# Big'],
])('%j becomes %j', (text, expected) => expect(cleaned(text)).toBe(expected))

/** Pieces that could make markup of each other. */
const PIECES = [
  '[',
  ']',
  '(',
  ')',
  '!',
  '<',
  '>',
  '`',
  '```',
  '~~~',
  '\n',
  '\n\n',
  ' ',
  'a',
  'b.',
  '# ',
  '- ',
  '> ',
  '[1]',
  '[99]',
  '=',
  '# b',
  '---',
  '\\`',
  '\\[',
  '\\]',
  '![x](http://x)',
  '| ` |',
  '` |',
  '| ',
  '|---|---|\n',
  '[a]',
  '[a]: http://x\n',
  '\n\n[b.]: http://x\n',
  '[b.]',
  '](',
  'http://x)',
  '(http://x)',
  '<b>',
  '<script>',
  '![',
  ':',
  '"',
  'http://x',
  'script',
  '/',
  '&lt;',
  '\\',
  '*',
  '**',
  '|',
  '    ',
]
const evil = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(''))

test('whatever a model writes, nothing of it is a link, an image or HTML', () => {
  const markdown = new MarkdownIt({ html: true })
  fc.assert(
    fc.property(evil, (text) => {
      const html = markdown.render(cleaned(text))
      expect(html).not.toMatch(/<(a|img|script|b|http|h1|h2|\/)[\s>]/)
    }),
    { numRuns: 3000 },
  )
})

test('however the pieces come, the text is the same', () => {
  const sentence = fc.constantFrom(
    'A sentence of some length that ends here. ',
    'Another one [1]. ',
    '一句话。',
    'List:\n- x [2]\n',
    '**Bold** words. ',
  )
  const text = fc.array(sentence, { minLength: 1, maxLength: 20 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, fc.array(fc.nat(600), { maxLength: 30 }), (whole, cuts) => {
      const inOrder = cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b)
      expect(cleaned(whole, english, inOrder)).toBe(cleaned(whole))
    }),
    { numRuns: 500 },
  )
})

test('a line without an end is streamed in pieces, in no more time than it is long', () => {
  for (const piece of ['a', ' ', '[', '`', '|x', '](']) {
    const chapter = new ChapterText(english)
    const startedAt = process.cpuUsage().user
    for (let at = 0; at < 200_000; at += 4 * piece.length) chapter.push(piece.repeat(4))
    chapter.end()
    // Quadratic work on this much would take minutes.
    expect((process.cpuUsage().user - startedAt) / 1_000_000, piece).toBeLessThan(5)
  }
})
