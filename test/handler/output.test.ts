import { expect, test } from 'vitest'
import { OutputText, type OutputChunk } from '../../src/handler/context/output-text.ts'

/** What readers hold when they take each chunk as it is meant. */
function read(before: string, chunks: readonly (OutputChunk | null)[]): string {
  return chunks.reduce((text, chunk) => {
    if (chunk === null) return text
    return chunk.reset ? chunk.chunk : text + chunk.chunk
  }, before)
}

function write(sent: string, ...chunks: string[]) {
  const text = new OutputText(sent)
  return chunks.map((chunk) => text.push(chunk))
}

test('a first run reports every chunk as it is', () => {
  expect(write('', 'a', 'b')).toEqual([
    { chunk: 'a', reset: false },
    { chunk: 'b', reset: false },
  ])
})

test('a later run that writes the same text again reports only what is new', () => {
  expect(write('hello ', 'hel', 'lo ', 'world')).toEqual([null, null, { chunk: 'world', reset: false }])
  expect(write('hello ', 'hello world')).toEqual([{ chunk: 'world', reset: false }])
})

test('a later run that writes another text replaces what was reported', () => {
  expect(write('hello ', 'hel', 'p!', ' now')).toEqual([
    null,
    { chunk: 'help!', reset: true },
    { chunk: ' now', reset: false },
  ])
})

test('wherever a chunk ends, readers hold the text of the newest run', () => {
  for (const text of ['abcdef', 'abcdefgh', 'abXdefgh', 'Xbcdef', 'abcdeX']) {
    for (let size = 1; size <= text.length; size += 1) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        text.slice(index * size, (index + 1) * size),
      )
      expect(read('abcdef', write('abcdef', ...chunks)), `${text} by ${size}`).toBe(text)
    }
  }
})
