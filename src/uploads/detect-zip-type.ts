import { open, type FileHandle } from 'node:fs/promises'
import { inflateRawSync } from 'node:zlib'

const END_MARK = Buffer.from('PK\u0005\u0006', 'latin1')
const ENTRY_MARK = 0x02014b50
const END_BYTES = 22
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const DEFLATED = 8
/** The last record is looked for in these, with a comment behind it. */
const TAIL_BYTES = 64 * 1024
const MAX_DIRECTORY_BYTES = 1024 * 1024
const MAX_MANIFEST_BYTES = 1024 * 1024
const MANIFEST = 'meta-inf/manifest.xml'
const OFFICE = 'application/vnd.openxmlformats-officedocument'

/** What has a part of this name, in small letters and with forward slashes. */
const TYPE_BY_PART: readonly (readonly [RegExp, string])[] = [
  [/^word\/document\.xml$/, `${OFFICE}.wordprocessingml.document`],
  [/^xl\/workbook\.xml$/, `${OFFICE}.spreadsheetml.sheet`],
  [/^ppt\/presentation\.xml$/, `${OFFICE}.presentationml.presentation`],
  [/^xl\/workbook\.bin$/, 'application/vnd.ms-excel.sheet.binary.macroenabled.12'],
  [/^visio\/document\.xml$/, 'application/vnd.visio'],
  [/\.fdseq$/, 'application/vnd.ms-xpsdocument'],
  [/^(?:index\/document\.iwa|index\.zip|index\.apxl|buildversionhistory\.plist)$/, 'application/x-iwork'],
]
/** The element of the whole file in a manifest of OpenDocument, and its media type. */
const ELEMENT = /<[^<>]{1,1000}>/g
const ROOT_ATTRIBUTE = 'full-path="/"'
const MEDIA_TYPE = /media-type="([\w.+/-]{1,200})"/

interface ZipEntry {
  readonly name: string
  readonly method: number
  readonly packedBytes: number
  readonly offset: number
}

/**
 * What a ZIP archive is by the names of its parts, where its content types or its `mimetype` do not tell; null when it is
 * an archive of files.
 */
export async function detectZipType(path: string): Promise<string | null> {
  const file = await open(path)
  try {
    const entries = await listEntries(file)
    const manifest = entries.find(({ name }) => name === MANIFEST)
    if (manifest !== undefined && entries.some(({ name }) => name === 'content.xml')) {
      return rootType(await readSmall(file, manifest))
    }
    return TYPE_BY_PART.find(([part]) => entries.some(({ name }) => part.test(name)))?.[1] ?? null
  } finally {
    await file.close()
  }
}

function rootType(manifest: string): string | null {
  for (const [element] of manifest.matchAll(ELEMENT)) {
    if (element.includes(ROOT_ATTRIBUTE)) return MEDIA_TYPE.exec(element)?.[1] ?? null
  }
  return null
}

/** The entries of the central directory (APPNOTE.TXT, 4.3.12), as far as it can be read. */
async function listEntries(file: FileHandle): Promise<ZipEntry[]> {
  const { size } = await file.stat()
  const tail = await readAt(file, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES))
  const end = tail.lastIndexOf(END_MARK)
  if (end === -1 || end + END_BYTES > tail.length) return []
  const directoryBytes = tail.readUInt32LE(end + 12)
  const directoryAt = size - tail.length + end - directoryBytes
  if (directoryAt < 0) return []
  const directory = await readAt(file, directoryAt, Math.min(directoryBytes, MAX_DIRECTORY_BYTES))
  const entries: ZipEntry[] = []
  for (let at = 0; at + ENTRY_BYTES <= directory.length && directory.readUInt32LE(at) === ENTRY_MARK;) {
    const nameEnd = at + ENTRY_BYTES + directory.readUInt16LE(at + 28)
    entries.push({
      name: directory
        .toString('utf8', at + ENTRY_BYTES, nameEnd)
        .replaceAll('\\', '/')
        .toLowerCase(),
      method: directory.readUInt16LE(at + 10),
      packedBytes: directory.readUInt32LE(at + 20),
      offset: directory.readUInt32LE(at + 42),
    })
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return entries
}

/** The text of a small entry; empty when it is larger, or cannot be unpacked. */
async function readSmall(file: FileHandle, { method, packedBytes, offset }: ZipEntry): Promise<string> {
  const local = await readAt(file, offset, LOCAL_BYTES)
  if (packedBytes > MAX_MANIFEST_BYTES || local.length < LOCAL_BYTES) return ''
  const at = offset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
  const packed = await readAt(file, at, packedBytes)
  if (method !== DEFLATED) return packed.toString('utf8')
  try {
    return inflateRawSync(packed, { maxOutputLength: MAX_MANIFEST_BYTES }).toString('utf8')
  } catch {
    return ''
  }
}

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, position)
  return buffer.subarray(0, bytesRead)
}
