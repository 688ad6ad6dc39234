import type { z } from 'zod'
import type { InputIssue } from './submission.ts'

/** A refinement marks an address that must not be fetched with `params: { code: UNSAFE_URL }`. */
const UNSAFE_URL = 'unsafe-url'

/** Says what is wrong with an input, field by field, without repeating its values. */
export function issuesOf(error: z.ZodError): {
  readonly code: 'validation' | typeof UNSAFE_URL
  readonly issues: readonly InputIssue[]
} {
  const issues = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const isUnsafe = error.issues.some(
    (issue) => issue.code === 'custom' && issue.params?.['code'] === UNSAFE_URL,
  )
  return { code: isUnsafe ? UNSAFE_URL : 'validation', issues }
}
