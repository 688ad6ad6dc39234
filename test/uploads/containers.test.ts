import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { HEAD_BYTES, recognise } from '../../src/uploads/detect-media-type.ts'
import { zipOf } from '../support/zip.ts'

async function recogniseBytes(bytes: Uint8Array | string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-containers-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'file')
  await writeFile(path, bytes)
  return recognise(path, Buffer.from(bytes as string).subarray(0, HEAD_BYTES))
}

const OFFICE = 'application/vnd.openxmlformats-officedocument'
const OPEN_DOCUMENT = 'application/vnd.oasis.opendocument'
const zipNamed = (...names: readonly string[]) => zipOf(names.map((name) => ({ name, data: 'x' })))
const manifest = (attributes: string) => ({
  name: 'META-INF/manifest.xml',
  data: `<manifest:manifest><manifest:file-entry ${attributes}/></manifest:manifest>`,
})
const content = { name: 'content.xml', data: 'x' }

/** A container with these streams in its first directory (MS-CFB). */
function compoundOf(...names: readonly string[]): Buffer {
  const file = Buffer.alloc(512 + 4096)
  file.write('d0cf11e0a1b11ae1', 'hex')
  file.writeUInt16LE(9, 30)
  for (const [index, name] of ['Root Entry', ...names].entries()) {
    file.write(name, 512 + 128 * index, 'utf16le')
    file.writeUInt16LE(2 * name.length + 2, 512 + 128 * index + 64)
  }
  return file
}

test.each([
  ['a workbook with backslashes', zipNamed('[content_types].xml', 'xl\\workbook.xml'), 'spreadsheetml.sheet'],
  [
    'a document in capitals',
    zipNamed('[CONTENT_TYPES].XML', 'WORD/DOCUMENT.XML'),
    'wordprocessingml.document',
  ],
  ['slides without content types', zipNamed('a', 'ppt/presentation.xml'), 'presentationml.presentation'],
])('%s is one of Office: %#', async (_what, bytes, mediaType) => {
  expect(await recogniseBytes(bytes)).toBe(`${OFFICE}.${mediaType}`)
})

test.each([
  [`manifest:full-path="/" manifest:version="1.3" manifest:media-type="${OPEN_DOCUMENT}.text"`],
  [`manifest:media-type="${OPEN_DOCUMENT}.text" manifest:full-path="/"`],
])('an OpenDocument file without its mimetype is recognised by its manifest: %#', async (attributes) => {
  expect(await recogniseBytes(zipOf([content, manifest(attributes)]))).toBe(`${OPEN_DOCUMENT}.text`)
  expect(await recogniseBytes(zipOf([manifest(attributes)]))).toBe('application/zip')
})

test.each(['media-type="a" ', 'full-path="/" '])(
  'a manifest of a megabyte of %s holds nobody up',
  async (piece) => {
    const measure = async (text: string) => {
      const bytes = zipOf([content, manifest(text.repeat(900_000 / text.length))])
      const before = process.cpuUsage()
      await recogniseBytes(bytes)
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    // Microseconds; a pattern with two ways through such a text takes twenty times as long.
    expect(await measure(piece)).toBeLessThan(5 * (await measure('something="else" ')) + 20_000)
  },
)

test.each([
  ['a binary workbook', zipNamed('xl/workbook.bin'), 'application/vnd.ms-excel.sheet.binary.macroenabled.12'],
  ['XPS', zipNamed('FixedDocSeq.fdseq'), 'application/vnd.ms-xpsdocument'],
  ['Pages of 2009', zipNamed('buildVersionHistory.plist', 'index.xml'), 'application/x-iwork'],
  ['a Word file of 1997', compoundOf('1Table', 'WordDocument'), 'application/msword'],
  ['a workbook of 1995', compoundOf('Book'), 'application/vnd.ms-excel'],
  ['slides of 1997', compoundOf('PowerPoint Document'), 'application/vnd.ms-powerpoint'],
  ['a mail of Outlook', compoundOf('__nameid_version1.0'), 'application/vnd.ms-outlook'],
  ['a file under a password', compoundOf('EncryptedPackage'), 'application/x-encrypted-office'],
  ['another container', compoundOf('NotAWordDocument'), 'application/x-cfb'],
  ['Lotus 1-2-3', Buffer.from('0000020006040600080000000000000000000000', 'hex'), 'application/octet-stream'],
  ['an icon', Buffer.from('00000100010010100000010020006804000016000000', 'hex'), 'image/x-icon'],
  ['an archive', zipNamed('a/word/document.xml', 'b'), 'application/zip'],
])('%s is named as such', async (_what, bytes, mediaType) => {
  expect(await recogniseBytes(bytes)).toBe(mediaType)
})

test('an archive whose directory is cut or a lie is an archive', async () => {
  const archive = zipNamed('word/document.xml')
  const lie = Buffer.from(archive)
  lie.writeUInt32LE(0xffffffff, lie.length - 10)
  for (const bytes of [lie, archive.subarray(0, archive.length - 3)])
    expect(await recogniseBytes(bytes)).toBe('application/zip')
})

test('a README that begins with markup is Markdown, a fragment of a page is HTML', async () => {
  const centred = '<h1 align="center">Gates</h1>\n<p>A gate holds the water back.</p>\n'
  expect(await recogniseBytes(`${centred}\n## Install\n\n\`\`\`sh\nnpm i gates\n\`\`\`\n`)).toBe('text/plain')
  expect(await recogniseBytes(`${centred}<p># 1 of the list</p>\n# 1\n`)).toBe('text/html')
})

test('a mailbox is recognised by its first mail, text that begins alike is none', async () => {
  const line = 'From ana@example.org Mon Sep  2 10:00:00 2024\n'
  const mail = 'Return-Path: <a@b.example>\nFrom: Ana <a@b.example>\nSubject: Frost\n\nThe frost came.\n'
  expect(await recogniseBytes(`${line}${mail}`)).toBe('message/rfc822')
  expect(await recogniseBytes(`${line}The frost came.\n\n${mail}`)).toBe('text/plain')
})

test.each(['text', 'spreadsheet', 'presentation'])(
  'a flat %s of OpenDocument is recognised',
  async (kind) => {
    const root = `<office:document xmlns:office="x" office:version="1.3" office:mimetype="${OPEN_DOCUMENT}.${kind}">`
    expect(await recogniseBytes(`<?xml version="1.0"?>\n${root}</office:document>`)).toBe(
      `${OPEN_DOCUMENT}.${kind}-flat-xml`,
    )
  },
)
