import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createParsers } from '../corpus/reading.ts'
import { scannedPdf, worn, type Wear } from '../support/scan.ts'
import { accuracyOf } from './accuracy.ts'
import { drawPages, type PageLayout } from './draw.ts'
import { recogniseScan } from './recognise.ts'
import { recogniseInterrupted } from './interrupted.ts'
import { pageText } from './texts.ts'

/**
 * `npm run test:scans`: how well text recognition reads scans of known text, and what it costs a server. Needs chromium,
 * poppler-utils, fonts-noto-cjk and fonts-urw-base35 of Debian.
 *
 * `SCAN_PAGES` (2) pages of each kind are measured; then a scan of `SCAN_RESUMED` (50) pages is sent to a server that is
 * killed in its middle.
 */

const A4 = { width: 595, height: 842 }
const SKEWED: Wear = { degrees: 2 }
const NOISY: Wear = { noise: 60, specks: 0.003 }
const CLEAN: Wear = {}

/** Aims are shares of words (English) or characters (Chinese); null: the figure is only printed. */
interface Kind {
  readonly dpi: number
  readonly name: string
  readonly wear: Wear
  readonly layout?: PageLayout
  readonly aim: number | null
}
const KINDS: readonly Kind[] = [
  { dpi: 300, name: 'clean', wear: CLEAN, aim: 0.97 },
  { dpi: 200, name: 'clean', wear: CLEAN, aim: 0.9 },
  { dpi: 150, name: 'clean', wear: CLEAN, aim: null },
  { dpi: 300, name: 'skewed', wear: SKEWED, aim: 0.9 },
  { dpi: 300, name: 'noisy', wear: NOISY, aim: 0.9 },
  { dpi: 200, name: 'skewed and noisy', wear: { ...SKEWED, ...NOISY }, aim: null },
  { dpi: 150, name: 'skewed and noisy', wear: { ...SKEWED, ...NOISY }, aim: null },
  { dpi: 300, name: 'small type', wear: CLEAN, layout: { share: 0.75 }, aim: 0.97 },
  { dpi: 200, name: 'small type, grain', wear: { noise: 20 }, layout: { share: 0.75 }, aim: null },
  { dpi: 300, name: 'two columns', wear: CLEAN, layout: { columns: 2 }, aim: 0.97 },
]

const pages = Number(process.env['SCAN_PAGES'] ?? 2)
const folder = await mkdtemp(join(tmpdir(), 'headgate-scans-'))
const resumed = Number(process.env['SCAN_RESUMED'] ?? 50)
const isAccurate = pages === 0 || (await measureAccuracy())
const isGood = (resumed === 0 || (await measureInterrupted())) && isAccurate
await rm(folder, { recursive: true, force: true })
process.exit(isGood ? 0 : 1)

async function measureAccuracy(): Promise<boolean> {
  const parsers = createParsers(folder)
  const alive = setInterval(() => undefined, 1000)
  let isGood = true
  console.log('language  dpi  scan               accuracy  lowest   aim     confidence  s a page')
  for (const language of ['English', 'Chinese'] as const) {
    for (const { dpi, name, wear, layout, aim } of KINDS) {
      const texts = Array.from({ length: pages }, (_, index) => pageText(language, index + 1))
      const images = await drawPages(texts, { language, dpi, ...layout })
      const scores: number[] = []
      let [confidence, seconds] = [0, 0]
      for (const [index, image] of images.entries()) {
        const scan = scannedPdf([worn(image, { ...wear, seed: index })], A4)
        const read = await recogniseScan(parsers, join(folder, 'scan.pdf'), scan)
        scores.push(accuracyOf(read.text, (texts[index] ?? []).join('\n'), language))
        confidence += read.confidence / pages
        seconds += read.msOfPage / 1000 / pages
      }
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
      if (aim !== null && mean < aim) isGood = false
      console.log(
        [
          language.padEnd(8),
          String(dpi).padStart(4),
          name.padEnd(17),
          mean.toFixed(4).padStart(9),
          Math.min(...scores).toFixed(4),
          aim === null ? '     ' : `≥ ${aim}`,
          confidence.toFixed(0).padStart(8),
          seconds.toFixed(1).padStart(10),
        ].join('  '),
      )
    }
  }
  await parsers.stop()
  clearInterval(alive)
  return isGood
}

async function measureInterrupted(): Promise<boolean> {
  const texts = Array.from({ length: resumed }, (_, index) => pageText('English', index + 1))
  const images = await drawPages(texts, { language: 'English', dpi: 150 })
  const {
    status,
    pages: read,
    ...found
  } = await recogniseInterrupted(scannedPdf(images, A4), resumed, folder)
  const { p50, p99, max } = found.loopDelayMs
  console.log(
    `${resumed} pages, kill -9 at page ${Math.floor(resumed / 2)}: ${status}, ${read} pages recognised, ` +
      `${found.repeated} repeated (aim ≤ 1), ${found.seconds.toFixed(0)} s`,
  )
  console.log(
    `event loop late by p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, at most ${max.toFixed(1)} ms; ` +
      `a reading process held ${found.memoryShare.toFixed(2)} × its cap`,
  )
  return status === 'completed' && read === resumed && found.repeated <= 1 && found.memoryShare <= 1.2
}
