import { capDelayMs } from '../time/delay.ts'
import { toText } from './text.ts'

/** A kind of failure: whether another attempt could help, and what a person can do. */
export interface FailureKind {
  readonly retryable: boolean
  readonly suggestion: string
}

/** Kinds by `error_type`, as a task type declares its own. */
export type FailureKinds = Readonly<Record<string, FailureKind>>

/** Why the work of any task may fail: `error_type` on the wire. The first are those of the legacy shape. */
export const FAILURE_TYPES = {
  network_timeout: { retryable: true, suggestion: 'Check that the address answers, then submit again.' },
  access_forbidden: { retryable: false, suggestion: 'Use an address that can be read without signing in.' },
  invalid_url: { retryable: false, suggestion: 'Check the address for typing errors.' },
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
  out_of_memory: { retryable: false, suggestion: 'Split the file into smaller parts, then submit those.' },
  ssrf_blocked: { retryable: false, suggestion: 'Use a public address.' },
  internal: { retryable: true, suggestion: 'Submit again; report it when it happens twice.' },
} as const satisfies FailureKinds

/** One of those, or one that the task type declares in `failures`. */
export type FailureType = keyof typeof FAILURE_TYPES | (string & {})

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
 * @example throw new TaskError('input_rejected', 'The file has no sheet named "Orders".')
 */
export class TaskError extends Error {
  override readonly name = 'TaskError'
  readonly errorType: FailureType
  readonly #options: FailureOptions

  /** @param errorType a built-in one, or one that the task type declares; any other becomes `execution_error` */
  constructor(errorType: FailureType, message: string, options: FailureOptions = {}) {
    super(message, options)
    this.errorType = errorType
    this.#options = options
  }

  /** The failure of a task whose type declares these kinds. */
  toFailure(declared: FailureKinds = {}): Failure {
    return failure(this.errorType, this.message, { ...this.#options, declared })
  }
}

/** Longest texts of a failure, in characters; the rest is cut. */
const MAX_MESSAGE_CHARS = 2000
const MAX_SUGGESTION_CHARS = 500
const MAX_SUGGESTIONS = 10
const MAX_DETAILS_CHARS = 10_000

/** A handler may give anything: what is no text becomes text, what is too long is cut, and a delay is finite. */
export function failure(
  errorType: FailureType,
  message: string,
  options: FailureOptions & { readonly declared?: FailureKinds } = {},
): Failure {
  const { suggestions, retryAfterSeconds, technicalDetails, declared = {} } = options
  const kinds: FailureKinds = Object.hasOwn(declared, errorType) ? declared : FAILURE_TYPES
  const type = Object.hasOwn(kinds, errorType) ? errorType : 'execution_error'
  const known = kinds[type] ?? FAILURE_TYPES.execution_error
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
