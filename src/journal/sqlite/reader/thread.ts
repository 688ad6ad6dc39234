import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { Statements } from '../statements.ts'
import type { ReaderMessage, ReadRequest } from '../thread-protocol.ts'
import type { Row } from '../../rows.ts'
import { QUERIES, type AnyQuery } from './queries.ts'

/** The thread that only reads: an answer waits for no commit. */

const port = parentPort as NonNullable<typeof parentPort>
const db = new DatabaseSync((workerData as { readonly path: string }).path, { readOnly: true, timeout: 5000 })
db.exec('PRAGMA cache_size = -65536')
const statements = new Statements(db)

port.on('message', (message: ReadRequest | 'close') => {
  if (message === 'close') {
    db.close()
    port.close()
    return
  }
  const { id, name, args } = message
  const post = (message: ReaderMessage, moved: ArrayBuffer[] = []) => port.postMessage(message, moved)
  try {
    const rows = (QUERIES[name] as unknown as AnyQuery).select(statements, ...args)
    post({ id, rows }, name === 'result' ? buffersIn(rows) : [])
  } catch (error) {
    post({ id, fault: { code: 'journal-corrupt', message: `The journal cannot be read: ${String(error)}` } })
  }
})

/** Memory of binary values, which moves to the other thread. */
function buffersIn(rows: readonly Row[]): ArrayBuffer[] {
  const values = rows.flatMap((row) => Object.values(row))
  return values.flatMap((value) => (value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []))
}
