import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl'
import { TaskError } from '../../../task/failure.ts'

/** What an Office file may unpack to; real ones stay far below. */
const MAX_ENTRIES = 5000
const MAX_UNPACKED_BYTES = 100 * 1024 * 1024

/**
 * Counts what a ZIP archive unpacks to before anything else opens it: by unpacking it to nowhere, because
 * the sizes that it names may be lies.
 *
 * @throws TaskError `input_too_large` for a bomb, `input_rejected` for one that is damaged or dishonest,
 *   names that lead out of its folder or come twice among it.
 */
export async function countArchive(bytes: Uint8Array): Promise<void> {
  const names = new Set<string>()
  let unpacked = 0
  try {
    const zip = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    if (zip.entryCount > MAX_ENTRIES) throw tooLarge(`${zip.entryCount} entries`)
    for await (const entry of zip.eachEntry()) {
      if (names.has(entry.fileName)) throw rejected('it holds one name twice')
      names.add(entry.fileName)
      unpacked += await unpackedBytes(zip, entry, MAX_UNPACKED_BYTES - unpacked)
    }
  } catch (error) {
    throw error instanceof TaskError ? error : rejected('its archive is damaged', error)
  }
}

async function unpackedBytes(zip: ZipFile, entry: Entry, limit: number): Promise<number> {
  if (entry.isEncrypted()) throw new TaskError('encrypted_input', 'The file is protected by a password.')
  let bytes = 0
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    bytes += (chunk as Buffer).length
    if (bytes > limit) throw tooLarge(`more than ${MAX_UNPACKED_BYTES / 1024 / 1024} MB`)
  }
  return bytes
}

function tooLarge(what: string): TaskError {
  return new TaskError('input_too_large', `The file unpacks to ${what}.`)
}

function rejected(why: string, cause?: unknown): TaskError {
  return new TaskError('input_rejected', `The file cannot be opened: ${why}.`, { cause })
}
