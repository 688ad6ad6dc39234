import { channel } from 'node:diagnostics_channel'

/**
 * The places at which a process may end while it handles a task, in their order. A subscriber of the
 * diagnostics channel `headgate:failpoint` (Node's `diagnostics_channel`, in each thread) gets each one as
 * it is passed: the tests end the process there.
 */
export const FAILPOINTS = [
  'headers-read',
  'auth-done',
  'spool-opened',
  'spool-half',
  'spool-synced',
  'spool-renamed',
  'spool-folder-synced',
  'place-reserved',
  'batch-begun',
  'batch-committed',
  'enqueued',
  'reply-sent',
  'dequeued',
  'start-committed',
  'handler-entered',
  'progress-sent',
  'step-saved',
  'result-made',
  'end-written',
  'end-committed',
  'end-published',
  'webhook-sent',
  'webhook-settled',
  'retention-deleted',
] as const

export type Failpoint = (typeof FAILPOINTS)[number]

const route = channel('headgate:failpoint')

/** Reports that a place was passed; without a subscriber it costs nothing. */
export function failpoint(milestone: Failpoint): void {
  if (route.hasSubscribers) route.publish(milestone)
}
