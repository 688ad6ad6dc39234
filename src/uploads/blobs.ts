import type { Upload } from '../task/task.ts'

/** Where files are kept for all processes: bytes under ids of ours. */
export interface Blobs {
  /** @throws HeadgateError `invalid-setting`, or `journal-unavailable`, when files cannot be kept there. */
  start(): Promise<void>
  /** Keeps the file that lies at a path; durable when it settles. */
  put(upload: Pick<Upload, 'spoolId' | 'sha256'>, path: string): Promise<void>
  /** The bytes of a file; none when it is not there. */
  read(id: string): AsyncIterable<Uint8Array>
  /** The same file under another id; false: it is not there. */
  copy(from: string, to: string): Promise<boolean>
  remove(id: string): Promise<void>
  /** Ids of files that were put there this long ago, or longer, some at a time. */
  listOld(ageMs: number): AsyncIterable<readonly string[]>
}
