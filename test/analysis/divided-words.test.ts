import { expect, test } from 'vitest'
import { DividedWords } from '../../src/analysis/parse/pdf/divided-words.ts'

test.each([
  ['a word is put together', [], 'the cel-', 'lars of the house', 'the cellars of the house'],
  [
    'a name that stands elsewhere in one piece',
    ['TraceMonkey is fast.'],
    'We show Trace-',
    'Monkey.',
    'We show TraceMonkey.',
  ],
  ['a name with a hyphen', [], 'the book of Jean-', 'Paul Sartre', 'the book of Jean-Paul Sartre'],
  ['a compound that stands elsewhere', ['a well-known rule'], 'a well-', 'known place', 'a well-known place'],
  [
    'a compound of two words',
    ['It was read only, and mode two.'],
    'in read-',
    'only mode',
    'in read-only mode',
  ],
  [
    'a beginning of several compounds',
    ['non-linear and non-empty'],
    'a non-',
    'negative number',
    'a non-negative number',
  ],
  ['a soft hyphen', ['cel-lars'], 'the cel\u00ad', 'lars', 'the cellars'],
  ['a hyphen before a number', [], 'against COVID-', '19 in spring', 'against COVID-19 in spring'],
  ['a dash', [], 'the house -', 'and the garden', 'the house - and the garden'],
])('at the end of a line: %s', (_name, lines, before, after, joined) => {
  expect(new DividedWords([...lines, before, after]).join([before, after])).toBe(joined)
})

test('a paragraph of a hundred thousand lines is joined in steps of a line each', () => {
  const lines = Array.from({ length: 100_000 }, (_, index) => `word-${index} divi-`)
  const joined = new DividedWords(lines).join([...lines, 'ded'])
  // Each line loses its hyphen.
  const length = lines.join('').length - lines.length + 'ded'.length
  expect([joined.length, joined.slice(-14)]).toEqual([length, '-99999 divided'])
})
