import { open } from 'node:fs/promises'
import { ENCRYPTED_OFFICE } from './encrypted-office.ts'

const DIRECTORY_BYTES = 4096
const HEADER_BYTES = 512
/** Sectors have 512 or 4096 bytes. */
const SECTOR_SHIFTS = new Set([9, 12])

/** What has a stream of this name; an Office file under a password is such a container too. */
const TYPE_BY_STREAM: readonly (readonly [string, string])[] = [
  ['EncryptedPackage', ENCRYPTED_OFFICE],
  ['WordDocument', 'application/msword'],
  ['PowerPoint Document', 'application/vnd.ms-powerpoint'],
  ['Workbook', 'application/vnd.ms-excel'],
  ['Book', 'application/vnd.ms-excel'],
  ['__nameid_version1.0', 'application/vnd.ms-outlook'],
  ['VisioDocument', 'application/vnd.visio'],
]

/** How large the sectors of a container are, by its header; null where that is damaged. */
export function readSectorBytes(head: Buffer): number | null {
  const shift = head.length < HEADER_BYTES ? 0 : head.readUInt16LE(30)
  return SECTOR_SHIFTS.has(shift) ? 2 ** shift : null
}

/**
 * What an old container of Office (MS-CFB) is by the names in its first directory, whose place its header gives (2.2);
 * null when none of them is known.
 */
export async function detectCompoundType(path: string, head: Buffer): Promise<string | null> {
  const sectorBytes = readSectorBytes(head)
  if (sectorBytes === null) return null
  const directoryAt = (head.readUInt32LE(48) + 1) * sectorBytes
  const file = await open(path)
  try {
    const directory = Buffer.alloc(DIRECTORY_BYTES)
    await file.read(directory, 0, DIRECTORY_BYTES, directoryAt)
    // A name is followed by zeros, and begins behind those of the entry before.
    const isThere = (name: string) => directory.includes(Buffer.from(`\0${name}\0`, 'utf16le'))
    return TYPE_BY_STREAM.find(([name]) => isThere(name))?.[1] ?? null
  } finally {
    await file.close()
  }
}
