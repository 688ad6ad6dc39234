import type { z } from 'zod'
import type { TaskType } from '../handler/define-task.ts'
import type { InputIssue, Submission } from './submission.ts'

/** What is wrong with a submit, and under which code. */
export interface ValidationIssues {
  readonly code: 'validation' | typeof UNSAFE_URL
  readonly issues: readonly InputIssue[]
}

/** What holds where a type names nothing. */
export interface Defaults {
  /** Time limit of a run, ms. */
  readonly timeoutMs: number
  readonly attempts: number
}

/** A refinement marks an address that must not be fetched with `params: { code: UNSAFE_URL }`. */
const UNSAFE_URL = 'unsafe-url'

/** What is wrong with a submit; null when it fits. A schema of somebody's own may throw. */
export function validate(
  type: TaskType,
  submission: Submission,
  defaults: Defaults,
): ValidationIssues | null {
  const issues = timeIssues(type, submission, defaults)
  if (issues.length > 0) return { code: 'validation', issues }
  try {
    const parsed = type.input.safeParse(submission.input)
    return parsed.success ? null : listIssues(parsed.error)
  } catch {
    return { code: 'validation', issues: [{ path: '', message: 'the input cannot be read' }] }
  }
}

/** A submit may ask for less time and fewer attempts than its type grants, not for more. */
function timeIssues(type: TaskType, submission: Submission, defaults: Defaults): InputIssue[] {
  const { timeoutMs, maxAttempts, delayMs, startDeadlineMs } = submission
  const mostMs = type.timeoutMs ?? defaults.timeoutMs
  const mostAttempts = type.retry?.maxAttempts ?? defaults.attempts
  const issues: InputIssue[] = []
  if (timeoutMs !== null && timeoutMs > mostMs) {
    issues.push({
      path: 'timeout_seconds',
      message: `expected at most ${mostMs / 1000}, as this type allows`,
    })
  }
  if (maxAttempts !== null && maxAttempts > mostAttempts) {
    issues.push({ path: 'max_attempts', message: `expected at most ${mostAttempts}, as this type allows` })
  }
  if (startDeadlineMs !== null && startDeadlineMs <= delayMs) {
    issues.push({ path: 'start_deadline_seconds', message: 'expected more than delay_seconds' })
  }
  return issues
}

/** Lists what is wrong with an input, field by field, without its values. */
function listIssues(error: z.ZodError): ValidationIssues {
  const issues = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const isUnsafe = error.issues.some(
    (issue) => issue.code === 'custom' && issue.params?.['code'] === UNSAFE_URL,
  )
  return { code: isUnsafe ? UNSAFE_URL : 'validation', issues }
}
