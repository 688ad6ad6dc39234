import { useSignal, type Signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { Capacity, PriorityName, Session } from '../../client/index.ts'
import { Fields, toInput, toText, type InputSchema } from '../parts/fields.tsx'
import { allowedLevels, LevelSelect } from '../parts/level-select.tsx'
import { Bar, dropTarget, Empty, Section, Status } from '../parts/small.tsx'
import { board, now, findRow } from '../store/board.ts'
import { bytes, count, duration } from '../store/format.ts'
import { route, to } from '../store/route.ts'
import { client, me, submissions, type Submission } from '../store/session.ts'
import { screenWords, words } from '../store/settings.ts'
import { removeSubmission, submitDraft } from '../store/submissions.ts'

type TaskType = Session['types'][number]

/** The input of the task that is to be submitted again with changes. */
function readAgain(): {
  readonly type?: string
  readonly input?: Record<string, unknown>
  readonly level?: PriorityName
} {
  const text = route.value.query.has('again') ? sessionStorage.getItem('headgate-again') : null
  return text === null ? {} : (JSON.parse(text) as object)
}

export function Submit() {
  const { submit: said } = screenWords()
  const again = useMemo(readAgain, [])
  const { types } = me()
  const chosen = useSignal(route.value.query.get('type') ?? again.type ?? firstType(types))
  const level = useSignal<PriorityName>(again.level ?? defaultLevel())
  const values = useSignal<Readonly<Record<string, string>>>(toTexts(again.input ?? {}))
  const type = types.find((each) => each.type === chosen.value) ?? types[0]
  if (type === undefined) return <Empty>{said.noTypes}</Empty>
  const schema = type.input as InputSchema
  const send = (
    drafts: readonly { readonly file: File | null; readonly url?: string; readonly name: string }[],
  ) => {
    for (const { file, url, name } of drafts) {
      const input = { ...toInput(schema, values.value), ...(url === undefined ? {} : { url }) }
      void submitDraft({ type: type.type, level: level.value, input, file, name })
    }
  }
  const change = (name: string, value: string) => (values.value = { ...values.value, [name]: value })
  return (
    <>
      <h1>{said.title}</h1>
      <div class="columns wide-left">
        <form class="panel submit" onSubmit={(event) => event.preventDefault()}>
          <TypeAndLevel type={type.type} choose={(name) => (chosen.value = name)} level={level} />
          <StartEstimate type={type.type} level={level.value} />
          {type.description !== null && <p class="note">{type.description}</p>}
          {type.upload !== null && <Drop type={type} send={send} />}
          {hasAddresses(type) && (
            <label class="field">
              {said.addresses}
              <textarea
                rows={3}
                placeholder="https://"
                value={values.value['url'] ?? ''}
                onInput={(event) => change('url', event.currentTarget.value)}
              />
            </label>
          )}
          <Fields
            schema={schema}
            values={values.value}
            change={change}
            without={hasAddresses(type) ? ['url'] : []}
          />
          {type.upload === null && (
            <button
              type="button"
              class="button primary"
              onClick={() => {
                send(toDrafts(type, values.value))
                change('url', '')
              }}
            >
              {said.send}
            </button>
          )}
        </form>
        <Section title={said.sent}>
          {submissions.value.length === 0 ? <Empty>{said.none}</Empty> : null}
          <ul class="rows">
            {submissions.value.map((each) => (
              <Sent key={each.key} submission={each} />
            ))}
          </ul>
        </Section>
      </div>
    </>
  )
}

/** The type that takes most kinds of files, else the first. */
function firstType(types: readonly TaskType[]): string {
  const [first] = types.toSorted((a, b) => (b.upload?.accept.length ?? 0) - (a.upload?.accept.length ?? 0))
  return first?.type ?? ''
}

interface ChoiceProps {
  readonly type: string
  readonly choose: (type: string) => void
  readonly level: Signal<PriorityName>
}

function TypeAndLevel({ type, choose, level }: ChoiceProps) {
  const { submit: said } = screenWords()
  return (
    <div class="pair">
      <label class="field">
        {said.type}
        <select value={type} onChange={(event) => choose(event.currentTarget.value)}>
          {me().types.map((each) => (
            <option value={each.type}>{each.type}</option>
          ))}
        </select>
      </label>
      <label class="field">
        {words().common.level}
        <LevelSelect
          value={level.value}
          levels={allowedLevels()}
          choose={(chosen) => (level.value = chosen)}
        />
      </label>
    </div>
  )
}

function defaultLevel(): PriorityName {
  return allowedLevels().includes('NORMAL') ? 'NORMAL' : 'LOW'
}

function toTexts(input: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(input).filter(([, value]) => value != null)
  return Object.fromEntries(entries.map(([name, value]) => [name, toText(value)]))
}

function hasAddresses({ input, upload }: TaskType): boolean {
  return upload === null && (input as InputSchema).properties?.['url'] !== undefined
}

/** When a task of this type and level would start, as the server estimates it. */
function StartEstimate({ type, level }: { readonly type: string; readonly level: PriorityName }) {
  const { submit: said } = screenWords()
  const { level: names } = words()
  const capacity = useSignal<Capacity | null>(null)
  const stats = board.value?.stats
  const size = stats?.queue_size
  const isRefused = stats !== undefined && !stats.accepting
  useEffect(() => {
    if (isRefused) return undefined
    const leave = new AbortController()
    client.queue.capacity(level, { type, signal: leave.signal }).then(
      (found) => (capacity.value = found),
      () => undefined,
    )
    return () => leave.abort()
  }, [type, level, size, isRefused])
  if (isRefused) return <p class="estimate">{said.refused}</p>
  if (capacity.value === null) return <p class="estimate">&nbsp;</p>
  const { accepting, tasks_ahead: ahead, estimated_wait_seconds: estimate } = capacity.value
  const isFree = ahead === 0 && (board.value?.running.length ?? 1) < (board.value?.stats.max_workers ?? 0)
  const name = names[level]
  const text = !accepting
    ? said.refused
    : isFree
      ? said.startsNow(name)
      : estimate === null
        ? said.noEstimate(name, count(ahead))
        : said.wouldStart(name, duration(estimate.p50))
  return (
    <p class="estimate" aria-live="polite">
      {text}
    </p>
  )
}

interface SendProps {
  readonly type: TaskType
  readonly send: (
    drafts: readonly { readonly file: File | null; readonly url?: string; readonly name: string }[],
  ) => void
}

/** A task for each address, one a line; without one, a task of the fields alone. */
function toDrafts(
  type: TaskType,
  values: Readonly<Record<string, string>>,
): Parameters<SendProps['send']>[0] {
  const lines = hasAddresses(type) ? (values['url'] ?? '').split('\n').map((line) => line.trim()) : []
  const drafts = lines.filter((line) => line !== '').map((url) => ({ file: null, url, name: url }))
  const name = values['title'] ?? values['text']?.slice(0, 60) ?? type.type
  return drafts.length > 0 ? drafts : [{ file: null, name }]
}

/** Takes files that are dropped or chosen, each of which becomes a task at once. */
function Drop({ type, send }: SendProps) {
  const { submit: said } = screenWords()
  const isOver = useSignal(false)
  const take = (files: FileList | null | undefined) =>
    send([...(files ?? [])].map((file) => ({ file, name: file.name })))
  const { accept = [], max_bytes: max = 0 } = type.upload ?? {}
  const kinds = accept
    .slice(0, 4)
    .map((kind) => kind.split('/').at(-1))
    .join(', ')
  return (
    <label
      class={`drop ${isOver.value ? 'over' : ''}`}
      {...dropTarget({ isOver, drop: (data) => take(data?.files) })}
    >
      <span>{said.drop}</span>
      <input
        type="file"
        multiple
        aria-label={said.choose}
        onChange={(event) => {
          take(event.currentTarget.files)
          event.currentTarget.value = ''
        }}
      />
      <span class="note">{said.accepts(accept.length > 4 ? `${kinds} …` : kinds, bytes(max))}</span>
    </label>
  )
}

function Sent({ submission: { key, name, state } }: { readonly submission: Submission }) {
  const { submit: said } = screenWords()
  return (
    <li class="row sent">
      {state.kind === 'sent' ? (
        <a class="name" href={to(`/tasks/${state.id}`)}>
          {name}
        </a>
      ) : (
        <span class="name">{name}</span>
      )}
      {state.kind === 'sending' && state.share !== null && (
        <>
          <Bar value={state.share * 100} label={said.uploading(name)} />
          <span class="note numbers">{said.uploading(`${Math.round(state.share * 100)} %`)}</span>
        </>
      )}
      {state.kind === 'waiting' && (
        <span class="note" aria-live="polite">
          {said.waits(duration(Math.max(0, (state.until - now.value) / 1000)))}
        </span>
      )}
      {state.kind === 'sent' && <SentStatus id={state.id} />}
      {state.kind === 'failed' && (
        <span class="problem" role="alert">
          {said.failed}: {state.message}
        </span>
      )}
      {(state.kind === 'waiting' || state.kind === 'failed') && (
        <button type="button" class="button" onClick={() => removeSubmission(key)}>
          {said.dismiss}
        </button>
      )}
    </li>
  )
}

function SentStatus({ id }: { readonly id: string }) {
  const row = findRow(id)
  if (row === undefined) return null
  const place = board.value?.waiting.findIndex(({ row: number }) => number === row.row) ?? -1
  return (
    <>
      <Status status={row.status} />
      {place >= 0 && <span class="note">{screenWords().task.place(count(place + 1))}</span>}
      {row.status === 'running' && <Bar value={row.progress ?? 0} label={row.title ?? row.type} />}
    </>
  )
}
