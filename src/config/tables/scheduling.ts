import { z } from 'zod'
import { parseLimits } from '../../resource/parse-limits.ts'
import type { ProjectKey } from '../../resource/key-pool.ts'
import type { ResourceLimits } from '../../task/resource.ts'
import { MB, seconds, whole, yesOrNo } from '../bounds.ts'
import type { Row } from '../row.ts'

const NAME = /^[a-z][a-z0-9-]{0,63}$/

/** `llm concurrency=1-3 rpm=60; download concurrency=5`. */
const resources = z.string().transform((text, context): ReadonlyMap<string, ResourceLimits> => {
  const limits = new Map<string, ResourceLimits>()
  for (const item of text.split(';').map((part) => part.trim())) {
    if (item === '') continue
    const [name = '', ...words] = item.split(/\s+/)
    const parsed = NAME.test(name) ? parseLimits(words.join(' ')) : 'expected a name in lower case'
    if (typeof parsed === 'string') context.addIssue(`"${item}": ${parsed}`)
    else if (limits.has(name)) context.addIssue(`"${item}": expected each resource once`)
    else limits.set(name, parsed)
  }
  return limits
})

/** `llm/project=key`, separated by commas; the message repeats no part of what may be a secret. */
const resourceKeys = z.string().transform((text, context): ReadonlyMap<string, readonly ProjectKey[]> => {
  const keys = new Map<string, ProjectKey[]>()
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue
    const [, name = '', project = '', key = ''] = /^([a-z][a-z0-9-]*)\/([\w.-]+)=(\S+)$/.exec(item) ?? []
    if (name === '') context.addIssue('expected resource/project=key, separated by commas')
    else keys.set(name, [...(keys.get(name) ?? []), { project, key }])
  }
  return keys
})

const orNone = (max: number) => whole(0, max).transform((value) => (value === 0 ? Infinity : value))

/** Who starts when, and what tasks may draw. */
export const SCHEDULING_SETTINGS = {
  defaultAttempts: {
    env: 'MAX_ATTEMPTS',
    default: '3',
    unit: 'attempts',
    meaning:
      'Attempts of a task whose type names none: errors that pass, such as a lost connection, are tried again. 1 to 20.',
    schema: whole(1, 20),
  },
  headStartMs: {
    env: 'PRIORITY_HEADSTART_SECONDS',
    default: '0',
    unit: 'seconds',
    meaning:
      'How much older a task of the level below must be to go first; no level can starve then. 0: levels are strict. 0 to 2147483.',
    schema: seconds(0),
  },
  isFair: {
    env: 'FAIR_CALLERS',
    default: 'false',
    unit: 'yes or no',
    meaning:
      'Whether callers take turns inside a level, by the weight of their tokens, instead of first in, first out over all. true or false.',
    schema: yesOrNo,
  },
  maxQueuedPerCaller: {
    env: 'MAX_QUEUED_PER_CALLER',
    default: '0',
    unit: 'tasks',
    meaning: 'Tasks of one caller that may wait; one more is refused with 429. 0: no limit. 0 to 1000000.',
    schema: orNone(1_000_000),
  },
  maxRunningPerCaller: {
    env: 'MAX_RUNNING_PER_CALLER',
    default: '0',
    unit: 'tasks',
    meaning: 'Tasks of one caller that may run at once; the others wait. 0: no limit. 0 to 1000.',
    schema: orNone(1000),
  },
  resources: {
    env: 'RESOURCES',
    default: 'llm concurrency=1-3; download concurrency=5 provider=many',
    unit: 'list',
    meaning:
      'Named limits that tasks draw from, separated by semicolons: a name, then concurrency=3 (or 1-10, to be found by trying), rpm=, rpd= and tpm= (requests a minute and day, tokens a minute), provider=many where calls go to different places.',
    schema: resources,
  },
  resourceKeys: {
    env: 'RESOURCE_KEYS',
    default: '',
    unit: 'list',
    meaning:
      'Keys of a resource, separated by commas: resource/project=key. Limits hold for each project. Empty: none.',
    isSecret: true,
    schema: resourceKeys,
  },
  maxMemoryBytes: {
    env: 'MAX_MEMORY_MB',
    default: '',
    unit: 'MB',
    meaning:
      'Memory of this process at which no new task starts until it has fallen by a fifth; empty: 80 % of what the machine or its control group grants; 0: never. 0 to 1000000.',
    schema: z.union([
      z.literal('').transform(() => null),
      orNone(1_000_000).transform((value) => value * MB),
    ]),
  },
  maxLoopDelayMs: {
    env: 'MAX_LOOP_DELAY_MS',
    default: '1000',
    unit: 'ms',
    meaning:
      'Delay of the event loop, twice in a row, at which no new task starts until it is shorter again. 0: never. 0 to 60000.',
    schema: orNone(60_000),
  },
} as const satisfies Record<string, Row>
