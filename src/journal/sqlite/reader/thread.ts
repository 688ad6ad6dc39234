import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { ReaderMessage, ReadRequest } from '../thread-protocol.ts'
import { Reads, type Row } from './queries.ts'

/** The thread that only reads: an answer waits for no commit. */

const port = parentPort as NonNullable<typeof parentPort>
const db = new DatabaseSync((workerData as { readonly path: string }).path, { readOnly: true, timeout: 5000 })
db.exec('PRAGMA cache_size = -65536; PRAGMA mmap_size = 268435456')
const reads = new Reads(db)

port.on('message', (message: ReadRequest | 'close') => {
  if (message === 'close') {
    db.close()
    port.close()
    return
  }
  const { id, read } = message
  const post = (message: ReaderMessage, moved: ArrayBuffer[] = []) => port.postMessage(message, moved)
  try {
    const rows = reads.answer(read)
    post({ id, rows }, read.op === 'result' ? buffersIn(rows) : [])
  } catch (error) {
    post({ id, fault: { code: 'journal-corrupt', message: `The journal cannot be read: ${String(error)}` } })
  }
})

/** Memory of binary values, which moves to the other thread. */
function buffersIn(rows: readonly Row[]): ArrayBuffer[] {
  const values = rows.flatMap((row) => Object.values(row))
  return values.flatMap((value) => (value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []))
}
