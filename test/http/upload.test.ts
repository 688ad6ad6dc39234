import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { readFile } from 'node:fs/promises'
import { defineTask } from '../../src/handler/define-task.ts'
import { samplePdf } from '../support/pdf.ts'
import { listSpool } from '../support/spool.ts'
import { startServer } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const PDF = 'application/pdf'

async function setup(settings = {}) {
  const held = heldType()
  const take = defineTask({
    type: 'take',
    input: z.object({ title: z.string().optional() }),
    upload: { accept: [PDF, 'text/plain'], maxBytes: 100_000, suggestion: 'Send a PDF.' },
    run: async (input, ctx) => {
      const { name, mediaType, bytes, sha256, path } = ctx.upload!
      return {
        ...input,
        name,
        mediaType,
        bytes,
        sha256,
        text: (await readFile(path)).toString('latin1').slice(0, 20),
      }
    },
  })
  const explode = defineTask({
    type: 'explode',
    input: z.object({ title: z.string().transform((text) => JSON.parse(text) as string) }),
    upload: { accept: ['text/plain'], maxBytes: 1000 },
    run: () => null,
  })
  const server = await startServer({ tasks: [held.definition, take, explode], settings })
  const spooled = () => listSpool(server.dataDir)
  return { ...server, ...held, spooled }
}

test('a file reaches its handler whole, and is gone when the task has ended', async () => {
  const { upload, ended, spooled } = await setup({ keepUploadsMs: 0 })
  const { status, body } = await upload('/take?priority=2', 'hello world', { title: 'T', name: 'a.txt' })
  expect(status).toBe(202)
  const task = await ended(body['task_id'])
  expect(task['result']).toEqual({
    title: 'T',
    name: 'a.txt',
    mediaType: 'text/plain',
    bytes: 11,
    sha256: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
    text: 'hello world',
  })
  await expect.poll(spooled).toEqual([])
})

test('input fields may stand in the query, as the original had its title; the form goes before it', async () => {
  const { upload, ended } = await setup()
  const one = await upload('/take?title=Query', 'text')
  const two = await upload('/take?title=Query', 'text', { title: 'Form' })
  expect((await ended(one.body['task_id']))['result'].title).toBe('Query')
  expect((await ended(two.body['task_id']))['result'].title).toBe('Form')
})

test('a file is recognised by its content, never by its name', async () => {
  const { upload, ended } = await setup()
  const pdf = await upload('/take', samplePdf(['Hello']), { name: 'notes.txt' })
  expect((await ended(pdf.body['task_id']))['result'].mediaType).toBe(PDF)
  const program = await upload('/take', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0]), {
    name: 'a.pdf',
  })
  expect([program.status, program.body['error_type'], program.body['suggestions']]).toEqual([
    415,
    'unsupported_format',
    ['Send a PDF.'],
  ])
})

test.each([
  ['an empty file', '', {}, 422, 'validation'],
  ['a file one byte over the limit', 'x'.repeat(100_001), {}, 413, 'payload-too-large'],
  ['an unknown field', 'text', { nope: '1' }, 422, 'validation'],
  ['a prototype as a field', 'text', { __proto__2: '1' }, 422, 'validation'],
  ['a field that is too long', 'text', { title: 'x'.repeat(70_000) }, 413, 'payload-too-large'],
])('%s is refused and leaves nothing behind', async (_name, content, fields, status, code) => {
  const { upload, spooled, core } = await setup()
  const reply = await upload('/take', content, fields)
  expect([reply.status, reply.body['type']]).toEqual([status, `urn:headgate:problem:${code}`])
  expect([await spooled(), core.lifecycle.counters.accepted]).toEqual([[], 0])
})

test.each([
  [1_000_000, 400],
  // More than a form of this type may hold in all.
  [20_000_000, 413],
])('a file of %i bytes under another name is answered without being waited for', async (bytes, status) => {
  const { url, read } = await setup()
  const form = new FormData()
  form.append('other', new Blob(['x'.repeat(bytes)]), 'file')
  expect((await read(await fetch(`${url}/take`, { method: 'POST', body: form }))).status).toBe(status)
})

test('an input schema that throws refuses the upload and leaves nothing behind', async () => {
  const { upload, spooled } = await setup()
  expect((await upload('/explode', 'text', { title: 'x' })).status).toBe(422)
  expect(await spooled()).toEqual([])
})

test('a file exactly at the limit is taken', async () => {
  const { upload } = await setup()
  expect((await upload('/take', 'x'.repeat(100_000))).status).toBe(202)
})

