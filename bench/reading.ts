import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Parsers } from '../src/analysis/sandbox/parsers.ts'
import type { Job, JobSource } from '../src/analysis/sandbox/protocol.ts'
import { median } from './support.ts'

/**
 * `npm --prefix bench run reading -- <file.pdf> …`: pages a second of a warm reading child beside `pdftotext`
 * (poppler-utils) on the same files, in turn; and how long the offline report takes, by a cold child and a warm one.
 */

const ROUNDS = 5
const MB = 1024 * 1024
const files = process.argv.slice(2).map((file) => resolve(file))
if (files.length === 0 || !files.every((file) => existsSync(file))) {
  console.error('usage: npm --prefix bench run reading -- <file.pdf> …')
  process.exit(2)
}
const hasPeer = spawnSync('pdftotext', ['-v']).error === undefined
const never = new AbortController().signal
// Idle children alone keep no process alive.
const alive = setInterval(() => undefined, 60_000)

for (const file of files) {
  const source: JobSource = { kind: 'file', path: file, mediaType: 'application/pdf' }
  const origin = {
    kind: 'upload',
    name: null,
    url: null,
    mediaType: 'application/pdf',
    sha256: '0'.repeat(64),
  } as const
  const report: Job<'report'> = {
    kind: 'report',
    source,
    request: { title: null, fallbackTitle: 'F', origin },
  }
  const text: Job<'text'> = { kind: 'text', source, request: null }

  const colds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const cold = parsersFor(file)
    colds.push(await parseSeconds(() => cold.run(report, () => undefined, never)))
    await cold.stop()
  }
  const parsers = parsersFor(file)
  const { length } = await parsers.run(report, () => undefined, never)
  const pages = length.pages ?? 1
  const [warms, reads, peers]: number[][] = [[], [], []]
  let peakMb = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    reads?.push(await parseSeconds(() => parsers.run(text, () => undefined, never)))
    if (hasPeer)
      peers?.push(await parseSeconds(() => promisify(execFile)('pdftotext', ['-q', file, '/dev/null'])))
    warms?.push(await parseSeconds(() => parsers.run(report, () => undefined, never)))
    peakMb = Math.max(peakMb, peakOf(parsers.idlePids[0]))
  }
  await parsers.stop()
  const [read, warm, peer] = [median(reads ?? []), median(warms ?? []), median(peers ?? [])]
  console.log(`${file}: ${pages} pages`)
  console.log(
    `  reading, warm child: ${(pages / read).toFixed(0)} pages/s; pdftotext ${(pages / peer).toFixed(0)}; ratio ${(peer / read).toFixed(2)} (aim ≥ 0.6)`,
  )
  console.log(
    `  report, cold child ${median(colds).toFixed(2)} s (aim ≤ 1.5 for 14 pages), warm ${warm.toFixed(2)} s (aim ≤ 0.6)`,
  )
  console.log(`  peak memory of the child: ${peakMb} MB`)
}

clearInterval(alive)

function parsersFor(file: string): Parsers {
  return new Parsers({ maxIdle: 1, memoryBytes: 2048 * MB, cpuMs: 120_000, readableFolder: dirname(file) })
}

async function parseSeconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

/** MB that a process has held at most, as Linux tells it. */
function peakOf(pid: number | undefined): number {
  const status = spawnSync('grep', ['VmHWM', `/proc/${pid}/status`], { encoding: 'utf8' }).stdout
  return Math.round(Number(/\d+/.exec(status)?.[0] ?? 0) / 1024)
}
