import { z } from 'zod'
import { seconds, whole } from '../bounds.ts'
import { builtinTasks } from '../builtin-tasks.ts'
import type { Row } from '../row.ts'

/** The queue and its slots. */
export const WORK_SETTINGS = {
  slots: {
    env: 'MAX_CONCURRENT_ANALYSIS_TASKS',
    default: '3',
    unit: 'tasks',
    meaning: 'Tasks that run at once. 0 to 1000; with 0 nothing starts.',
    schema: whole(0, 1000),
  },
  capacity: {
    env: 'ANALYSIS_QUEUE_MAX_SIZE',
    default: '100',
    unit: 'tasks',
    meaning: 'Tasks that may wait; one more is refused with 503. 0 to 1000000.',
    schema: whole(0, 1_000_000),
  },
  maxParked: {
    env: 'MAX_PARKED_TASKS',
    default: '',
    unit: 'tasks',
    meaning:
      'Tasks that may be parked, as while a provider is down, before new ones are refused with 503; empty: ten times ANALYSIS_QUEUE_MAX_SIZE. 0 to 10000000.',
    schema: z.union([z.literal('').transform(() => null), whole(0, 10_000_000)]),
  },
  taskTimeoutMs: {
    env: 'ANALYSIS_TASK_TIMEOUT',
    default: '3600',
    unit: 'seconds',
    meaning: 'Time limit of one run of a task whose type names none. 1 to 2147483.',
    schema: seconds(1),
  },
  maxStuck: {
    env: 'MAX_STUCK_HANDLERS',
    default: '',
    unit: 'handlers',
    meaning:
      'Handlers that ignored their abort and may run on beside the slots; empty: as many as slots; 0: such a handler keeps its slot. 0 to 1000.',
    schema: z.union([z.literal('').transform(() => null), whole(0, 1000)]),
  },
  graceMs: {
    env: 'HANDLER_GRACE_SECONDS',
    default: '10',
    unit: 'seconds',
    meaning: 'Time between the abort of a handler and its abandonment. 0 to 2147483.',
    schema: seconds(0),
  },
  stopWaitMs: {
    env: 'STOP_WAIT_SECONDS',
    default: '20',
    unit: 'seconds',
    meaning: 'How long a stopping server waits for running tasks before it aborts them. 0 to 2147483.',
    schema: seconds(0),
  },
  stopGraceMs: {
    env: 'STOP_GRACE_SECONDS',
    default: '5',
    unit: 'seconds',
    meaning: 'How long aborted tasks have to settle while the server stops. 0 to 2147483.',
    schema: seconds(0),
  },
  tasksFile: {
    env: 'TASKS_FILE',
    default: '',
    unit: 'file',
    meaning: 'A module whose default export is a task type of your own, or a list of them. Empty: none.',
    schema: z.string(),
  },
  builtins: {
    env: 'BUILTIN_TASKS',
    default: 'all',
    unit: 'list',
    meaning:
      'Built-in task types that are served: all, none, or some of summarize, analyze-pdf and analyze-document, separated by commas.',
    schema: builtinTasks,
  },
} as const satisfies Record<string, Row>
