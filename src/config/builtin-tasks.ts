import { z } from 'zod'

/** The task types that come with Headgate. */
export const BUILTIN_TASKS = ['summarize', 'analyze-pdf', 'analyze-document'] as const

export type BuiltinTask = (typeof BUILTIN_TASKS)[number]

/** `all`, `none`, or names separated by commas. */
export const builtinTasks = z.string().transform((text, context): 'all' | readonly BuiltinTask[] => {
  if (text === 'all') return 'all'
  if (text === 'none') return []
  const names = text.split(',').map((name) => name.trim())
  const known = BUILTIN_TASKS.filter((task) => names.includes(task))
  if (known.length !== names.length) {
    context.addIssue(`expected all, none, or some of ${BUILTIN_TASKS.join(', ')}, separated by commas`)
  }
  return known
})
