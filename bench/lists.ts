import { idOf } from '../test/support/fill-journal.ts'
import { getText } from './replies.ts'
import { quantile } from './support.ts'

const ROUNDS = 300
/** They read the journal for the first time. */
const WARM_UP_ROUNDS = 5
const PAGE = 100

interface ListedTask {
  readonly task_id: string
  readonly status: string
  readonly type: string
  readonly caller: string
  readonly priority: number
  readonly title: string | null
  readonly created_at: string
  readonly error: { readonly error_type: string } | null
}

interface Page {
  readonly tasks: readonly ListedTask[]
  readonly next_cursor: string | null
}

interface Filter {
  readonly query: string
  /** Whether a task of the page fits. */
  readonly fits: (task: ListedTask) => boolean
  /** No task of the journal fits. */
  readonly isEmpty?: true
  /** So rare that a page looks at its most tasks without finding enough. */
  readonly isRare?: true
}

const hasEnded = (status: string) => (task: ListedTask) => task.status === status
const FILTERS: readonly Filter[] = [
  { query: '', fits: () => true },
  { query: 'status=completed', fits: hasEnded('completed') },
  { query: 'status=error', fits: hasEnded('error') },
  { query: 'status=cancelled', fits: hasEnded('cancelled') },
  { query: 'status=timeout', fits: hasEnded('timeout'), isRare: true },
  { query: 'status=error,timeout', fits: (task) => /^(?:error|timeout)$/.test(task.status) },
  { query: 'status=expired', fits: () => false, isEmpty: true },
  { query: 'status=queued', fits: () => false, isEmpty: true },
  { query: 'type=other', fits: ({ type }) => type === 'other' },
  { query: 'caller=caller-3', fits: ({ caller }) => caller === 'caller-3' },
  {
    query: 'caller=caller-0&type=other',
    fits: (task) => task.caller === 'caller-0' && task.type === 'other',
  },
  { query: 'status=error&type=other', fits: (task) => hasEnded('error')(task) && task.type === 'other' },
  {
    query: 'status=error&caller=caller-0',
    fits: (task) => hasEnded('error')(task) && task.caller === 'caller-0',
  },
  { query: 'priority=3', fits: ({ priority }) => priority === 3 },
  { query: 'error_type=timeout', fits: ({ error }) => error?.error_type === 'timeout', isRare: true },
  { query: 'q=report%207777', fits: ({ title }) => /report 7777/i.test(title ?? ''), isRare: true },
  { query: 'since=2020-01-01T00:00:00Z', fits: ({ created_at }) => created_at > '2020' },
]

/**
 * Pages of every filter, each second one from a place of its own, over a journal of `count` finished tasks of
 * `fillJournal`. Every reply is checked: each task fits, the newest are first, and pages are full where tasks fit.
 *
 * @returns p99 by filter, ms
 */
export async function listBench(url: string, count: number): Promise<Map<string, number>> {
  const took = new Map(FILTERS.map(({ query }) => [query, [] as number[]]))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (const filter of FILTERS) {
      const place = round % 2 === 0 ? count : Math.floor(count / 10 + Math.random() * count * 0.9)
      const cursor = place === count ? '' : `&cursor=${idOf(place)}`
      const sentAt = performance.now()
      const path = `/api/tasks?limit=${PAGE}&${filter.query}${cursor}`
      const text = await getText(`${url}${path}`)
      // Until its last byte is there: reading and checking it is the client's.
      if (round >= 0) took.get(filter.query)?.push(performance.now() - sentAt)
      check(filter, JSON.parse(text) as Page, cursor === '' ? '~' : idOf(place))
    }
  }
  return new Map([...took].map(([query, values]) => [query, quantile(values, 0.99)]))
}

function check({ query, fits, isEmpty, isRare }: Filter, { tasks, next_cursor }: Page, before: string): void {
  const ids = tasks.map((task) => task.task_id)
  const isOrdered = ids.every((id, index) => id < (ids[index - 1] ?? before))
  const isFull = isEmpty
    ? tasks.length === 0
    : isRare
      ? tasks.length > 0 || next_cursor !== null
      : tasks.length === PAGE
  if (tasks.every(fits) && isOrdered && isFull) return
  throw new Error(
    `the page of "${query}" before ${before} is not right: ${tasks.length} tasks, ${ids[0]} first`,
  )
}
