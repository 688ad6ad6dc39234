import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { TaskWithResult } from '../../client/index.ts'
import { Confirm } from '../parts/confirm.tsx'
import { allowedLevels, LevelSelect } from '../parts/level-select.tsx'
import { Report } from '../parts/report.tsx'
import { Action, Bar, Empty, Level, Problem, Section, Status } from '../parts/small.tsx'
import { Timeline } from '../parts/timeline.tsx'
import { toCurl } from '../store/curl.ts'
import { bytes, clock, count, duration, since } from '../store/format.ts'
import { navigate, to } from '../store/route.ts'
import { base, me } from '../store/session.ts'
import { screenWords, words } from '../store/settings.ts'
import { createTaskStore, type TaskStore } from '../store/task.ts'

/** One task: what becomes of it, and what comes of it, as it happens. */
export function TaskScreen({ id = '' }: { readonly id?: string }) {
  const { task: said } = screenWords()
  const store = useMemo(() => createTaskStore(id), [id])
  useEffect(() => {
    void store.watch()
    return store.stop
  }, [store])
  const task = store.task.value
  if (store.isMissing.value) return <Empty>{said.missing}</Empty>
  if (task === null)
    return <Empty>{store.failure.value === '' ? words().app.loading : store.failure.value}</Empty>
  return (
    <article class="task">
      <Head store={store} task={task} />
      <Problem text={store.failure.value} />
      {task.error !== null && <Failure error={task.error} />}
      <div class="task-columns">
        <Report store={store} task={task} />
        <div class="aside">
          <Timeline store={store} task={task} />
          <Log store={store} />
          <Details task={task} />
        </div>
      </div>
    </article>
  )
}

function Head({ store, task }: { readonly store: TaskStore; readonly task: TaskWithResult }) {
  const { task: said } = screenWords()
  const detail = task.progress_detail
  const stage =
    detail === null ? task.message : words().overview.step(detail.stage, detail.step, detail.total_steps)
  return (
    <header class="task-head">
      <p class="note">
        <a href={to('/tasks')}>{said.back}</a>
      </p>
      <h1>{task.title ?? `${task.type} ${task.task_id.slice(-6)}`}</h1>
      <p class="facts">
        <Status status={task.status} />
        <Level level={task.priority_name} />
        <span class="note">{task.type}</span>
        {task.waiters > 1 && <span class="note">{said.waiters(task.waiters)}</span>}
        <Place task={task} />
      </p>
      {!task.done && (
        <div class="task-progress">
          <Bar value={task.progress} label={task.title ?? task.type} />
          <p class="note">
            {stage ?? '\u00a0'}
            {task.status === 'running' &&
              ` · ${words().overview.elapsed(duration(since(task.started_at)), duration(task.timeout_seconds))}`}
          </p>
        </div>
      )}
      <Actions store={store} task={task} />
    </header>
  )
}

function Place({ task }: { readonly task: TaskWithResult }) {
  const { task: said } = screenWords()
  const { overview } = words()
  if (task.queue_position === null || task.status !== 'queued') return null
  const place = count(task.queue_position)
  const estimate = task.estimated_wait_seconds
  return (
    <span class="note" aria-live="polite">
      {task.position_is_estimate === true ? said.aboutPlace(place) : said.place(place)}
      {' · '}
      {estimate === null
        ? overview.noEstimate
        : overview.estimate(duration(estimate.p50), duration(estimate.p90))}
    </span>
  )
}

function Actions({ store, task }: { readonly store: TaskStore; readonly task: TaskWithResult }) {
  const { task: said } = screenWords()
  const { common } = words()
  const { handle, load } = store
  const isAsked = useSignal(false)
  const shared = useSignal(false)
  const isWaiting = ['queued', 'scheduled', 'waiting'].includes(task.status)
  const share = async () => {
    const { ticket } = await handle.ticket()
    const address = new URL(`${base}/api/tasks/${task.task_id}?ticket=${ticket}`, location.href)
    await navigator.clipboard.writeText(address.href)
    shared.value = true
  }
  const again = () => {
    sessionStorage.setItem(
      'headgate-again',
      JSON.stringify({ type: task.type, input: task.input, level: task.priority_name }),
    )
    navigate(`/new?type=${encodeURIComponent(task.type)}&again=1`)
  }
  return (
    <div class="actions">
      {!task.done && (
        <Action
          kind="danger"
          run={async () => (await handle.cancel(), await load())}
          disabled={task.status === 'cancelling'}
        >
          {common.cancel}
        </Action>
      )}
      {isWaiting && (
        <LevelSelect
          label={common.level}
          value={task.priority_name}
          levels={allowedLevels()}
          choose={(level) => void handle.setPriority(level).then(load, load)}
        />
      )}
      {task.done && (
        <Action kind="primary" run={async () => navigate(`/tasks/${(await handle.retry()).id}`)}>
          {said.retry}
        </Action>
      )}
      {task.upload === null && (
        <button type="button" class="button" onClick={again}>
          {said.again}
        </button>
      )}
      <Action run={share}>{said.share}</Action>
      {shared.value && (
        <span class="note" role="status">
          {said.shared}
        </span>
      )}
      {task.done && (
        <button type="button" class="button" onClick={() => (isAsked.value = true)}>
          {said.erase}
        </button>
      )}
      {isAsked.value && (
        <Confirm
          title={said.erase}
          text={said.eraseAsk}
          action={said.erase}
          close={() => (isAsked.value = false)}
          confirm={async () => {
            await handle.erase()
            navigate('/tasks')
          }}
        />
      )}
    </div>
  )
}

