import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { protectedPdf, samplePdf } from '../support/pdf.ts'
import { startServer } from '../support/server.ts'

const LINES = [
  'Trace compilers watch a running program and record its hot loops.',
  'A recorded trace becomes fast machine code for the types that were seen.',
  'Guards leave the trace when a value has another type than before.',
  'The interpreter goes on where the guard has left the trace.',
]
const PAGE = `<!DOCTYPE html><html><head><title>Gates</title></head><body><nav>Menu of the site</nav><article><h1>Gates</h1>
${LINES.map((line) => `<p>${line} ${line.replace('.', ', and so it goes on for a while.')}</p>`).join('')}</article></body></html>`
const CHINESE =
  '# 队列\n\n有界队列可以保护缓慢的服务，避免过多的请求同时到达。请求在队列中等待，直到有空闲的工作线程。\n'
const DOCX = new Uint8Array(Buffer.from('504b0304140000000800', 'hex'))

test('a PDF becomes a report with pages, watched from the first stage to the last', async () => {
  const { upload, ended, url, get } = await startServer()
  const { body } = await upload('/analyze-pdf?priority=2', samplePdf(LINES, 2), {
    title: 'Traces',
    name: 'a.pdf',
  })
  const task = await ended(body['task_id'])
  expect(task).toMatchObject({
    status: 'completed',
    result: {
      title: 'Traces',
      language: 'en',
      engine: 'extractive',
      length: { pages: 2 },
      filename: expect.stringMatching(/^traces-[0-9a-f]{8}\.md$/),
    },
  })
  expect(task['result'].markdown).toMatch(/\(p\. [12]\)/)
  const stream = await (await fetch(`${url}/api/tasks/${body['task_id']}/stream`)).text()
  const stages = [...stream.matchAll(/"seq":.*"stage":"(\w+)"/g)].map((match) => match[1])
  expect(stages[0]).toBe('reading')
  expect((await get(`/api/tasks/${body['task_id']}/result`)).body['summary']).toBe(task['result'].summary)
})

test.each([
  ['text', LINES.join(' '), 'en', 'A recorded trace becomes fast machine code'],
  ['a page', PAGE, 'en', 'A recorded trace becomes fast machine code'],
  ['Chinese Markdown', CHINESE, 'zh', '有界队列可以保护缓慢的服务'],
])('%s becomes a report by /analyze-document', async (_name, content, language, sentence) => {
  const { upload, ended } = await startServer()
  const { body } = await upload('/analyze-document', content)
  const { result } = await ended(body['task_id'])
  expect(result.language).toBe(language)
  expect(result.summary).toContain(sentence)
  expect(result.markdown).not.toContain('Menu of the site')
})

test('text becomes a report by /summarize', async () => {
  const { post, ended } = await startServer()
  const { body } = await post('/summarize', { text: LINES.join(' '), title: 'T' })
  expect((await ended(body['task_id']))['result']).toMatchObject({ title: 'T', language: 'en' })
})

test('an address of an allowed host becomes a report, any other is refused at submit', async () => {
  const site = createServer((_request, response) => response.end(PAGE))
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void site.close())
  const host = `127.0.0.1:${(site.address() as AddressInfo).port}`
  const { post, ended } = await startServer({ settings: { fetchAllowHosts: [host] } })
  const { body } = await post('/summarize', { url: `http://${host}/gates` })
  expect(await ended(body['task_id'])).toMatchObject({ status: 'completed', result: { title: 'Gates' } })
  const refused = await post('/summarize', { url: 'http://127.0.0.1:1/' })
  expect([refused.status, refused.body['error_type']]).toEqual([422, 'unsafe_url'])
})

test.each([
  ['both', { url: 'http://a.example/', text: 'x' }],
  ['neither', {}],
  ['another scheme', { url: 'javascript:alert(1)' }],
  ['an unknown option', { text: 'x', depth: 3 }],
])('/summarize refuses %s', async (_name, input) => {
  const { post } = await startServer()
  expect((await post('/summarize', input)).status).toBe(422)
})

test('what cannot be read ends with its name and a suggestion', async () => {
  const { upload, ended, post } = await startServer()
  const empty = await upload('/analyze-pdf', samplePdf(['', '']))
  expect((await ended(empty.body['task_id']))['error']).toMatchObject({ error_type: 'no_text' })
  const locked = await upload('/analyze-pdf', protectedPdf())
  expect((await ended(locked.body['task_id']))['error']).toMatchObject({
    error_type: 'encrypted_input',
    suggestions: [expect.stringContaining('password')],
  })
  const docx = await upload('/analyze-document', DOCX)
  expect([docx.status, docx.body['suggestions'][0]]).toEqual([415, expect.stringContaining('archive')])
  const page = await upload('/analyze-pdf', PAGE)
  expect([page.status, page.body['suggestions'][0]]).toEqual([
    415,
    expect.stringContaining('/analyze-document'),
  ])
  const blank = await post('/summarize', { text: ' \n ' })
  expect((await ended(blank.body['task_id']))['error']).toMatchObject({ error_type: 'no_text' })
})

test('cancelling a report ends its reader', async () => {
  const { upload, post, ended } = await startServer()
  const { body } = await upload('/analyze-document', `<html><body>${'<div>'.repeat(60_000)}text`)
  await expect.poll(async () => (await post(`/api/tasks/${body['task_id']}/cancel`)).status).toBe(202)
  expect((await ended(body['task_id']))['status']).toBe('cancelled')
})

test.each([
  ['a picture of another kind', '474946383961010001000000002c00000000010001000002', /a picture.*PNG/],
  ['a recording', '52494646240000005741564566', /a recording.*transcript/],
  [
    'an old Word file',
    `d0cf11e0a1b11ae1${'00'.repeat(600)}`,
    /old Word, Excel or PowerPoint file: save it as docx/,
  ],
  ['an archive', '504b0304140000000000000000000000000000000000000000000100000061504b0506', /an archive/],
  ['data', Buffer.from('{"a": [1, 2]}').toString('hex'), /data in JSON/],
])('%s is refused in a person’s words', async (_name, hex, words) => {
  const { upload } = await startServer()
  const { status, body } = await upload('/analyze-document', new Uint8Array(Buffer.from(hex, 'hex')))
  expect([status, body['error_type']]).toEqual([415, 'unsupported_format'])
  expect(body['detail']).toMatch(words)
  expect(body['suggestions'][0]).toMatch(words)
})

test.each([
  ['[[Gates]] hold the water of the river back until somebody opens them.'],
  ['{"quoted} The gate holds the water of the river back until it opens.'],
])('text that begins as JSON does is text: %s', async (text) => {
  const { upload, ended } = await startServer()
  const { body } = await upload('/analyze-document', text)
  expect((await ended(body['task_id'] as string))['status']).toBe('completed')
})

test('a page without its frame is a page', async () => {
  const { upload, ended } = await startServer()
  const page = LINES.map((line) => `<p class="a">${line}</p>`).join('\n')
  const { body } = await upload('/analyze-document', page)
  const { result } = await ended(body['task_id'] as string)
  expect(result.summary).toContain('A recorded trace becomes fast machine code')
  expect(result.markdown).not.toContain('class=')
})
