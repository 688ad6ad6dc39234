import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { joinLines } from '../../src/analysis/parse/document.ts'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'
import { cutPieces, wordsIn } from '../../src/analysis/pieces.ts'
import { sentencesOf } from '../../src/analysis/write/extractive/sentences.ts'

/** Work whose cost grows with the square of a length is given short pieces: held by their lengths, not by time. */

test('pieces make up the text, none is too long, and a word is cut only where it is longer than half a piece', () => {
  const word = fc.stringMatching(/^[a-zé词😀]{1,40}$/u)
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), fc.constantFrom(' ', ', ', '。'), (words, mark) => {
      const text = words.join(mark)
      const pieces = [...cutPieces(text, 100)]
      expect(pieces.join('')).toBe(text)
      for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(100)
      for (const piece of pieces.slice(0, -1)) expect(piece).toMatch(/[ 。]$/)
    }),
  )
})

test('a character of two halves is not cut in its middle', () => {
  for (const piece of cutPieces('😀'.repeat(101), 25)) expect(piece).toMatch(/^😀+$/u)
})

test('the words of a long text are found in pieces, and are those of the whole', () => {
  const whole = new Intl.Segmenter('en', { granularity: 'word' })
  let longest = 0
  const watched = {
    segment: (text: string) => {
      longest = Math.max(longest, text.length)
      return whole.segment(text)
    },
  } as Intl.Segmenter
  const text = 'The gate holds, and the water waits. '.repeat(2000)
  const found = [...wordsIn(text, watched)]
  expect(found).toHaveLength(7 * 2000)
  expect(new Set(found)).toEqual(new Set(['The', 'gate', 'holds', 'and', 'the', 'water', 'waits']))
  expect(longest).toBeLessThanOrEqual(500)
})

test('a run of words without an end is not one sentence', () => {
  const document = readText(
    Buffer.from(`${'word '.repeat(20_000)}. It ends here with a sentence of its own.`),
  )
  const sentences = sentencesOf(document, 'en')
  for (const { text } of sentences) expect(text.length).toBeLessThan(25_000)
})

test('lines of one paragraph are joined by spaces, and Chinese characters by none', () => {
  expect(joinLines(['One line', '', 'and the next'])).toBe('One line and the next')
  expect(joinLines(['第一行', '第二行', 'and'])).toBe('第一行第二行 and')
  expect(joinLines(['パラメータとは', 'Linux', 'カーネルの', 'こと。', 'GNU', '「が」'])).toBe(
    'パラメータとは Linux カーネルのこと。GNU「が」',
  )
  const lines = Array.from({ length: 150_000 }, () => 'a: b')
  expect(joinLines(lines)).toHaveLength(150_000 * 5 - 1)
})
