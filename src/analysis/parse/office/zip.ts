import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl'
import { TaskError } from '../../../task/failure.ts'

/** What an Office file may unpack to; real ones stay far below. */
const MAX_ENTRIES = 5000
const MAX_UNPACKED_BYTES = 100 * 1024 * 1024

/** Unpacked entries by their names. */
export type Entries = ReadonlyMap<string, Buffer>

/** The names of parts are the same in capital and small letters (ECMA-376 part 2, 6.2.2.3): `[content_types].xml`. */
class Parts extends Map<string, Buffer> {
  readonly #names = new Map<string, string>()

  override set(name: string, part: Buffer): this {
    this.#names.set(name.toLowerCase(), name)
    return super.set(name, part)
  }

  override get(name: string): Buffer | undefined {
    return super.get(name) ?? super.get(this.#names.get(name.toLowerCase()) ?? '')
  }

  override has(name: string): boolean {
    return super.has(name) || this.#names.has(name.toLowerCase())
  }
}

/**
 * Counts what a ZIP archive unpacks to before anything else opens it: by unpacking it to nowhere, because
 * the sizes that it names may be lies. Entries that are wanted are kept.
 *
 * @throws TaskError `input_too_large` for a bomb, `input_rejected` for one that is damaged or dishonest,
 *   names that lead out of its folder or come twice among it; `encrypted_input` for one under a password.
 */
export async function openArchive(
  bytes: Uint8Array,
  isWanted: (name: string) => boolean = () => false,
): Promise<Entries> {
  const names = new Set<string>()
  const kept = new Parts()
  let unpacked = 0
  try {
    const zip = await fromBufferPromise(repairEnd(bytes))
    if (zip.entryCount > MAX_ENTRIES) throw tooLarge(`${zip.entryCount} entries`)
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName
      if (names.has(name)) throw rejected('it holds one name twice')
      names.add(name)
      const pieces: Buffer[] | null = isWanted(name) ? [] : null
      unpacked += await unpack(zip, entry, { limit: MAX_UNPACKED_BYTES - unpacked, pieces })
      if (pieces !== null) kept.set(name, Buffer.concat(pieces))
    }
  } catch (error) {
    throw error instanceof TaskError ? error : rejected('its archive is damaged', error)
  }
  return kept
}

const END_MARK = Buffer.from('PK\u0005\u0006', 'latin1')
const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff

/** An archive whose last record names a wrong length of its comment, or that something was added to, as others open it. */
function repairEnd(bytes: Uint8Array): Buffer {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = file.lastIndexOf(END_MARK)
  const isThere =
    at >= Math.max(0, file.length - END_BYTES - 2 * MAX_COMMENT_BYTES) && at + END_BYTES <= file.length
  if (!isThere || file.readUInt16LE(at + 20) === file.length - at - END_BYTES) return file
  const repaired = Buffer.from(file.subarray(0, at + END_BYTES))
  repaired.writeUInt16LE(0, at + 20)
  return repaired
}

interface Unpacking {
  readonly limit: number
  /** Where the content is kept; null: it is only counted. */
  readonly pieces: Buffer[] | null
}

async function unpack(zip: ZipFile, entry: Entry, { limit, pieces }: Unpacking): Promise<number> {
  if (entry.isEncrypted()) throw encrypted()
  let bytes = 0
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    bytes += (chunk as Buffer).length
    if (bytes > limit) throw tooLarge(`more than ${MAX_UNPACKED_BYTES / 1024 / 1024} MB`)
    pieces?.push(chunk as Buffer)
  }
  return bytes
}

function tooLarge(what: string): TaskError {
  return new TaskError('input_too_large', `The file unpacks to ${what}.`)
}

export function encrypted(): TaskError {
  return new TaskError('encrypted_input', 'The file is protected by a password.')
}

export function rejected(why: string, cause?: unknown): TaskError {
  return new TaskError('input_rejected', `The file cannot be opened: ${why}.`, { cause })
}
