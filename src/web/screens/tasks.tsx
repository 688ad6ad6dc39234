import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Task, TaskFilter, TaskStatus } from '../../client/index.ts'
import { BulkBar } from '../parts/bulk.tsx'
import { LEVELS } from '../parts/level-select.tsx'
import { Empty, Problem } from '../parts/small.tsx'
import { TaskTable } from '../parts/task-table.tsx'
import { board } from '../store/board.ts'
import { navigate, route, to } from '../store/route.ts'
import { client, isOperator, me, noteFailure } from '../store/session.ts'
import { screenWords, words } from '../store/settings.ts'

const PAGE = 50
const STATUSES: readonly TaskStatus[] = [
  'queued',
  'running',
  'waiting',
  'scheduled',
  'completed',
  'error',
  'timeout',
  'cancelled',
  'expired',
]
const HOURS = { hour: 1, day: 24, week: 168 } as const
/** An own page is read again this often while tasks change. */
const REFRESH_MS = 2000

/** What the address asks for; `hours` is a time that moves with the clock. */
function readFilter(query: URLSearchParams): TaskFilter {
  const text = (name: string) => query.get(name) ?? undefined
  const hours = Number(query.get('hours') ?? NaN)
  const statuses = (query.get('status') ?? '')
    .split(',')
    .filter((each) => STATUSES.includes(each as TaskStatus))
  const given = {
    status: statuses.length === 0 ? undefined : (statuses as TaskStatus[]),
    type: text('type'),
    priority: LEVELS.find((level) => level === query.get('priority')),
    caller: text('caller'),
    error_type: text('error_type'),
    q: text('q'),
    since: Number.isFinite(hours) ? new Date(Date.now() - hours * 3_600_000).toISOString() : undefined,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''))
}

export function TaskList() {
  const { tasks: said } = screenWords()
  const page = useSignal<{ readonly tasks: readonly Task[]; readonly next: string | null } | null>(null)
  const failure = useSignal('')
  const selected = useSignal<ReadonlySet<string>>(new Set())
  const { query } = route.value
  const key = query.toString()

  const load = async (signal?: AbortSignal) => {
    try {
      const options = { limit: PAGE, cursor: query.get('cursor'), signal }
      const { tasks, next_cursor: next } = await client.tasks.page(readFilter(query), options)
      if (route.value.query.toString() !== key) return
      page.value = { tasks, next }
      failure.value = ''
    } catch (error) {
      if (signal?.aborted !== true) failure.value = noteFailure(error)
    }
  }
  useEffect(() => {
    const leave = new AbortController()
    page.value = null
    selected.value = new Set()
    void load(leave.signal)
    return () => leave.abort()
  }, [key])
  useRefresh(() => load())

  return (
    <>
      <h1>{said.title}</h1>
      <Filter />
      <BulkBar
        selected={selected.value}
        filter={readFilter(query)}
        done={() => {
          selected.value = new Set()
          void load()
        }}
      />
      <Problem text={failure.value} />
      {page.value === null ? (
        <Empty>{words().app.loading}</Empty>
      ) : (
        <TaskTable
          tasks={page.value.tasks}
          selected={selected.value}
          select={(next) => (selected.value = next)}
          isFiltered={[...query.keys()].some((name) => name !== 'cursor')}
          hasMore={page.value.next !== null}
        />
      )}
      <Pager next={page.value?.next ?? null} />
    </>
  )
}

/** Reads again when the queue has changed, at most every two seconds, the last change included. */
function useRefresh(load: () => Promise<void>): void {
  const newest = useRef(load)
  newest.current = load
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let readAt = Date.now()
    const read = () => {
      timer = undefined
      readAt = Date.now()
      void newest.current()
    }
    const stop = board.subscribe((shown) => {
      if (shown !== null) timer ??= setTimeout(read, Math.max(0, readAt + REFRESH_MS - Date.now()))
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [])
}

function change(name: string, value: string): void {
  const query = new URLSearchParams(route.value.query)
  query.delete('cursor')
  if (value === '') query.delete(name)
  else query.set(name, value)
  const text = query.toString()
  navigate(`/tasks${text === '' ? '' : `?${text}`}`)
}

function Filter() {
  const { tasks: said } = screenWords()
  const { common, status, level } = words()
  const { query } = route.value
  const menus = [
    [
      'status',
      said.status,
      [...STATUSES.map((each) => [each, status[each]]), ['error,timeout,expired', `${status.error} +`]],
    ],
    ['type', said.type, me().types.map(({ type }) => [type, type])],
    ['priority', common.level, LEVELS.map((each) => [each, level[each]])],
    ['hours', said.since, (['hour', 'day', 'week'] as const).map((each) => [`${HOURS[each]}`, said[each]])],
  ] as const
  return (
    <form class="filter" aria-label={said.filter} onSubmit={(event) => event.preventDefault()}>
      {menus.map(([name, title, options]) => (
        <label>
          {title}
          <select value={query.get(name) ?? ''} onChange={(event) => change(name, event.currentTarget.value)}>
            <option value="">{said.all}</option>
            {options.map(([value = '', text]) => (
              <option value={value}>{text}</option>
            ))}
          </select>
        </label>
      ))}
      {isOperator() && <TextFilter name="caller" title={said.caller} />}
      <TextFilter name="error_type" title={said.reason} />
      {query.size > 0 && (
        <a class="button" href={to('/tasks')}>
          {said.clear}
        </a>
      )}
    </form>
  )
}

function TextFilter({ name, title }: { readonly name: string; readonly title: string }) {
  const value = route.value.query.get(name) ?? ''
  return (
    <label>
      {title}
      <input
        key={value}
        defaultValue={value}
        onChange={(event) => change(name, event.currentTarget.value.trim())}
      />
    </label>
  )
}

function Pager({ next }: { readonly next: string | null }) {
  const { tasks: said } = screenWords()
  const link = (cursor: string | null) => {
    const query = new URLSearchParams(route.value.query)
    query.delete('cursor')
    if (cursor !== null) query.set('cursor', cursor)
    return to(`/tasks?${query.toString()}`)
  }
  return (
    <p class="pager">
      {route.value.query.has('cursor') && <a href={link(null)}>{said.newest}</a>}
      {next !== null && <a href={link(next)}>{said.older}</a>}
    </p>
  )
}
