import { expect, test } from 'vitest'
import { MAIL, RTF, YOUTUBE_CAPTIONS } from '../../src/analysis/parse/media-types.ts'
import { markChunks } from '../../src/analysis/parse/office/word-chunks.ts'
import { simplifyWordText } from '../../src/analysis/parse/office/word-text.ts'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { NOTEBOOK } from '../../src/uploads/detect-media-type.ts'

/** Texts that make a pattern with two ways to match the same characters take minutes: one for each reader of text. */

const LENGTH = 1_000_000
const TEX = '\\documentclass{a}\n\\begin{document}\nSome text.\n'
const RST = '.. a::\n\nTitle\n=====\n\nSome text.\n'
const CSV = 'a,b\n1,2\n3,4\n5,6\n'
const SRT = '1\n00:00:01,000 --> 00:00:02,000\nHello there, and a word.\n\n'
const MAIL_PAGE = 'From: a@b.example\nSubject: x\nContent-Type: text/html\n\n<p>Hello there, and a word.</p>'
const HTML = '<!DOCTYPE html><html><body><p>Some text of a page.</p>'
const MAIL_TEXT = 'From: a@b.example\nSubject: x\nContent-Type: text/plain\n\nHello there, and a word.\n'
const notebook = (source: string) =>
  JSON.stringify({
    cells: [
      { cell_type: 'markdown', source: 'Some text.' },
      { cell_type: 'markdown', source },
    ],
    nbformat: 4,
    metadata: {},
  })
const same = (text: string) => text

interface Reader {
  readonly name: string
  readonly mediaType: string
  readonly before: string
  /** Repeated up to the length. */
  readonly pieces: readonly string[]
  readonly wrap?: (text: string) => string
}

const READERS: readonly Reader[] = [
  {
    name: 'plain text',
    mediaType: 'text/plain',
    before: 'Some text. ',
    pieces: ['\n', ' ', 'Chapter 1. ', '第'],
  },
  {
    name: 'LaTeX',
    mediaType: 'text/plain',
    before: TEX,
    pieces: ['~', '\n', '\\item ', '\\\\', '\\begin{', '\\begin{tabular}\n'],
  },
  { name: 'reStructuredText', mediaType: 'text/plain', before: RST, pieces: ['`a ', ' ', '::', '=== '] },
  { name: 'csv', mediaType: 'text/plain', before: CSV, pieces: ['"', '""', ', ', '"a,'] },
  { name: 'captions', mediaType: 'text/plain', before: SRT, pieces: ['<i>', '00:', '[a', '1\n'] },
  { name: 'vtt', mediaType: 'text/vtt', before: `WEBVTT\n\n${SRT}`, pieces: ['<v ', '&amp', 'NOTE\n'] },
  {
    name: 'a web page',
    mediaType: 'text/html',
    before: HTML,
    pieces: ['<!--', '&#', ' class="', '<pre>', '<a>', '<table>', '<div>', '<b><div>'],
  },
  {
    name: 'rich text',
    mediaType: RTF,
    before: '{\\rtf1\\ansi Text. ',
    pieces: ["\\'", '{\\*', '\\par ', '\\bin9 '],
  },
  { name: 'a mail', mediaType: MAIL, before: MAIL_TEXT, pieces: ['> ', '=3D', '-- \n', ' '] },
  { name: 'a mail with a page', mediaType: MAIL, before: MAIL_PAGE, pieces: ['<div>', '<blockquote>'] },
  {
    name: 'a notebook',
    mediaType: NOTEBOOK,
    before: '',
    pieces: ['![a](', '$$', ' '],
    wrap: notebook,
  },
  {
    name: 'captions of YouTube',
    mediaType: YOUTUBE_CAPTIONS,
    before: '',
    pieces: ['[Music]', '>> ', ' '],
    wrap: (text) => JSON.stringify({ events: [{ tStartMs: 0, segs: [{ utf8: `Hello there. ${text}` }] }] }),
  },
]

test.each(READERS)(
  '$name with long repetitions is read in time that grows with its length',
  async ({ mediaType, before, pieces, wrap = same }) => {
    for (const piece of pieces) {
      const text = wrap(`${before}${piece.repeat(LENGTH / piece.length)}x`)
      const startedAt = process.cpuUsage()
      await readDocument({ bytes: new TextEncoder().encode(text), mediaType, charset: null }, () => undefined)
      // A quadratic pattern takes minutes.
      expect(process.cpuUsage(startedAt).user / 1_000_000, JSON.stringify(piece)).toBeLessThan(10)
    }
  },
)

test.each([
  '<w:rt>',
  '<w:rubyPr>',
  '<m:oMath>',
  '<m:oMathParaPr>',
  '<w:altChunk r:id="a">',
  '<mc:AlternateContent><mc:Choice><w:txbxContent>',
  '<mc:AlternateContent></mc:AlternateContent>',
  '<v:textpath string="a" ',
  '<w:ptab ',
])('the markup of a Word document with %j many times is simplified in time', (piece) => {
  const startedAt = process.cpuUsage()
  const made = simplifyWordText(markChunks(piece.repeat(LENGTH / piece.length)))
  expect(process.cpuUsage(startedAt).user / 1_000_000).toBeLessThan(10)
  expect(made.length).toBeGreaterThan(0)
})
