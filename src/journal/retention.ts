/** The upload of a task that ended. */
export interface KeptUpload {
  readonly taskId: string
  readonly spoolId: string
}

/**
 * Forgetting. Everything here takes at most `limit` rows at a time, so that it can go on beside the work;
 * instants are epoch ms and mean the end of the task.
 */
export interface RetentionJournal {
  /** Erases a task that has ended, with all that was kept of it; the reply is its upload's place in the spool. */
  erase(taskId: string, erasedAt: number): Promise<string | null>
  /** Whose erased task this was; undefined when there was none, or too long ago. */
  ownerOfErased(taskId: string): Promise<string | undefined>
  /** Erases tasks that ended before; the reply tells how many, and the places of their uploads. */
  eraseEnded(before: number, erasedAt: number, limit: number): Promise<Pruned>
  /** Drops the events of tasks that ended before, all but the last one of each. */
  pruneEvents(before: number, limit: number): Promise<number>
  /** Uploads of tasks that ended before. */
  endedUploads(before: number, limit: number): Promise<readonly KeptUpload[]>
  /** Takes the uploads' names out of their tasks, when the files are gone. */
  forgetUploads(taskIds: readonly string[]): Promise<void>
  /** Drops keys that have expired, and what is known of tasks erased before. */
  pruneTraces(expiredAt: number, erasedBefore: number, limit: number): Promise<number>
}

export interface Pruned {
  readonly tasks: number
  readonly spoolIds: readonly string[]
}
