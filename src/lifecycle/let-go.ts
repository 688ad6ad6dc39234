import type { Logger } from 'pino'
import type { Task } from '../task/task.ts'
import type { UploadStore } from '../uploads/upload-store.ts'

export interface LetGoDeps {
  readonly uploadStore: UploadStore
  readonly log: Logger
  /** Whether the upload of a task that has ended is left to the retention. */
  readonly keepsUploads: boolean
  /** A webhook is due. */
  readonly deliver: () => void
}

/** The end of a task is committed: its webhooks are due, and an upload that is not to be kept goes with it. */
export async function letGo({ id: taskId, upload, webhook, joins }: Task, deps: LetGoDeps): Promise<void> {
  const { keepsUploads, uploadStore, log, deliver } = deps
  if (webhook !== null || joins > 1) deliver()
  if (upload === null) return
  await (keepsUploads ? uploadStore.release(upload) : uploadStore.remove(upload))
    // The next start removes what is left.
    .catch((error: unknown) => log.error({ err: error, taskId }, 'upload not removed'))
}
