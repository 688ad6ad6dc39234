import { createDocument } from 'zod-openapi'
import type { TaskType } from '../../handler/define-task.ts'
import { createExamples } from './examples.ts'
import { queuePaths } from './paths/queue-paths.ts'
import { streamPaths } from './paths/stream-paths.ts'
import { submitPaths } from './paths/submit-paths.ts'
import { taskPaths } from './paths/task-paths.ts'

const TAGS = [
  { name: 'submit', description: 'Handing work in.' },
  { name: 'tasks', description: 'Reading, cancelling and watching tasks.' },
  { name: 'streams', description: 'Events as they happen.' },
  { name: 'queue', description: 'The queue as a whole.' },
  { name: 'health', description: 'For monitoring.' },
  { name: 'description', description: 'This document, and the schema of the events.' },
]

export interface OpenApiOptions {
  readonly types: readonly TaskType[]
  /** Path that every route begins with; empty for a server of our own. */
  readonly prefix: string
  readonly version: string
}

/** Describes every route (OpenAPI 3.1), the operator's own task types among them. */
export function describeApi({ types, prefix, version }: OpenApiOptions): object {
  const examples = createExamples(prefix)
  const { '/api/tasks': submit, ...submits } = submitPaths(types, examples)
  const { '/api/tasks': list, ...tasks } = taskPaths(examples)
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Headgate',
      version,
      description: 'A bounded priority queue with streams, in front of slow and costly work.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    tags: TAGS,
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    paths: {
      ...submits,
      '/api/tasks': { ...list, ...submit },
      ...tasks,
      ...streamPaths(examples),
      ...queuePaths(examples),
    },
  })
}
