import { QueueFull, type PriorityName } from '../../client/index.ts'
import { client, noteFailure, submissions, type SubmissionState } from './session.ts'

const DEFAULT_RETRY_SECONDS = 5

export interface Draft {
  readonly type: string
  readonly level: PriorityName
  readonly input: Readonly<Record<string, unknown>>
  readonly file: File | null
  readonly name: string
}

/** Submits one task; while the queue is full it waits as the server says, and sends it again under the same key. */
export async function submitDraft(draft: Draft): Promise<void> {
  const key = crypto.randomUUID()
  submissions.value = [
    { key, name: draft.name, state: { kind: 'sending', share: draft.file === null ? null : 0 } },
    ...submissions.value,
  ]
  for (;;) {
    try {
      const handle = await send(draft, key)
      return set(key, { kind: 'sent', id: handle.id })
    } catch (error) {
      if (!(error instanceof QueueFull)) return set(key, { kind: 'failed', message: noteFailure(error) })
      const seconds = error.retryAfter ?? DEFAULT_RETRY_SECONDS
      set(key, { kind: 'waiting', until: Date.now() + seconds * 1000 })
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
      // It may have been removed meanwhile.
      if (submissions.value.every((each) => each.key !== key)) return
      set(key, { kind: 'sending', share: draft.file === null ? null : 0 })
    }
  }
}

function send({ type, level, input, file }: Draft, key: string) {
  const options = { priority: level, idempotencyKey: key }
  if (file === null) return client.submit(type, input, options)
  const fields = Object.fromEntries(Object.entries(input).map(([name, value]) => [name, String(value)]))
  const onProgress = (sent: number, total: number) =>
    set(key, { kind: 'sending', share: total === 0 ? 1 : sent / total })
  return client.upload(type, file, fields, { ...options, onProgress })
}

function set(key: string, state: SubmissionState): void {
  submissions.value = submissions.value.map((each) => (each.key === key ? { ...each, state } : each))
}

export function removeSubmission(key: string): void {
  submissions.value = submissions.value.filter((each) => each.key !== key)
}
