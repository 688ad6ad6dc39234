import { useSignal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import type { BoardRow, Board, Stats } from '../../client/index.ts'
import { Lanes } from '../parts/lanes.tsx'
import { Name } from '../parts/name.tsx'
import { Action, Bar, Empty, Level, Section, Status } from '../parts/small.tsx'
import { board } from '../store/board.ts'
import { clock, count, duration, since, until } from '../store/format.ts'
import { client } from '../store/session.ts'
import { words } from '../store/settings.ts'

/** Rows of one group that are shown. */
const GROUP_ROWS = 20

export function Overview() {
  const lists = board.value
  if (lists === null) return <Empty>{words().app.loading}</Empty>
  const { stats } = lists
  return (
    <>
      <h1 class="visually-hidden">{words().overview.title}</h1>
      {stats.holds.map((hold) => (
        <p class="banner warn" role="status">
          {words().hold[hold] ?? hold}
        </p>
      ))}
      <Cards stats={stats} />
      <Slots lists={lists} />
      <Lanes lists={lists} />
      {lists.parked.length > 0 && <Parked rows={lists.parked} />}
      <LateHistory />
      <div class="columns">
        <Recent rows={lists.recent} />
        {stats.resources.length > 0 && <Resources stats={stats} />}
      </div>
    </>
  )
}

/** Charts are loaded when the rest is shown. */
function LateHistory() {
  const loaded = useSignal<{ readonly History: ComponentType } | null>(null)
  useEffect(() => {
    void import('../parts/history.tsx').then((found) => (loaded.value = found))
  }, [])
  return loaded.value === null ? null : <loaded.value.History />
}

function Cards({ stats }: { readonly stats: Stats }) {
  const { cards } = words()
  const share = stats.total_processed === 0 ? 0 : 1 - stats.total_success / stats.total_processed
  const stuck = stats.stuck_workers > 0 ? cards.stuck(stats.stuck_workers) : ''
  const oldest = stats.queue_size > 0 ? cards.oldest(duration(stats.oldest_queued_seconds)) : ''
  const shown = [
    [cards.running, `${stats.current_processing}`, stuck || cards.of(count(stats.max_workers))],
    [cards.waiting, count(stats.queue_size), oldest || cards.of(count(stats.max_queue_size))],
    [cards.parked, count(stats.waiting), ''],
    [cards.scheduled, count(stats.scheduled), ''],
    [
      cards.done,
      count(stats.total_success),
      cards.failed(`${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`),
    ],
    [cards.refused, count(stats.total_rejected), cards.total],
  ] as const
  return (
    <dl class="cards">
      {shown.map(([name, value, note]) => (
        <div class="card">
          <dt>{name}</dt>
          <dd class="figure">{value}</dd>
          <dd class="note">{note}&nbsp;</dd>
        </div>
      ))}
    </dl>
  )
}

function Slots({ lists: { running, stats } }: { readonly lists: Board }) {
  const { overview } = words()
  const free = Math.max(0, stats.max_workers - running.length)
  return (
    <Section
      title={overview.slots}
      aside={<span class="note">{`${running.length} / ${stats.max_workers}`}</span>}
    >
      <ul class="rows">
        {running.map((row) => (
          <Slot key={row.row} row={row} />
        ))}
        {Array.from({ length: Math.min(free, 8) }, (_, index) => (
          <li class="slot free" key={`free ${index}`}>
            {overview.empty}
          </li>
        ))}
      </ul>
    </Section>
  )
}

/** A slot with what runs in it. */
function Slot({ row }: { readonly row: BoardRow }) {
  const { overview, common } = words()
  const detail = row.progress_detail
  const stage = detail == null ? row.message : overview.step(detail.stage, detail.step, detail.total_steps)
  const elapsed = since(row.started_at ?? row.created_at)
  return (
    <li class="slot">
      <span class="slot-name">
        <Name row={row} />
        <span class="note">
          {row.type} <Level level={row.priority_name} /> {row.caller ?? ''}
        </span>
      </span>
      {row.task_id !== undefined && (
        <>
          <span class="slot-progress">
            <Bar value={row.progress ?? 0} label={row.title ?? row.type} />
            <span class="note">{stage ?? '\u00a0'}</span>
          </span>
          <span class="note numbers">
            {overview.elapsed(duration(elapsed), duration(row.timeout_seconds))}
          </span>
          {row.status === 'cancelling' ? (
            <Status status="cancelling" />
          ) : (
            <Action label={`${common.cancel}: ${row.title ?? row.task_id}`} run={() => cancel(row)}>
              {common.cancel}
            </Action>
          )}
        </>
      )}
    </li>
  )
}

async function cancel({ task_id: id }: BoardRow): Promise<void> {
  if (id !== undefined) await client.task(id).cancel()
}

/** Tasks without a slot, by what they wait for. */
function Parked({ rows }: { readonly rows: readonly BoardRow[] }) {
  const { overview, reason } = words()
  const groups = Map.groupBy(rows, (row) => {
    const why = row.status === 'scheduled' ? 'scheduled' : (row.wait_reason ?? 'resource')
    return `${reason[why] ?? why}${row.wait_resource == null ? '' : ` · ${row.wait_resource}`}`
  })
  return (
    <Section title={overview.parked} aside={<span class="note">{count(rows.length)}</span>}>
      {[...groups].map(([why, group]) => (
        <section class="group" key={why}>
          <h3>
            {why} <span class="figure small">{count(group.length)}</span>
          </h3>
          <ul class="rows">
            {group.slice(0, GROUP_ROWS).map((row) => (
              <li key={row.row} class="row">
                <Name row={row} />
                <span class="note">
                  {row.type} <Level level={row.priority_name} />
                </span>
                <span class="note numbers">
                  {row.wait_until == null
                    ? overview.opensWhen
                    : overview.opens(duration(until(row.wait_until)))}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </Section>
  )
}

function Recent({ rows }: { readonly rows: readonly BoardRow[] }) {
  const { overview } = words()
  return (
    <Section title={overview.recent}>
      {rows.length === 0 && <Empty>{overview.none}</Empty>}
      <ul class="rows">
        {rows.map((row) => (
          <li key={row.row} class="row">
            <Status status={row.status} />
            <Name row={row} />
            <span class="note numbers">{duration(row.run_ms == null ? null : row.run_ms / 1000)}</span>
            <span class="note numbers">{clock(row.finished_at)}</span>
          </li>
        ))}
      </ul>
    </Section>
  )
}

function Resources({ stats }: { readonly stats: Stats }) {
  const { overview } = words()
  const { resource: names } = overview
  return (
    <Section title={overview.resources}>
      <div class="table-wrap" tabIndex={0} role="region" aria-label={overview.resources}>
        <table>
          <thead>
            <tr>
              <th scope="col">{names.name}</th>
              <th scope="col">{names.limit}</th>
              <th scope="col">{names.inUse}</th>
              <th scope="col">{names.waiting}</th>
              <th scope="col">{names.opens}</th>
            </tr>
          </thead>
          <tbody>
            {stats.resources.map((each) => (
              <tr key={each.name}>
                <th scope="row">{each.name}</th>
                <td class="numbers">{each.limit ?? overview.noLimit}</td>
                <td class="numbers">{each.in_use}</td>
                <td class="numbers">{each.waiting}</td>
                <td class="numbers">{each.open_at === null ? '–' : duration(until(each.open_at))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  )
}
