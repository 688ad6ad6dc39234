import type { Readable } from 'node:stream'
import type { Upload } from '../task/task.ts'

export interface PutOptions {
  /** Its place in the upload store; default: a new one. */
  readonly spoolId?: string
  /** The client's name for the file, any text; kept for show only. */
  readonly name: string
  readonly maxBytes: number
  /** Media types that are welcome. */
  readonly accept: readonly string[]
}

export type PutReply =
  | { readonly kind: 'stored'; readonly upload: Upload }
  | { readonly kind: 'too-large'; readonly maxBytes: number }
  | { readonly kind: 'empty' }
  | { readonly kind: 'unsupported'; readonly mediaType: string }

export interface SweepResult {
  readonly removed: number
  /** Files that could not be removed; the next start tries again. */
  readonly left: number
}

/** Where the files of tasks are kept, each at a place of its own: its `spoolId`. */
export interface UploadStore {
  /** @throws HeadgateError `invalid-setting` where something that is not ours is in its way. */
  assertOwn(): void
  /** @throws HeadgateError as `assertOwn`. */
  start(): Promise<void>
  /**
   * Takes a file in and recognises it by its content; it is durable when it settles. Nothing is left behind when it is
   * refused or the stream breaks.
   *
   * @throws what the stream or the disk throws.
   */
  put(stream: Readable, options: PutOptions): Promise<PutReply>
  /**
   * The path of a file on this machine.
   * @throws TaskError `input_missing` when it is not there as it came.
   */
  open(upload: Upload): Promise<string>
  /** The same file at another place, so that either may go; undefined when it is no longer there. */
  copy(upload: Upload): Promise<Upload | undefined>
  remove(upload: Pick<Upload, 'spoolId'>): Promise<void>
  /** This machine needs the file no more; where it is kept it stays. */
  release(upload: Pick<Upload, 'spoolId'>): Promise<void>
  /** Removes files that no task names. @param isKept whether a task may ask for the file of this place */
  sweep(isKept: (spoolId: string) => boolean): Promise<SweepResult>
  /** Removes documents that were fetched for tasks that have ended while nothing of them ran. */
  sweepFetched(isLive: (taskId: string) => boolean): Promise<void>
  /** Removes everything: the tasks are forgotten with this process. */
  clear(): Promise<void>
}

const FETCHED = '.fetched'

/** The place of the document that a task has fetched: it is kept as long as its task may need it again. */
export function fetchedBy(taskId: string): string {
  return `${taskId}${FETCHED}`
}

/** The task whose document lies at a place; empty for any other place. */
export function parseFetchedId(spoolId: string): string {
  return spoolId.endsWith(FETCHED) ? spoolId.slice(0, -FETCHED.length) : ''
}