function Failure({ error }: { readonly error: NonNullable<TaskWithResult['error']> }) {
  const { task: said } = screenWords()
  return (
    <section class="panel failure">
      <p>
        <strong>{error.message}</strong> <code>{error.error_type}</code>
      </p>
      {error.suggestions.length > 0 && (
        <>
          <h2>{said.try}</h2>
          <ul>
            {error.suggestions.map((suggestion) => (
              <li>{suggestion}</li>
            ))}
          </ul>
        </>
      )}
      {error.technical_details !== undefined && (
        <details>
          <summary>{said.technical}</summary>
          <pre tabIndex={0}>{error.technical_details}</pre>
        </details>
      )}
    </section>
  )
}

function Log({ store }: { readonly store: TaskStore }) {
  const { task: said } = screenWords()
  const isFiltered = useSignal(false)
  const lines = store.log.value.filter(({ level }) => !isFiltered.value || level !== 'info')
  return (
    <Section
      title={said.log}
      aside={
        <select
          aria-label={said.log}
          value={isFiltered.value ? 'warnings' : 'all'}
          onChange={(event) => (isFiltered.value = event.currentTarget.value === 'warnings')}
        >
          <option value="all">{said.all}</option>
          <option value="warnings">{said.warnings}</option>
        </select>
      }
    >
      {lines.length === 0 ? (
        <Empty>{said.noLog}</Empty>
      ) : (
        <ol class="log" tabIndex={0} aria-label={said.log}>
          {lines.map((line, index) => (
            <li key={index} class={line.level}>
              <time class="numbers">{clock(line.at)}</time> {line.message}
            </li>
          ))}
        </ol>
      )}
    </Section>
  )
}

function Details({ task }: { readonly task: TaskWithResult }) {
  const { task: said } = screenWords()
  const { field } = said
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    [field.id, task.task_id],
    [field.caller, task.caller],
    [
      field.file,
      task.upload === null
        ? null
        : `${task.upload.name} · ${bytes(task.upload.bytes)} · ${task.upload.media_type}`,
    ],
    [field.created, clock(task.created_at)],
    [field.started, task.started_at === null ? null : clock(task.started_at)],
    [field.finished, task.finished_at === null ? null : clock(task.finished_at)],
    [field.waited, task.wait_ms === null ? null : duration(task.wait_ms / 1000)],
    [field.ran, task.run_ms === null ? null : duration(task.run_ms / 1000)],
    [field.attempts, `${task.attempt} / ${task.max_attempts}`],
    [field.interruptions, task.interruptions === 0 ? null : `${task.interruptions}`],
    [field.limit, duration(task.timeout_seconds)],
  ]
  return (
    <Section title={said.details}>
      <dl class="details">
        {facts.map(([name, value]) =>
          value == null ? null : (
            <div>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
        {task.retry_of !== null && (
          <div>
            <dt>{field.retryOf}</dt>
            <dd>
              <a href={to(`/tasks/${task.retry_of}`)}>{task.retry_of}</a>
            </dd>
          </div>
        )}
      </dl>
      <Json title={said.input} value={task.input} />
      <Json title={said.metadata} value={task.metadata} />
      <details>
        <summary>{said.curl}</summary>
        <pre tabIndex={0}>{toCurl(task, { url: location.origin + base, hasToken: me().is_session })}</pre>
      </details>
    </Section>
  )
}

function Json({ title, value }: { readonly title: string; readonly value: unknown }) {
  if (value == null || JSON.stringify(value) === '{}') return null
  return (
    <details>
      <summary>{title}</summary>
      <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre>
    </details>
  )
}
