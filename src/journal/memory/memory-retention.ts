import { isTerminal } from '../../task/status.ts'
import type { KeptUpload, Pruned, RetentionJournal } from '../journal.ts'
import type { Memory, Record } from './records.ts'

export class MemoryRetention implements RetentionJournal {
  readonly #memory: Memory

  constructor(memory: Memory) {
    this.#memory = memory
  }

  erase(taskId: string, erasedAt: number): Promise<string | null> {
    const status = this.#memory.records.get(taskId)?.task.status
    if (status === undefined || !isTerminal(status)) return Promise.resolve(null)
    const task = this.#memory.forget(taskId)
    if (task !== undefined) this.#memory.erased.set(taskId, { caller: task.caller, at: erasedAt })
    return Promise.resolve(task?.upload?.spoolId ?? null)
  }

  ownerOfErased(taskId: string): Promise<string | undefined> {
    return Promise.resolve(this.#memory.erased.get(taskId)?.caller)
  }

  async eraseEnded(before: number, erasedAt: number, limit: number): Promise<Pruned> {
    const ended = this.#endedBefore(before).slice(0, limit)
    const spoolIds = await Promise.all(ended.map(({ task }) => this.erase(task.id, erasedAt)))
    return { tasks: ended.length, spoolIds: spoolIds.filter((id) => id !== null) }
  }

  pruneEvents(before: number, limit: number): Promise<number> {
    const pruned = this.#endedBefore(before).filter(({ events }) => events.length > 1)
    for (const record of pruned.slice(0, limit)) record.events = record.events.slice(-1)
    return Promise.resolve(Math.min(limit, pruned.length))
  }

  endedUploads(before: number, limit: number): Promise<readonly KeptUpload[]> {
    const kept = this.#endedBefore(before).flatMap(({ task }) =>
      task.upload === null ? [] : [{ taskId: task.id, spoolId: task.upload.spoolId }],
    )
    return Promise.resolve(kept.slice(0, limit))
  }

  forgetUploads(taskIds: readonly string[]): Promise<void> {
    for (const id of taskIds) {
      const record = this.#memory.records.get(id)
      if (record === undefined) continue
      record.task = { ...record.task, upload: null }
      this.#memory.index.set(record.task)
    }
    return Promise.resolve()
  }

  pruneMinutes(before: number, limit: number): Promise<number> {
    const { minutes } = this.#memory
    const old = [...minutes].filter(([, { minute }]) => minute < before).slice(0, limit)
    for (const [key] of old) minutes.delete(key)
    return Promise.resolve(old.length)
  }

  pruneTraces(expiredAt: number, erasedBefore: number, limit: number): Promise<number> {
    const { keys, erased } = this.#memory
    const old = [...keys].filter(([, { expiresAt }]) => expiresAt <= expiredAt).slice(0, limit)
    const gone = [...erased].filter(([, { at }]) => at < erasedBefore).slice(0, limit)
    for (const [key] of old) keys.delete(key)
    for (const [id] of gone) erased.delete(id)
    return Promise.resolve(old.length + gone.length)
  }

  #endedBefore(before: number): Record[] {
    return [...this.#memory.records.values()].filter(({ task }) => (task.finishedAt ?? Infinity) < before)
  }
}
