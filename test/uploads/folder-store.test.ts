import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { recognise } from '../../src/uploads/detect-media-type.ts'
import { FolderStore, removeAbandoned } from '../../src/uploads/folder-store.ts'
import { fetchedBy } from '../../src/uploads/upload-store.ts'
import { samplePdf } from '../support/pdf.ts'

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-spool-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const uploadStore = new FolderStore(join(folder, 'spool'))
  await uploadStore.start()
  const put = (content: Uint8Array | string, accept = ['text/plain', 'text/html', 'application/pdf']) =>
    uploadStore.put(Readable.from([Buffer.from(content)]), { name: 'a', accept, maxBytes: 1000 })
  return { folder, uploadStore, put }
}

test('a stored file is whole, private, and named by us', async () => {
  const { uploadStore, put } = await setup()
  const reply = await put('some text')
  if (reply.kind !== 'stored') throw new Error(reply.kind)
  const path = uploadStore.pathOf(reply.upload)
  expect(await readFile(path, 'utf8')).toBe('some text')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(reply.upload).toMatchObject({ bytes: 9, mediaType: 'text/plain' })
  await uploadStore.remove(reply.upload)
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
})

const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('Ein Satz.', 'utf16le')])

test.each([
  ['plain text', 'Just words.', 'text/plain'],
  ['Markdown', '# Title\n\nWords.', 'text/plain'],
  ['Chinese', '中文报告。', 'text/plain'],
  ['text in UTF-16', utf16, 'text/plain'],
  ['a page', '<!DOCTYPE html><html><body>x</body></html>', 'text/html'],
  ['a page after a comment', '\n<!-- saved -->\n<HTML lang="en"><p>x', 'text/html'],
  ['XHTML', '<?xml version="1.0"?>\n<!DOCTYPE html>\n<html xmlns="x"></html>', 'text/html'],
  ['a PDF', samplePdf(['x']), 'application/pdf'],
  ['a PDF behind noise', Buffer.concat([Buffer.from('noise\n'), samplePdf(['x'])]), 'application/pdf'],
  ['text that speaks of HTML', 'The <html> tag opens a page.', 'text/plain'],
  ['text whose first letters begin a picture', 'BMW builds cars.', 'text/plain'],
  ['text whose fifth letter begins a film', 'The wide river.', 'text/plain'],
  ['a notebook that is cut', '{"cells": [{"cell_type": "mark', 'application/x-ipynb+json'],
  ['data', '{"key": [1, 2]}', 'application/json'],
  ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'image/png'],
  ['zeros', new Uint8Array(100), 'application/octet-stream'],
])('%s is recognised by its content', async (_name, content, mediaType) => {
  const { put } = await setup()
  const reply = await put(content)
  const found =
    reply.kind === 'stored' ? reply.upload.mediaType : reply.kind === 'unsupported' && reply.mediaType
  expect(found).toBe(mediaType)
})

test('what is refused leaves nothing behind, nor does a stream that breaks', async () => {
  const { uploadStore, put, folder } = await setup()
  expect((await put('text', ['application/pdf'])).kind).toBe('unsupported')
  expect((await put('x'.repeat(1001))).kind).toBe('too-large')
  expect((await put('')).kind).toBe('empty')
  const breaking = Readable.from(
    (async function* () {
      yield Buffer.from('some')
      throw new Error('gone')
    })(),
  )
  const options = { name: 'a', accept: ['text/plain'], maxBytes: 10 }
  await expect(uploadStore.put(breaking, options)).rejects.toThrow('gone')
  expect(await readdir(join(folder, 'spool'))).toEqual([])
})

test('the spool of a process that is gone is removed, that of a living one is not', async () => {
  const { folder } = await setup()
  for (const pid of [process.pid, 2 ** 22 + 1]) await mkdir(join(folder, `spool-${pid}`))
  await mkdir(join(folder, 'spool-of-somebody'))
  await removeAbandoned(folder)
  expect((await readdir(folder)).sort()).toEqual(
    ['spool', `spool-${process.pid}`, 'spool-of-somebody'].sort(),
  )
})

