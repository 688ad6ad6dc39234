import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { Parsers } from '../../src/analysis/sandbox/parsers.ts'
import type { Job, JobSource } from '../../src/analysis/sandbox/protocol.ts'
import { CancelRequested } from '../../src/task/outcome.ts'
import { reportRequest } from '../support/report.ts'
import { drawnPdf, samplePdf } from '../support/pdf.ts'

const MB = 1024 * 1024
const TEXT =
  'A bounded queue protects a slow service from too many requests. A worker takes the best request.'
/** Elements nested this deep keep a reader of pages busy for minutes. */
const SPINNING_PAGE = `<html><body>${'<div>'.repeat(60_000)}${TEXT}`
const LARGE_PAGE = `<html><body>${'<p>Some words of a paragraph.</p>'.repeat(400_000)}</body></html>`

async function setup(limits = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-parse-'))
  const parsers = new Parsers({
    maxIdle: 1,
    memoryBytes: 512 * MB,
    cpuMs: 20_000,
    readableFolder: folder,
    ...limits,
  })
  onTestFinished(async () => {
    await parsers.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const jobOf = (source: JobSource): Job<'report'> => ({
    source,
    kind: 'report',
    request: reportRequest(),
  })
  const onText = (text: string, signal = new AbortController().signal) =>
    parsers.run(jobOf({ kind: 'text', text, mediaType: 'text/plain' }), () => undefined, signal)
  const onFile = async (
    content: string | Uint8Array,
    mediaType: string,
    signal = new AbortController().signal,
  ) => {
    const path = join(folder, 'file')
    await writeFile(path, content)
    return parsers.run(jobOf({ kind: 'file', path, mediaType }), () => undefined, signal)
  }
  return { folder, parsers, onText, onFile, jobOf }
}

const failing = (errorType: string) => expect.objectContaining({ errorType })

test('a child reads one document after the other', async () => {
  const { onText, onFile, parsers } = await setup()
  expect((await onText(TEXT)).summary).toContain('bounded queue')
  const first = parsers.idlePids
  expect((await onFile(samplePdf([TEXT]), 'application/pdf')).length.pages).toBe(1)
  expect(parsers.idlePids).toEqual(first)
})

test('a child is started ahead of the first document, but not while the server starts', async () => {
  const { parsers } = await setup()
  parsers.start()
  expect(parsers.idlePids).toEqual([])
  await expect.poll(() => parsers.idlePids).toHaveLength(1)
  const early = await setup()
  early.parsers.start()
  await early.parsers.stop()
  await new Promise((resolve) => setTimeout(resolve, 2500))
  expect(early.parsers.idlePids).toEqual([])
})

test('a failure of the document has its name, and the child stays', async () => {
  const { onFile, onText, parsers } = await setup()
  await onText(TEXT)
  const first = parsers.idlePids
  await expect(onFile(drawnPdf({ content: '0 0 99 99 re f' }), 'application/pdf')).rejects.toEqual(
    failing('ocr_unavailable'),
  )
  expect(parsers.idlePids).toEqual(first)
})

test('a document that makes its reader spin ends as input_rejected, its child dead within a second of the limit', async () => {
  // Three times as long on the clock: on a busy machine a new child needs seconds for its first document.
  const cpuMs = 2500
  const { onFile, onText } = await setup({ cpuMs })
  const startedAt = performance.now()
  await expect(onFile(SPINNING_PAGE, 'text/html')).rejects.toEqual(failing('input_rejected'))
  // The child starts, then spins: its processor time is what is limited.
  expect(performance.now() - startedAt).toBeLessThan(cpuMs * 3 + 1000)
  expect((await onText(TEXT)).summary).not.toBe('')
})

test('a document that takes too much memory ends as out_of_memory', async () => {
  const { onFile } = await setup({ memoryBytes: 160 * MB })
  await expect(onFile(LARGE_PAGE, 'text/html')).rejects.toEqual(failing('out_of_memory'))
})

test('a document that a used child has no memory for is read again in a new one', async () => {
  const { folder, onText, parsers, jobOf } = await setup({ memoryBytes: 400 * MB })
  await onText(TEXT)
  const used = parsers.idlePids[0] ?? 0
  // Each child that opens the pipe gets what is written next: the first one more than its memory, as after large documents.
  const path = join(folder, 'pipe')
  await promisify(execFile)('mkfifo', [path])
  const job = jobOf({ kind: 'file', path, mediaType: 'text/plain' })
  const report = parsers.run(job, () => undefined, AbortSignal.timeout(60_000))
  await expect(writeFile(path, Buffer.alloc(500 * MB, 'a'))).rejects.toMatchObject({ code: 'EPIPE' })
  await Promise.race([writeFile(path, TEXT), report])
  expect((await report).summary).toContain('bounded queue')
  expect(parsers.idlePids).not.toContain(used)
})

test('an abort kills the child at once', async () => {
  const { onFile } = await setup()
  const controller = new AbortController()
  const running = onFile(SPINNING_PAGE, 'text/html', controller.signal)
  setTimeout(() => controller.abort(new CancelRequested()), 300)
  const startedAt = performance.now()
  await expect(running).rejects.toThrow(CancelRequested)
  expect(performance.now() - startedAt).toBeLessThan(2000)
})

test('a child reads the program and the files of tasks, and nothing else of the machine', async () => {
  const { parsers, jobOf } = await setup()
  const outside = jobOf({ kind: 'file', path: '/etc/hostname', mediaType: 'text/plain' })
  await expect(parsers.run(outside, () => undefined, new AbortController().signal)).rejects.toEqual(
    failing('analysis_error'),
  )
})
