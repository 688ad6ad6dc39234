import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { parseHTML } from 'linkedom'
import { comparePairs, hasExpected } from './pairs.ts'
import { LIMIT_MS, readAll } from './reading.ts'
import { uploadAll } from './uploads.ts'
import { mean, overlapOf, quantile, wordsOf } from './words.ts'

/**
 * `npm run test:corpus -- <folder>`: how well text is taken out of files.
 * Pages: folders with `source.html` and `expected.html`, as Readability's test pages have them; the word F1 of what was
 * read against what was expected. PDFs: every `*.pdf`; the word recall against `pdftotext` (poppler-utils), and how
 * each ends on a server. Everything else, such as texts in encodings and Office files: files with their text beside them in
 * UTF-8, `a.docx` and `a.docx.expected.txt`; the word recall, and what was wrong without a warning, for each folder.
 */

const F1_AIM = 0.95
const RECALL_AIM = 0.97
const SHOWN = 10
const MAX_TEXT_BYTES = 256 * 1024 * 1024

const [folder = ''] = process.argv.slice(2)
if (!existsSync(folder)) {
  console.error('usage: npm run test:corpus -- <folder of pages, PDFs, or files with their text beside them>')
  process.exit(2)
}
const root = resolve(folder)
const files = (await readdir(root, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort()
const pages = files.filter((path) => basename(path) === 'source.html' && files.includes(expectedOf(path)))
const known = new Set(files)
const pairs = files.filter((path) => hasExpected(path, known))
const pdfs = files.filter((path) => /\.pdf$/i.test(path) && !hasExpected(path, known))
if (pages.length + pdfs.length + pairs.length === 0) {
  console.error(
    `${folder}: neither folders with source.html and expected.html, nor PDFs, nor files with .expected.txt beside them`,
  )
  process.exit(2)
}
const isPagesGood = pages.length === 0 || (await comparePages())
const isPdfsGood = pdfs.length === 0 || (await comparePdfs())
const isPairsGood = pairs.length === 0 || (await comparePairs(root, pairs))
process.exit(isPagesGood && isPdfsGood && isPairsGood ? 0 : 1)

function expectedOf(source: string): string {
  return join(dirname(source), 'expected.html')
}

async function comparePages(): Promise<boolean> {
  const scores: { name: string; f1: number }[] = []
  await readAll({ folder: root, paths: pages, mediaType: 'text/html' }, async (path, { text, error }) => {
    const expected = wordsOf(textOfMarkup(await readFile(expectedOf(path), 'utf8')))
    const { f1 } = overlapOf(wordsOf(text ?? ''), expected)
    const name = basename(dirname(path))
    scores.push({ name: error === null ? name : `${name} (${error})`, f1 })
  })
  const f1s = scores.map(({ f1 }) => f1)
  console.log(`pages: ${pages.length}`)
  console.log(
    `  word F1: mean ${mean(f1s).toFixed(4)} (aim ≥ ${F1_AIM}), median ${quantile(f1s, 0.5).toFixed(4)}, p10 ${quantile(f1s, 0.1).toFixed(4)}`,
  )
  for (const { name, f1 } of scores.toSorted((a, b) => a.f1 - b.f1).slice(0, SHOWN)) {
    console.log(`  ${f1.toFixed(4)}  ${name}`)
  }
  return mean(f1s) >= F1_AIM
}

/** The text of expected markup, its blocks apart. */
function textOfMarkup(html: string): string {
  const apart = html.replace(
    /<\/?(p|div|li|td|th|h[1-6]|br|tr|dd|dt|figcaption|blockquote|pre|section|article)\b/gi,
    ' $&',
  )
  return parseHTML(`<html><body>${apart}</body></html>`).document.body.textContent ?? ''
}

async function comparePdfs(): Promise<boolean> {
  const scores: { name: string; recall: number }[] = []
  const notRead: string[] = []
  let slowest = 0
  await readAll(
    { folder: root, paths: pdfs, mediaType: 'application/pdf' },
    async (path, { text, error, ms }) => {
      slowest = Math.max(slowest, ms)
      const expected = wordsOf(await pdftotext(path))
      if (text === null) notRead.push(`${basename(path)}: ${error} (pdftotext: ${expected.length} words)`)
      else if (expected.length > 0)
        scores.push({ name: basename(path), recall: overlapOf(wordsOf(text), expected).recall })
    },
  )
  const recalls = scores.map(({ recall }) => recall)
  console.log(`PDFs: ${pdfs.length}, compared ${scores.length}`)
  console.log(
    `  word recall against pdftotext: median ${quantile(recalls, 0.5).toFixed(4)} (aim ≥ ${RECALL_AIM}), mean ${mean(recalls).toFixed(4)}, p10 ${quantile(recalls, 0.1).toFixed(4)}`,
  )
  console.log(`  slowest ${(slowest / 1000).toFixed(1)} s (limit ${LIMIT_MS / 1000} s)`)
  for (const { name, recall } of scores.toSorted((a, b) => a.recall - b.recall).slice(0, SHOWN)) {
    console.log(`  ${recall.toFixed(4)}  ${name}`)
  }
  for (const line of notRead.slice(0, SHOWN)) console.log(`  not read: ${line}`)
  const { byName, slowestMs, isAlive } = await uploadAll(pdfs, '/analyze-pdf')
  const ends = [...byName].map(([name, count]) => `${name} ${count}`).join(', ')
  console.log(
    `  on a server: ${ends}; slowest ${(slowestMs / 1000).toFixed(1)} s; server ${isAlive ? 'alive' : 'DEAD'}`,
  )
  return quantile(recalls, 0.5) >= RECALL_AIM && slowest < LIMIT_MS && slowestMs < LIMIT_MS && isAlive
}

/** What poppler reads; nothing where it refuses the file. */
async function pdftotext(path: string): Promise<string> {
  return promisify(execFile)('pdftotext', ['-q', path, '-'], {
    maxBuffer: MAX_TEXT_BYTES,
    timeout: LIMIT_MS,
  }).then(
    ({ stdout }) => stdout,
    (error: { code?: string }) => {
      if (error.code === 'ENOENT')
        throw new Error('pdftotext is not installed: apt-get install poppler-utils')
      return ''
    },
  )
}
