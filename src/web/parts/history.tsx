import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { History as Reply } from '../../client/index.ts'
import { board } from '../store/board.ts'
import { clock, count, duration } from '../store/format.ts'
import { client } from '../store/session.ts'
import { words } from '../store/settings.ts'
import { Chart, type Line } from './chart.tsx'
import { Empty, Section } from './small.tsx'

const RANGES = [60, 1440, 10_080] as const
type Range = (typeof RANGES)[number]
/** A new point comes once a minute. */
const REFRESH_MS = 60_000

/** What happened in the last hours, as charts and as a table. */
export function History() {
  const { charts } = words()
  const range = useSignal<Range>(60)
  const reply = useSignal<Reply | null>(null)
  useEffect(() => {
    const leave = new AbortController()
    const load = () => {
      if (document.hidden) return
      client.queue.history(range.value, leave.signal).then(
        (found) => (reply.value = found),
        () => undefined,
      )
    }
    load()
    const timer = setInterval(load, REFRESH_MS)
    return () => {
      clearInterval(timer)
      leave.abort()
    }
  }, [range.value])
  const buttons = (
    <span class="actions" role="group" aria-label={charts.title}>
      {RANGES.map((each) => (
        <button
          type="button"
          class="button"
          aria-pressed={each === range.value}
          onClick={() => (range.value = each)}
        >
          {charts.range[each]}
        </button>
      ))}
    </span>
  )
  return (
    <Section title={charts.title} aside={buttons}>
      {reply.value === null || reply.value.points.length === 0 ? (
        <Empty>{reply.value === null ? words().app.loading : charts.none}</Empty>
      ) : (
        <Charts reply={reply.value} minutes={range.value} />
      )}
    </Section>
  )
}

function Charts({ reply, minutes }: { readonly reply: Reply; readonly minutes: number }) {
  const { charts, status } = words()
  const { times, ended, waits, depth } = useMemo(() => toLines(reply, minutes), [reply, minutes, status])
  return (
    <>
      <div class="charts">
        <figure>
          <figcaption>{charts.ended}</figcaption>
          <Chart times={times} lines={ended} format={count} label={charts.ended} />
        </figure>
        <figure>
          <figcaption>{charts.waits}</figcaption>
          <Chart times={times} lines={waits} format={duration} label={charts.waits} />
          <Coverage />
        </figure>
        <figure>
          <figcaption>{charts.depth}</figcaption>
          <Chart times={times} lines={depth} format={count} label={charts.depth} />
        </figure>
      </div>
      <details>
        <summary>{charts.table}</summary>
        <Table reply={reply} />
      </details>
    </>
  )
}

/** Whether estimates hold: how many waits were no longer than nine of ten were to be. */
function Coverage() {
  const { charts } = words()
  const coverage = board.value?.stats.estimate_coverage
  if (coverage?.p90 == null) return null
  return <p class="note">{charts.coverage(`${Math.round(coverage.p90 * 100)} %`, count(coverage.samples))}</p>
}

/** One value for each point of the time, those without work included. */
function toLines({ minutes_per_point: size, points }: Reply, minutes: number) {
  const { charts, status } = words()
  const stepMs = size * 60_000
  const last = Math.floor(Date.now() / stepMs) * stepMs
  const known = new Map(points.map((point) => [Date.parse(point.at), point]))
  const length = Math.ceil(minutes / size)
  const instants = Array.from({ length }, (_, index) => last - (length - 1 - index) * stepMs)
  const of = <Value,>(read: (point: Reply['points'][number]) => Value, none: Value) =>
    instants.map((at) => {
      const point = known.get(at)
      return point === undefined ? none : read(point)
    })
  const good = of(({ ended }) => ended.completed, 0)
  const bad = of(({ ended }) => ended.error + ended.timeout + ended.expired, 0)
  const stopped = of(({ ended }) => ended.cancelled, 0)
  const stacked = (...parts: (readonly number[])[]) =>
    good.map((_, index) => parts.reduce((sum, part) => sum + (part[index] ?? 0), 0))
  const ended: Line[] = [
    { name: status.cancelled, colour: '--quiet', values: stacked(good, bad, stopped), kind: 'bars' },
    { name: status.error, colour: '--bad', values: stacked(good, bad), kind: 'bars' },
    { name: status.completed, colour: '--accent', values: good, kind: 'bars' },
  ]
  const waits: Line[] = [
    {
      name: charts.measured50,
      colour: '--accent',
      values: of(({ wait_seconds: wait }) => wait?.p50 ?? null, null),
    },
    {
      name: charts.measured90,
      colour: '--warn',
      values: of(({ wait_seconds: wait }) => wait?.p90 ?? null, null),
    },
    {
      name: charts.estimated90,
      colour: '--quiet',
      values: of((point) => point.estimated_wait_p90_seconds, null),
      kind: 'dashed',
    },
  ]
  const depth: Line[] = [
    {
      name: charts.deepest,
      colour: '--accent',
      values: of(({ deepest_queue: deepest }) => deepest, 0),
      kind: 'bars',
    },
  ]
  return { times: instants.map((at) => at / 1000), ended, waits, depth }
}

function Table({ reply }: { readonly reply: Reply }) {
  const { charts, status } = words()
  return (
    <div class="table-wrap" tabIndex={0} role="region" aria-label={charts.table}>
      <table>
        <thead>
          <tr>
            {[
              charts.time,
              status.completed,
              status.error,
              charts.measured50,
              charts.measured90,
              charts.estimated90,
              charts.deepest,
            ].map((name) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {reply.points.toReversed().map((point) => (
            <tr key={point.at}>
              <th scope="row" class="numbers">
                {clock(point.at)}
              </th>
              <td class="numbers">{count(point.ended.completed)}</td>
              <td class="numbers">{count(point.ended.error + point.ended.timeout + point.ended.expired)}</td>
              <td class="numbers">{duration(point.wait_seconds?.p50)}</td>
              <td class="numbers">{duration(point.wait_seconds?.p90)}</td>
              <td class="numbers">{duration(point.estimated_wait_p90_seconds)}</td>
              <td class="numbers">{count(point.deepest_queue)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
