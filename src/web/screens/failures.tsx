import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { FailureGroup } from '../../client/index.ts'
import { Action, Empty, Problem } from '../parts/small.tsx'
import { board } from '../store/board.ts'
import { clock, count } from '../store/format.ts'
import { navigate, route, to } from '../store/route.ts'
import { client, noteFailure } from '../store/session.ts'
import { screenWords } from '../store/settings.ts'

const RANGES = [1, 24, 168] as const

export function Failures() {
  const { failures: said } = screenWords()
  const groups = useSignal<readonly FailureGroup[] | null>(null)
  const failure = useSignal('')
  const hours = RANGES.find((each) => `${each}` === route.value.query.get('hours')) ?? 24
  const failed = board.value?.stats.total_failed
  const load = async () => {
    try {
      groups.value = await client.tasks.failures(hours)
      failure.value = ''
    } catch (error) {
      failure.value = noteFailure(error)
    }
  }
  useEffect(() => void load(), [hours, failed])
  return (
    <>
      <h1>{said.title}</h1>
      <p class="lead">{said.lead}</p>
      <p class="tabs small" role="group">
        {RANGES.map((each) => (
          <button
            type="button"
            class="button"
            aria-pressed={each === hours}
            onClick={() => navigate(`/failures?hours=${each}`, { replace: true })}
          >
            {said.hours[each]}
          </button>
        ))}
      </p>
      <Problem text={failure.value} />
      {groups.value?.length === 0 && <Empty>{said.none}</Empty>}
      {groups.value?.map((group) => (
        <Group
          key={`${group.type} ${group.error_type} ${group.message}`}
          group={group}
          hours={hours}
          load={load}
        />
      ))}
    </>
  )
}

/** Tasks that one call may name. */
const MAX_RETRIED = 1000

function isSame(a: FailureGroup, b: FailureGroup): boolean {
  return a.type === b.type && a.error_type === b.error_type && a.message === b.message
}

/** How many there were over the time, as bars. */
function Sparkline({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const most = Math.max(1, ...values)
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${values.length} 10`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: ${values.join(', ')}`}
    >
      {values.map((value, index) => {
        // What is there at all is to be seen.
        const height = value === 0 ? 0 : Math.max(1, (value / most) * 10)
        return <rect key={index} x={index} y={10 - height} width={0.8} height={height} />
      })}
    </svg>
  )
}

interface GroupProps {
  readonly group: FailureGroup
  readonly hours: number
  readonly load: () => Promise<void>
}

function Group({ group, hours, load }: GroupProps) {
  const { failures: said } = screenWords()
  const query = `type=${group.type}&error_type=${group.error_type}&status=error,timeout,expired&hours=${hours}`
  const [newest] = group.newest
  return (
    <section class="panel failure-group">
      <p>
        <strong class="figure small">{said.times(count(group.count))}</strong> {group.type}{' '}
        <code>{group.error_type}</code> <Sparkline values={group.counts} label={said.over(hours)} />
      </p>
      <p>{group.message}</p>
      <p class="note">
        {said.first} {clock(group.first_at)} · {said.last} {clock(group.last_at)}
        {newest !== undefined && (
          <>
            {' · '}
            <a href={to(`/tasks/${newest}`)}>{newest.slice(-6)}</a>
          </>
        )}
      </p>
      <div class="actions">
        <Action
          kind="primary"
          run={async () => {
            const groups = await client.tasks.failures(hours, MAX_RETRIED)
            const ids = groups.find((each) => isSame(each, group))?.newest ?? group.newest
            await client.tasks.bulk({ op: 'retry', ids })
            await load()
          }}
        >
          {said.retry(count(group.count))}
        </Action>
        <a class="button" href={to(`/tasks?${query}`)}>
          {said.show}
        </a>
      </div>
    </section>
  )
}
