import { expect, test } from 'vitest'
import { garbledPdf, samplePdf } from '../support/pdf.ts'
import { drawPage, pngOf, scannedPdf, tiffOf, upsideDown, worn } from '../support/scan.ts'
import { startProcess } from '../support/process.ts'
import { clientOf, startServer } from '../support/server.ts'

/** Text recognition through a real server and its real child, on pictures that are drawn from known text. */

const HARBOUR = [
  'The old harbour of the town was closed in the spring of 1921.',
  'For nearly eighty years the warehouses along the northern quay',
  'stood empty, and the cranes rusted in the salt wind.',
  'In 2003 the council decided that the place should become a park.',
]
const ORCHARD = [
  'The orchard behind the mill was planted by three brothers.',
  'Apples of nine kinds are grown there without any irrigation.',
  'Visitors may pick their own fruit from August to October.',
]
const harbour = await drawPage(samplePdf(HARBOUR))
const orchard = await drawPage(samplePdf(ORCHARD))

interface Read {
  readonly summary: string
  readonly length: { readonly words: number }
}

/** How much of a text was read, by the number of its words and by the sentences of the report; 1: all of it. */
function accuracy({ summary, length }: Read, lines: readonly string[]): number {
  const words = lines.join(' ').split(/\s+/)
  const known = new Set(words)
  const shown = summary.split(/\s+/)
  const right = shown.filter((word) => known.has(word)).length / shown.length
  return Math.min(right, length.words / words.length, words.length / length.words)
}

async function analyse(content: Uint8Array<ArrayBuffer>, path = '/analyze-document', settings = {}) {
  const { send } = await startReader(settings)
  return send(content, path)
}

/** A server with one process that reads documents: loading the data of the languages again costs more than a page. */
async function startReader(settings = {}) {
  const { upload, ended } = await startServer({ settings: { slots: 1, ...settings } })
  const send = async (content: Uint8Array<ArrayBuffer>, path = '/analyze-document') => {
    const { status, body } = await upload(path, content)
    return status === 202 ? { status, body, task: await ended(body['task_id']) } : { status, body, task: {} }
  }
  return { send }
}

test('a scanned PDF is recognised page by page, and its report says so', async () => {
  const { upload, ended, url } = await startServer()
  const { body } = await upload('/analyze-pdf', scannedPdf([harbour, orchard]))
  const { status, result } = await ended(body['task_id'])
  expect(status).toBe('completed')
  expect(result.length.pages).toBe(2)
  expect(accuracy(result, [...HARBOUR, ...ORCHARD])).toBeGreaterThan(0.9)
  expect(result.provenance.recognition).toEqual({ pages: 2, confidence: expect.any(Number) })
  expect(result.provenance.recognition.confidence).toBeGreaterThan(85)
  expect(result.warnings).toContainEqual(expect.stringContaining('2 pages was recognised'))
  const stream = await (await fetch(`${url}/api/tasks/${body['task_id']}/stream`)).text()
  expect(stream).toContain('Recognising page 2: 2 of 2')
})

test('a text is read from its picture, however it was taken', { timeout: 600_000 }, async () => {
  const pictures = {
    'a PNG': pngOf(harbour),
    'a PNG on its head': pngOf(upsideDown(harbour)),
    'a PNG with a slope of 2 degrees': pngOf(worn(harbour, { degrees: 2 })),
    'a PNG with noise': pngOf(worn(harbour, { noise: 60 })),
    'a PNG with specks': pngOf(worn(harbour, { specks: 0.03 })),
    'a PNG of light text on a dark page': pngOf({
      ...harbour,
      data: harbour.data.map((point) => 255 - point),
    }),
    'a PNG of small type': pngOf(await drawPage(samplePdf(HARBOUR), 60)),
  }
  const { send } = await startReader()
  for (const [name, content] of Object.entries(pictures)) {
    const { task } = await send(content)
    expect(accuracy(task['result'], HARBOUR), name).toBeGreaterThan(0.9)
  }
  // A font that does not tell its characters.
  const garbled = await send(garbledPdf(HARBOUR[0] ?? ''))
  expect(accuracy(garbled.task['result'], HARBOUR.slice(0, 1))).toBeGreaterThan(0.9)
  // Each page of a TIFF that is packed by zlib.
  const { result } = (await send(tiffOf([harbour, orchard], { isDeflated: true }))).task
  expect([result.length.pages, accuracy(result, [...HARBOUR, ...ORCHARD]) > 0.9]).toEqual([2, true])
})

test('a page with text of its own is not recognised, unless it is asked for', async () => {
  const { send } = await startReader()
  const own = await send(samplePdf(HARBOUR), '/analyze-pdf')
  expect(own.task['result'].provenance.recognition).toBeNull()
  const forced = await send(samplePdf(HARBOUR), '/analyze-pdf?ocr=force')
  expect(forced.task['result'].provenance.recognition.pages).toBe(1)
})

test('a scan whose recognition is switched off ends as no_text, and says what to do', async () => {
  const { task } = await analyse(scannedPdf([harbour]), '/analyze-pdf?ocr=off')
  expect(task['error']).toMatchObject({
    error_type: 'no_text',
    suggestions: [expect.stringContaining('ocr=off')],
  })
})

test('without recognition a scan and a picture are refused with the command that installs it', async () => {
  const settings = { ocrLanguages: [] }
  const command = expect.stringContaining('npm install tesseract.js-core')
  const { task } = await analyse(scannedPdf([harbour]), '/analyze-pdf', settings)
  expect(task['error']).toMatchObject({
    error_type: 'ocr_unavailable',
    suggestions: [command, expect.anything()],
  })
  const picture = await analyse(pngOf(harbour), '/analyze-document', settings)
  expect([picture.status, picture.body['suggestions']]).toEqual([415, [command]])
})

test('a damaged picture ends as input_rejected', async () => {
  const { task } = await analyse(pngOf(harbour).subarray(0, 2000))
  expect(task['error']).toMatchObject({ error_type: 'input_rejected' })
})

test('a small file that is a huge picture ends by its name, and the next picture is read', async () => {
  const side = 12_000
  const bomb = pngOf({ width: side, height: side, data: new Uint8Array(side * side) })
  expect(bomb.length).toBeLessThan(1024 * 1024)
  const { upload, ended } = await startServer()
  const { body } = await upload('/analyze-document', bomb)
  expect((await ended(body['task_id']))['error'].error_type).toBe('input_too_large')
  const after = await upload('/analyze-document', pngOf(harbour))
  expect((await ended(after.body['task_id']))['status']).toBe('completed')
})

test('a kill -9 in the middle repeats no page that was recognised', async () => {
  const pages = [harbour, orchard, harbour, orchard]
  const first = await startProcess({ MAX_CONCURRENT_TASKS: '1' })
  const { body } = await clientOf(first.url).upload('/analyze-pdf', scannedPdf(pages))
  const id = body['task_id'] as string
  const stream = await fetch(`${first.url}/api/tasks/${id}/stream`)
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.includes('Recognising page 3')) break
  }
  await first.end('SIGKILL')
  const second = await startProcess({ DATA_DIR: first.dataDir })
  const rest = await (await fetch(`${second.url}/api/tasks/${id}/stream`)).text()
  const progress = rest
    .split('\n')
    .filter((line) => line.startsWith('data:') && line.includes('"type":"progress"'))
  const counts = [1, 2, 3, 4].map(
    (page) => progress.filter((line) => line.includes(`Recognising page ${page}:`)).length,
  )
  expect(counts).toEqual([1, 1, 2, 1])
  expect((await clientOf(second.url).ended(id))['status']).toBe('completed')
})
