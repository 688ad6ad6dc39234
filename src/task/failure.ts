import { capDelayMs } from '../time/delay.ts'
import { toText } from './text.ts'

/**
 * Why the work of a task failed: `error_type` on the wire. The first eleven are those of the legacy
 * shape; the rest were added. Each has whether another attempt could help, and what a person can do.
 */
export const FAILURE_TYPES = {
  network_timeout: { retryable: true, suggestion: 'Check that the address answers, then submit again.' },
  access_forbidden: { retryable: false, suggestion: 'Use an address that can be read without signing in.' },
  no_subtitles: { retryable: false, suggestion: 'Choose a video that has captions.' },
  invalid_url: { retryable: false, suggestion: 'Check the address for typing errors.' },
  video_not_found: { retryable: false, suggestion: 'Check that the video is public and still online.' },
  rate_limited: { retryable: true, suggestion: 'Wait a few minutes, then submit again.' },
  queue_full: { retryable: true, suggestion: 'Submit again after the time that Retry-After names.' },
  timeout: { retryable: true, suggestion: 'Submit a smaller input, or raise the time limit.' },
  execution_error: {
    retryable: false,
    suggestion: 'Look at the message; submit again when its cause is fixed.',
  },
  analysis_error: { retryable: false, suggestion: 'Try another file, or report this one as a defect.' },
  unknown: { retryable: false, suggestion: 'Submit again; report it when it happens twice.' },
  crash_loop: { retryable: false, suggestion: 'The input ends the process each time: submit another one.' },
  cancelled: { retryable: false, suggestion: 'Submit again if this was not meant.' },
  expired: { retryable: true, suggestion: 'Submit again with a later start deadline.' },
  provider_rate_limited: { retryable: true, suggestion: 'Wait until the provider takes requests again.' },
  provider_quota_exhausted: { retryable: false, suggestion: 'Raise the quota at the provider.' },
  provider_overloaded: { retryable: true, suggestion: 'Submit again later.' },
  provider_auth: { retryable: false, suggestion: 'Check the API key of the provider.' },
  input_rejected: {
    retryable: false,
    suggestion: 'Open the file, save it anew in its program, and submit that.',
  },
  input_missing: { retryable: false, suggestion: 'Send the file again.' },
  input_too_large: { retryable: false, suggestion: 'Split the input and submit the parts.' },
  content_blocked: { retryable: false, suggestion: 'The provider refuses this content: submit another.' },
  unsupported_format: {
    retryable: false,
    suggestion: 'Convert the file to PDF, docx, pptx, xlsx, odt, EPUB, HTML, Markdown or plain text.',
  },
  no_text: {
    retryable: false,
    suggestion: 'Run text recognition (OCR) over the scan, then submit the result.',
  },
  encrypted_input: {
    retryable: false,
    suggestion: 'Remove the password from the file, then submit it again.',
  },
  out_of_memory: { retryable: false, suggestion: 'Split the file into smaller parts, then submit those.' },
  ssrf_blocked: { retryable: false, suggestion: 'Use a public address.' },
  internal: { retryable: true, suggestion: 'Submit again; report it when it happens twice.' },
} as const satisfies Record<string, { retryable: boolean; suggestion: string }>

export type FailureType = keyof typeof FAILURE_TYPES

export interface Failure {
  readonly errorType: FailureType
  readonly message: string
  readonly retryable: boolean
  /** Seconds until another try makes sense; null when not known. */
  readonly retryAfterSeconds: number | null
  readonly suggestions: readonly string[]
  readonly technicalDetails: string | null
}

export interface FailureOptions extends ErrorOptions {
  /** What the caller can do; default: the sentence of the type. */
  readonly suggestions?: readonly string[]
  readonly retryAfterSeconds?: number
  /** For operators; shown to the caller too, so without secrets or paths. */
  readonly technicalDetails?: string
}

/**
 * What a handler throws to end its task with a named failure.
 *
 * @example throw new TaskError('no_text', 'The scan has no text layer.')
 */
export class TaskError extends Error {
  override readonly name = 'TaskError'
  readonly failure: Failure

  constructor(errorType: FailureType, message: string, options: FailureOptions = {}) {
    super(message, options)
    this.failure = failure(errorType, message, options)
  }
}

/** Longest texts of a failure, in characters; the rest is cut. */
const MAX_MESSAGE_CHARS = 2000
const MAX_SUGGESTION_CHARS = 500
const MAX_SUGGESTIONS = 10
const MAX_DETAILS_CHARS = 10_000

/** A handler may give anything: what is no text becomes text, what is too long is cut, and a delay is finite. */
export function failure(errorType: FailureType, message: string, options: FailureOptions = {}): Failure {
  const type = Object.hasOwn(FAILURE_TYPES, errorType) ? errorType : 'execution_error'
  const known = FAILURE_TYPES[type]
  const { suggestions, retryAfterSeconds, technicalDetails } = options
  const afterMs = typeof retryAfterSeconds === 'number' ? capDelayMs(retryAfterSeconds * 1000) : null
  return {
    errorType: type,
    message: toText(message, MAX_MESSAGE_CHARS),
    retryable: known.retryable,
    retryAfterSeconds: afterMs === null ? null : afterMs / 1000,
    suggestions: Array.isArray(suggestions)
      ? suggestions.slice(0, MAX_SUGGESTIONS).map((each) => toText(each, MAX_SUGGESTION_CHARS))
      : [known.suggestion],
    technicalDetails: technicalDetails == null ? null : toText(technicalDetails, MAX_DETAILS_CHARS),
  }
}
