import type { Response } from 'undici'
import { listCauses } from '../task/causes.ts'
import { TaskError } from '../task/failure.ts'

const NO_SUCH_HOST = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/
/** A longer wait asked for by a host is not shown in seconds. */
const MAX_RETRY_AFTER_SECONDS = 600

/** What a request that broke off means: a block of ours, our own caller's stop, or a host that does not answer. */
export function toTaskError(error: unknown, url: string, signal: AbortSignal): unknown {
  const causes = listCauses(error)
  const known = causes.find((cause) => cause instanceof TaskError)
  if (known !== undefined) return known
  const isStopped = signal.aborted && (signal.reason as Error).name !== 'TimeoutError'
  if (isStopped) return signal.reason
  const host = hostOf(url)
  const code = causes
    .map((cause) => `${(cause as NodeJS.ErrnoException).code}`)
    .find((text) => text !== 'undefined')
  if (code !== undefined && NO_SUCH_HOST.has(code)) {
    return new TaskError('invalid_url', `There is no host ${host}.`, { cause: error })
  }
  if (code !== undefined && CERTIFICATE.test(code)) {
    return new TaskError('invalid_url', `${host} has no valid certificate (${code}).`, { cause: error })
  }
  return new TaskError('network_timeout', `${host} did not answer in time.`, { cause: error })
}

export function failureOfStatus({ status, headers }: Response, url: string): TaskError {
  const host = hostOf(url)
  if (status === 401 || status === 403)
    return new TaskError('access_forbidden', `${host} refuses access (${status}).`)
  if (status === 404 || status === 410)
    return new TaskError('invalid_url', `${host} has no such document (${status}).`)
  if (status === 429) {
    const seconds = Number(headers.get('retry-after') ?? NaN)
    const isTold = Number.isInteger(seconds) && seconds > 0 && seconds <= MAX_RETRY_AFTER_SECONDS
    const message = `${host} asks for fewer requests (429).`
    return new TaskError('rate_limited', message, isTold ? { retryAfterSeconds: seconds } : {})
  }
  return new TaskError('network_timeout', `${host} answered ${status}.`)
}

/** The host alone: paths and queries of an address may be private. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an unreadable address'
}
