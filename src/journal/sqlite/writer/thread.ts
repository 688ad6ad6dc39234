import { statSync } from 'node:fs'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { HeadgateError } from '../../../task/errors.ts'
import { Checkpoints } from './checkpoints.ts'
import { DiskReserve } from './disk-reserve.ts'
import { GroupCommit } from './group-commit.ts'
import type { WriteBatch, WriterData, WriterMessage } from '../thread-protocol.ts'
import { MIGRATIONS } from '../schema.ts'
import { filesIn } from '../open/files.ts'
import { prepareFolder } from '../open/folder.ts'
import { takeLock } from '../open/lock.ts'
import { openJournal } from '../open/open.ts'
import { watchFiles } from './watch-files.ts'

/** The thread that alone writes: a sync that stalls does not stall the event loop. */

/** How often an idle journal looks at its files. */
const LOOK_EVERY_MS = 500

const port = parentPort as NonNullable<typeof parentPort>
const { folder, reserveBytes, writesPerCheckpoint } = workerData as WriterData
const post = (message: WriterMessage) => port.postMessage(message)

try {
  start()
} catch (error) {
  const { message } = error as Error
  const code = error instanceof HeadgateError ? error.code : 'journal-failed'
  post({ kind: 'fault', fault: { code, message } })
}

function start(): void {
  const files = filesIn(folder)
  prepareFolder(folder)
  const lock = takeLock(files.lock)
  const { db, notes } = openJournal(files, MIGRATIONS)
  const reserve = new DiskReserve(files.reserve, reserveBytes)
  if (!reserve.keep()) notes.push('the disk has no room for the reserve')
  const lost = watchFiles(files)
  const logBytes = () => statSync(files.wal, { throwIfNoEntry: false })?.size ?? 0
  const onFault = (reason: string) => commits.fail(reason)
  const checkpoints = new Checkpoints({ db, path: files.journal, writesPerCheckpoint, logBytes, onFault })
  const commits = new GroupCommit({ db, reserve, checkpoints, lost, report: post })
  setInterval(() => commits.checkFiles(), LOOK_EVERY_MS).unref()

  port.on('message', (first: WriteBatch | 'close') => {
    const batches: WriteBatch[] = []
    let isLast = false
    for (let message: typeof first | undefined = first; message !== undefined; message = nextMessage()) {
      if (message === 'close') isLast = true
      else batches.push(message)
    }
    commits.commit(batches)
    if (isLast) void end()
  })
  post({ kind: 'opened', notes })

  async function end(): Promise<void> {
    await checkpoints.stop()
    commits.close()
    checkpoints.release()
    lock[Symbol.dispose]()
    post({ kind: 'closed' })
    port.close()
  }
}

/** What has arrived since, without waiting. */
function nextMessage(): WriteBatch | 'close' | undefined {
  return receiveMessageOnPort(port)?.message as WriteBatch | 'close' | undefined
}
