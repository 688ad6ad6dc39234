import { createHash } from 'node:crypto'
import type { Submission } from './submission.ts'

/** What two submits have in common that ask for the same work. */
export function toDedupeKey({ type, input, upload }: Submission, version: string | undefined): string {
  return digest([type, input, upload?.sha256 ?? null, ...(version === undefined ? [] : [version])])
}

/** What two requests have in common that are the same request. */
export function computeFingerprint(submission: Submission): string {
  const { type, input, upload, priority, metadata, webhook, dedupe, isForced } = submission
  const { delayMs, startDeadlineMs, timeoutMs, maxAttempts } = submission
  const times = [delayMs, startDeadlineMs, timeoutMs, maxAttempts]
  return digest([type, input, upload?.sha256 ?? null, priority, metadata, webhook, dedupe, isForced, times])
}

function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex')
}

/** JSON whose members are in one order, whatever order they came in. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