test.each([
  ['no boundary', 'multipart/form-data', 'x', 400, 'malformed-upload'],
  [
    'a body that breaks off',
    'multipart/form-data; boundary=b',
    '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\ntext',
    400,
    'malformed-upload',
  ],
  [
    'no file',
    'multipart/form-data; boundary=b',
    '--b\r\ncontent-disposition: form-data; name="title"\r\n\r\nT\r\n--b--\r\n',
    422,
    'validation',
  ],
  [
    'a file under another name',
    'multipart/form-data; boundary=b',
    '--b\r\ncontent-disposition: form-data; name="x"; filename="a"\r\n\r\ntext\r\n--b--\r\n',
    400,
    'malformed-upload',
  ],
  ['JSON', 'application/json', '{}', 415, 'unsupported-media-type'],
])('an upload with %s is a problem', async (_name, type, body, status, code) => {
  const { url, read, spooled } = await setup()
  const reply = await read(
    await fetch(`${url}/take`, { method: 'POST', body, headers: { 'content-type': type } }),
  )
  expect([reply.status, reply.body['type']]).toEqual([status, `urn:headgate:problem:${code}`])
  expect(await spooled()).toEqual([])
})

test.each([
  ['../../etc/passwd', 'passwd'],
  ['C:\\Users\\me\\a.txt', 'a.txt'],
  ['..', 'file'],
  ['a\u202etxt.exe', 'atxt.exe'],
])('the client name %j is kept for show as %j', async (given, shown) => {
  const { upload, ended } = await setup()
  const { body } = await upload('/take', 'text', { name: given })
  expect((await ended(body['task_id']))['result'].name).toBe(shown)
})

test('a client that goes away in the middle of a file leaves nothing behind', async () => {
  const { app, spooled, core } = await setup()
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  socket.write(
    'POST /take HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 90000\r\n\r\n',
  )
  socket.write('--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nsome text')
  await expect.poll(spooled).toHaveLength(1)
  socket.destroy()
  await expect.poll(spooled).toEqual([])
  expect(core.lifecycle.counters.accepted).toBe(0)
})

test(
  '1000 concurrent uploads on 100 free places: exactly 100 are accepted, 900 refused',
  { timeout: 120_000 },
  async () => {
    const { post, upload, spooled } = await setup({ slots: 3, capacity: 100 })
    for (let slot = 0; slot < 3; slot += 1) await post('/held')
    const replies = await Promise.all(Array.from({ length: 1000 }, () => upload('/take', 'some text')))
    const count = (status: number) => replies.filter((reply) => reply.status === status).length
    expect([count(202), count(503)]).toEqual([100, 900])
    expect(
      replies.every(({ status, headers }) => status === 202 || Number(headers.get('retry-after')) >= 1),
    ).toBe(true)
    // Over PostgreSQL they are in the database.
    if (process.env['TEST_POSTGRES'] === undefined) {
      await expect.poll(async () => (await spooled()).length).toBe(100)
    }
  },
)

/** A form as bytes, with part headers of any kind. */
function formOf(...parts: readonly (readonly [disposition: string, content: string])[]) {
  const body = parts
    .map(
      ([disposition, content]) =>
        `--b\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`,
    )
    .join('')
  return {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: `${body}--b--\r\n`,
  }
}

const FILE = ['name="file"; filename="a.txt"', 'hello world'] as const

test('optional fields of a form that were left blank are not given', async () => {
  const { url, read, ended } = await setup()
  const form = formOf(['name="title"', ''], ['name="priority"', ''], FILE)
  const { status, body } = await read(await fetch(`${url}/take`, form))
  expect(status).toBe(202)
  expect((await ended(body['task_id']))['result']).not.toHaveProperty('title')
})

test('a form may hold the priority, before its file and after', async () => {
  const { url, read } = await setup()
  const priority = ['name="priority"', 'HIGH'] as const
  for (const form of [formOf(priority, FILE), formOf(FILE, priority)]) {
    const { status, body } = await read(await fetch(`${url}/take?force=1`, form))
    expect([status, body['priority_name']]).toEqual([202, 'HIGH'])
  }
})

test.each([
  ['/take', [['name="priority"', 'SOON'], FILE], 'invalid_priority'],
  ['/take', [['name="force"', 'maybe'], FILE], 'validation'],
  ['/take', [['name="file"', 'hello world']], 'malformed_upload'],
  ['/take', [['name="title"', 'a'], ['name="title"', 'b'], FILE], 'malformed_upload'],
  ['/take', [['name="__proto__"', 'a'], FILE], 'malformed_upload'],
] as const)('a wrong form is refused, and its file not kept: %s %j', async (path, parts, type) => {
  const { url, read, spooled } = await setup()
  const { status, body } = await read(await fetch(url + path, formOf(...parts)))
  expect([status < 500, body['error_type']]).toEqual([true, type])
  expect(await spooled()).toEqual([])
})

test.each([
  ['filename="q%22uote%22.txt"', 'q"uote".txt'],
  ['filename="100%25.txt"', '100%25.txt'],
  [`filename*=UTF-8''%E6%8A%A5%E5%91%8A.txt`, '报告.txt'],
])('names of files are read as browsers and other clients write them: %s', async (names, expected) => {
  const { url, read, ended } = await setup()
  const { body } = await read(await fetch(`${url}/take`, formOf([`name="file"; ${names}`, 'hello world'])))
  expect((await ended(body['task_id']))['result'].name).toBe(expected)
})