test.each([
  ['comments', '<!---->'.repeat(9000)],
  ['half comments', '<!--'.repeat(15_000)],
  ['dashes', `<!--${'-'.repeat(60_000)}`],
  ['spaces', ' '.repeat(64_000)],
  ['processing instructions', '<?xml '.repeat(10_000)],
  ['quotes', `{${'"'.repeat(60_000)}`],
])('a file that begins with thousands of %s is recognised at once', async (_what, head) => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-hostile-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'file')
  await writeFile(path, head)
  // One that is not would keep the event loop for longer than this test may take.
  expect(await recognise(path, Buffer.from(head))).toMatch(/^(text|application)\//)
})

test('a page behind comments is a page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-page-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'file')
  const text = '<!-- a - b -- c -->\n<!----><!doctype html><p>x'
  await writeFile(path, text)
  expect(await recognise(path, Buffer.from(text))).toBe('text/html')
})

test('what was fetched for a task that has ended is swept, and nothing else', async () => {
  const { folder, uploadStore, put } = await setup()
  const reply = await put('an upload')
  if (reply.kind !== 'stored') throw new Error(reply.kind)
  const [ended, live] = [randomUUID(), randomUUID()]
  for (const id of [ended, live]) await writeFile(join(folder, 'spool', fetchedBy(id)), 'x')
  await uploadStore.sweepFetched((taskId) => taskId === live)
  const left = await readdir(join(folder, 'spool'))
  expect(left.toSorted()).toEqual([fetchedBy(live), reply.upload.spoolId].toSorted())
})

test('a folder that is a link, or holds what is not ours, is refused, and nothing in it is touched', async () => {
  const { folder } = await setup()
  const other = join(folder, 'other')
  await mkdir(join(other, 'cron'), { recursive: true })
  await writeFile(join(other, 'cron', 'root'), '0 4 * * * backup')
  const strange = new FolderStore(other)
  expect(() => strange.assertOwn()).toThrow(/holds what is not of Headgate: cron\. Set DATA_DIR/)
  await expect(strange.start()).rejects.toMatchObject({ code: 'invalid-setting' })
  const linked = join(folder, 'linked')
  await symlink(other, linked)
  await expect(new FolderStore(linked).start()).rejects.toThrow('is a symbolic link')
  for (const uploadStore of [strange, new FolderStore(linked)]) await uploadStore.clear()
  expect(await readdir(other, { recursive: true })).toEqual(['cron', 'cron/root'])
})

test('what no task names is removed, and nothing but plain files of ours', async () => {
  const { folder, uploadStore, put } = await setup()
  const reply = await put('an upload')
  if (reply.kind !== 'stored') throw new Error(reply.kind)
  const [orphan, part, nested] = [randomUUID(), `${randomUUID()}.part`, randomUUID()]
  for (const name of [orphan, part, 'notes.txt']) await writeFile(join(folder, 'spool', name), 'x')
  await mkdir(join(folder, 'spool', nested))
  expect(await uploadStore.sweep((id) => id === reply.upload.spoolId)).toEqual({ removed: 2, left: 2 })
  expect((await readdir(join(folder, 'spool'))).sort()).toEqual(
    ['notes.txt', nested, reply.upload.spoolId].sort(),
  )
})

test('a file of an earlier process that has other content than it came with is not opened, whatever its size', async () => {
  const { folder, uploadStore, put } = await setup()
  const reply = await put('some text')
  if (reply.kind !== 'stored') throw new Error(reply.kind)
  const later = new FolderStore(join(folder, 'spool'))
  await writeFile(uploadStore.pathOf(reply.upload), 'some TEXT')
  await expect(later.open(reply.upload)).rejects.toMatchObject({ errorType: 'input_missing' })
  await writeFile(uploadStore.pathOf(reply.upload), 'some text')
  expect(await later.open(reply.upload)).toBe(uploadStore.pathOf(reply.upload))
})
