import { fdatasyncSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { toPrimaryCode } from '../open/lock.ts'
import type { CheckpointReply, CheckpointThreadData } from './checkpoints.ts'

/** The thread that copies the log into the journal, on a connection of its own: commits continue meanwhile. */

const port = parentPort as NonNullable<typeof parentPort>
const { path, file } = workerData as CheckpointThreadData
const db = new DatabaseSync(path, { timeout: 5000 })
db.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL')

port.on('message', (message: 'checkpoint' | 'close') => {
  if (message === 'close') {
    db.close()
    port.close()
    return
  }
  port.postMessage(checkpoint())
})

function checkpoint(): CheckpointReply {
  try {
    const copied = db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
    // SQLite leaves the sync to the copy that reaches the end of the log: little would be left for it to write but this.
    if (copied?.['checkpointed'] !== copied?.['log']) fdatasyncSync(file)
    return null
  } catch (error) {
    return { code: toPrimaryCode(error), message: (error as Error).message }
  }
}
