import { readdir } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { check, setup, type Given, type Row, type RawReply } from '../../support/bad-input.ts'
import { startServer } from '../../support/server.ts'
import { docxOf, zipOf } from '../../support/zip.ts'

const TYPE = 'multipart/form-data; boundary=b'
const part = (name: string, content: string, file?: string) =>
  `--b\r\ncontent-disposition: form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"`}\r\n\r\n${content}\r\n`
const END = '--b--\r\n'
const form = (...parts: string[]) => parts.join('') + END
const send = ({ post }: Given, body: string | Buffer, type = TYPE, path = '/analyze-document') =>
  post(path, body, { 'content-type': type })
const GOOD = part('file', 'A sentence of a text that is long enough to read.', 'a.txt')

/** What an upload may be sent, as far as the submit can tell (I49 to I57, I61). */
const ROWS: Row[] = [
  ['I49', 'no boundary', (given) => send(given, form(GOOD), 'multipart/form-data'), 'malformed-upload'],
  [
    'I50',
    'a boundary of 10 KB',
    (given) => send(given, form(GOOD), `multipart/form-data; boundary=${'b'.repeat(10_000)}`),
    'headers-too-large',
  ],
  [
    'I50',
    'a boundary that does not come',
    (given) => send(given, form(GOOD), 'multipart/form-data; boundary=other'),
    'malformed-upload',
  ],
  ['I51', 'a body that does not end', (given) => send(given, GOOD), 'malformed-upload'],
  [
    'I51',
    'a part that does not end',
    (given) => send(given, '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc'),
    'malformed-upload',
  ],
  ['I51', 'an empty body', (given) => send(given, ''), 'validation'],
  ['I51', 'a part without headers', (given) => send(given, `--b\r\n\r\nabc\r\n${END}`), 'validation'],
  [
    'I52',
    'a hundred parts',
    (given) => send(given, form(...Array.from({ length: 100 }, (_, index) => part(`f${index}`, 'x')), GOOD)),
    'malformed-upload',
  ],
  ['I52', 'two files', (given) => send(given, form(GOOD, GOOD)), 'malformed-upload'],
  [
    'I52',
    'a field name of 1 MB',
    (given) => send(given, form(part('n'.repeat(1_000_000), 'x'), GOOD)),
    'malformed-upload',
  ],
  [
    'I52',
    'a field of 100 KB',
    (given) => send(given, form(part('title', 'x'.repeat(100_000)), GOOD)),
    'payload-too-large',
  ],
  [
    'I52',
    '__proto__ as a field',
    (given) => send(given, form(part('__proto__', 'x'), GOOD)),
    'malformed-upload',
  ],
  ['I52', 'an unknown field', (given) => send(given, form(part('more', 'x'), GOOD)), 'validation'],
  [
    'I52',
    'a file of another name',
    (given) => send(given, form(part('picture', 'x', 'a.txt'))),
    'malformed-upload',
  ],
  ['I54', 'no file', (given) => send(given, form(part('title', 'x'))), 'validation'],
  ['I54', 'an empty file', (given) => send(given, form(part('file', '', 'a.txt'))), 'validation'],
  [
    'I56',
    'a program that claims to be a PDF',
    (given) => send(given, form(part('file', 'MZ\x90\0\x03\0\0\0\x04\0\0\0', 'a.pdf')), TYPE, '/analyze-pdf'),
    'unsupported-media-type',
  ],
  [
    'I56',
    'text that claims to be a PDF',
    (given) => send(given, form(part('file', 'just text', 'a.pdf')), TYPE, '/analyze-pdf'),
    'unsupported-media-type',
  ],
  [
    'I57',
    'a text that claims to be a picture',
    (given) => send(given, form(GOOD.replace('\r\n\r\n', '\r\ncontent-type: image/png\r\n\r\n'))),
    202,
  ],
  ['I22', 'JSON where a file is taken', ({ post }) => post('/analyze-pdf', '{}'), 'unsupported-media-type'],
  [
    'I23',
    'a packed upload',
    ({ post }) => post('/analyze-pdf', gzipSync('x'), { 'content-type': TYPE, 'content-encoding': 'gzip' }),
    'unsupported-media-type',
  ],
  [
    'I29',
    'a bad priority',
    (given) => send(given, form(GOOD), TYPE, '/analyze-document?priority=9'),
    'invalid-priority',
  ],
]

test.each(ROWS)('%s, %s', async (_id, _name, act, answer) => {
  const given = await setup()
  check(await act(given), answer)
  if (answer !== 202) expect(await spooled(given.dataDir)).toEqual([])
})

test('I55: a file of just the limit is taken, one byte more is refused and leaves nothing', async () => {
  const given = await setup({ maxUploadBytes: 1000 })
  const ofSize = (bytes: number) =>
    send(given, form(part('file', `${'word '.repeat(200)}${'x'.repeat(bytes - 1000)}`, 'a.txt')))
  check(await ofSize(1000), 202)
  check(await ofSize(1001), 'payload-too-large')
})

const NAMES = [
  '../../etc/passwd',
  '..\\..\\boot.ini',
  '/abs',
  'C:\\a.txt',
  'a\0b.txt',
  '.bashrc',
  'aux',
  'a\u202etxt.exe',
  'x'.repeat(5000),
  '%2e%2e%2f',
  '',
]
test.each(NAMES)('I53: the file name %j never becomes a path', async (name) => {
  const given = await setup()
  const reply = await send(given, form(part('file', 'A sentence of a text.', name)))
  expect([202, 400, 422]).toContain(reply.status)
  for (const file of await spooled(given.dataDir)) expect(file).toMatch(/^[0-9a-f-]{36}$/)
})

const zeros = Buffer.alloc(101 * 1024 * 1024)
const TEXT = ['A mill takes as much water as its wheel can bear, and the gate holds the rest back.']
const OLE = Buffer.concat([
  Buffer.from('d0cf11e0a1b11ae1', 'hex'),
  Buffer.alloc(22),
  Buffer.from([9, 0]),
  Buffer.alloc(2000),
])
const EXTERNAL = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>'

/** What the reading process finds out (I56, I58 to I65): the task ends by its name, and the server continues. */
const FILES: [string, () => Buffer | string, string][] = [
  [
    'I56, a PDF that is a ZIP too',
    () => Buffer.concat([Buffer.from('%PDF-1.4\n'), zipOf([{ name: 'a', data: 'b' }])]),
    'input_rejected',
  ],
  [
    'I58, a bomb in a Word document',
    () => docxOf(TEXT, [{ name: 'word/media/bomb', data: zeros }]),
    'input_too_large',
  ],
  [
    'I58, a size that is a lie',
    () => docxOf(TEXT, [{ name: 'word/media/lie', data: zeros.subarray(0, 100_000), claimedBytes: 1 }]),
    'input_rejected',
  ],
  [
    'I58, a million names',
    () =>
      docxOf(
        TEXT,
        Array.from({ length: 6000 }, (_, index) => ({ name: `n${index}`, data: '' })),
      ),
    'input_too_large',
  ],
  [
    'I59, names that lead out',
    () => docxOf(TEXT, [{ name: '../../../tmp/evil', data: 'x' }]),
    'input_rejected',
  ],
  ['I60, a Word document under a password', () => encrypted(), 'encrypted_input'],
  [
    'I62, entities that lead out',
    () => docxOf(['A line that says &e; and a little more than that.'], [], EXTERNAL),
    'completed or input_rejected',
  ],
  ['I63, a PDF without objects', () => '%PDF-1.7\n%%EOF', 'input_rejected'],
  [
    'I63, a PDF whose table leads to itself',
    () => '%PDF-1.4\ntrailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF',
    'input_rejected',
  ],
  [
    'I63, a PDF whose pages contain themselves',
    () => pdfOf('<</Type/Pages/Kids[2 0 R]/Count 1>>'),
    'no_text or input_rejected or analysis_error',
  ],
  [
    'I63, a PDF of a million pages',
    () => pdfOf('<</Type/Pages/Kids[3 0 R]/Count 1000000>>'),
    'no_text or input_rejected or analysis_error',
  ],
  [
    'I64, a page of nested boxes',
    () => `<html><body>${'<div>'.repeat(50_000)}A sentence.`,
    'no_text or completed or out_of_memory or input_rejected or analysis_error',
  ],
  [
    'I64, a page of attributes',
    () => `<html><body><p ${'a=b '.repeat(100_000)}>A sentence of this page that is long enough.</p>`,
    'completed',
  ],
  [
    'I64, a page that sends elsewhere',
    () =>
      '<html><head><base href="http://127.0.0.1/"><meta http-equiv="refresh" content="0;url=http://127.0.0.1/"></head><body><p>A sentence of this page that is long enough to be one.</p></body></html>',
    'completed',
  ],
  ['I65, one line of 5 MB', () => 'word '.repeat(1_000_000), 'completed'],
  [
    'I65, text of two encodings',
    () =>
      Buffer.concat([Buffer.from('A sentence in UTF-8: é. '), Buffer.from([0xe9, 0xff, 0x20, 0x61, 0x2e])]),
    'completed',
  ],
]

// One server for all: a reading process takes most of a second to start, and is replaced where a file has ended it.
test(
  'a file that is not what it says ends by its name, and the server continues',
  { timeout: 600_000 },
  async () => {
    const server = await startServer({ settings: { parserCpuMs: 4_000, ratePerMinute: 0 } })
    for (const [name, make, answer] of FILES) {
      const content = new Uint8Array(Buffer.from(make()))
      const { status, body, text } = await server.upload('/analyze-document', content)
      expect(status, `${name}: ${text}`).toBe(202)
      const task = await server.ended(body['task_id'])
      const outcome = task['status'] === 'completed' ? 'completed' : task['error'].error_type
      expect.soft(answer.split(' or '), `${name}: ${JSON.stringify(task['error'])}`).toContain(outcome)
      expect.soft(JSON.stringify(task), name).not.toMatch(/root:x|\n\s+at /)
      expect((await server.get('/health/ready')).status, name).toBe(200)
    }
  },
)

test('I61: an old Word document that claims to be a new one is refused, with a suggestion', async () => {
  const given = await setup()
  const body = Buffer.concat([
    Buffer.from(part('file', '', 'a.docx').slice(0, -2)),
    OLE,
    Buffer.from(`\r\n${END}`),
  ])
  const reply = await send(given, body)
  check(reply, 'unsupported-media-type')
  expect(JSON.parse(reply.text)).toMatchObject({
    error_type: 'unsupported_format',
    suggestions: [expect.stringMatching(/old Word.*save it as docx/)],
  })
})

function check415(reply: RawReply): void {
  check(reply, 'unsupported-media-type')
}

test('a file that no parser reads, such as an animation, is refused', async () => {
  const given = await setup()
  const gif = Buffer.from('474946383961010001000000002c00000000010001000002', 'hex')
  check415(
    await send(
      given,
      Buffer.concat([Buffer.from(part('file', '', 'a.gif').slice(0, -2)), gif, Buffer.from(`\r\n${END}`)]),
    ),
  )
})

async function spooled(dataDir: string): Promise<string[]> {
  const names = await readdir(dataDir, { recursive: true })
  return names.filter((name) => name.includes('/')).map((name) => name.split('/').at(-1) ?? '')
}

/** The container of an encrypted Office file: its first directory names the stream. */
function encrypted(): Buffer {
  const header = Buffer.alloc(512)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(header)
  header.writeUInt16LE(9, 30)
  header.writeUInt32LE(0, 48)
  const directory = Buffer.alloc(1024)
  Buffer.from('EncryptedPackage', 'utf16le').copy(directory, 128)
  return Buffer.concat([header, directory])
}

function pdfOf(pages: string): string {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    pages,
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 100000 100000]>>',
  ]
  let text = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const at = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${`${at}`.padStart(10, '0')} 00000 n \n`
  })
  return `${text}xref\n0 4\n0000000000 65535 f \n${offsets.join('')}trailer<</Size 4/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF`
}
