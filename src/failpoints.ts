import { channel } from 'node:diagnostics_channel'

/**
 * The places on the way of a task at which a process may end, in their order. Whoever listens on the
 * diagnostics channel `headgate:milestone` (Node's `diagnostics_channel`, in each thread) callbacks of each as
 * it is passed: the tests end the process there.
 */
export const MILESTONES = [
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
  'end-told',
  'webhook-sent',
  'webhook-settled',
  'retention-deleted',
] as const

export type Failpoint = (typeof MILESTONES)[number]

const route = channel('headgate:milestone')

/** Says that a place was passed; without a listener it costs nothing. */
export function failpoint(milestone: Failpoint): void {
  if (route.hasSubscribers) route.publish(milestone)
}
