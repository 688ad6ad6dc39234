import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Forecast } from '../../client/index.ts'
import { LEVELS } from '../parts/level-select.tsx'
import { Action, Empty, Level, Section } from '../parts/small.tsx'
import { board } from '../store/board.ts'
import { duration } from '../store/format.ts'
import { navigate, route } from '../store/route.ts'
import { client } from '../store/session.ts'
import { screenWords } from '../store/settings.ts'

const FIELDS = ['workers', 'arrivals_per_minute', 'run_seconds', 'target_p90_seconds'] as const
type Field = (typeof FIELDS)[number]

/** How long tasks would wait with other workers, or another load; the address holds the question. */
export function Plan() {
  const { plan: said } = screenWords()
  const answer = useSignal<Forecast | null>(null)
  const others = useSignal<readonly Forecast[]>([])
  const { query } = route.value
  const workers = board.value?.stats.max_workers
  const asked = (name: Field) => query.get(name) ?? ''
  const titles: Record<Field, string> = {
    workers: said.workers,
    arrivals_per_minute: said.arrivals,
    run_seconds: said.run,
    target_p90_seconds: said.target,
  }

  const compute = async () => {
    const given = Object.fromEntries(
      FIELDS.flatMap((name) => (asked(name) === '' ? [] : [[name, Number(asked(name))]])),
    )
    const first = await client.queue.forecast(given)
    answer.value = first
    const tried: Forecast[] = []
    for (const count of countsAround(first)) {
      tried.push(count === first.workers ? first : await client.queue.forecast({ ...given, workers: count }))
      others.value = [...tried]
    }
  }
  const change = (name: Field, value: string) => {
    const next = new URLSearchParams(query)
    if (value === '') next.delete(name)
    else next.set(name, value)
    navigate(`/plan?${next.toString()}`, { replace: true })
  }
  useEffect(() => {
    // A link that somebody sent asks at once.
    if (query.size > 0) void compute().catch(() => undefined)
  }, [])
  return (
    <>
      <h1>{said.title}</h1>
      <p class="lead">{said.lead}</p>
      <form class="panel filter" aria-label={said.title} onSubmit={(event) => event.preventDefault()}>
        {FIELDS.map((name) => (
          <label>
            {titles[name]}
            <input
              type="number"
              min={0}
              step="any"
              placeholder={
                name === 'workers' ? `${workers ?? ''}` : name === 'target_p90_seconds' ? '' : said.known
              }
              value={asked(name)}
              onInput={(event) => change(name, event.currentTarget.value)}
            />
          </label>
        ))}
        <Action kind="primary" run={compute}>
          {said.ask}
        </Action>
      </form>
      {answer.value === null ? <Empty>{said.needs}</Empty> : <Answer forecast={answer.value} />}
      {others.value.length > 0 && (
        <Chart forecasts={others.value} target={Number(asked('target_p90_seconds'))} />
      )}
    </>
  )
}

/** From one to twice as many workers, ten of them at most. */
function countsAround({ workers, smallest_workers: smallest }: Forecast): number[] {
  const most = Math.max(workers * 2, smallest ?? 0, 2)
  const step = Math.max(1, Math.ceil(most / 10))
  const counts = new Set([workers, ...(smallest === null ? [] : [smallest])])
  for (let count = 1; count <= most; count += step) counts.add(count)
  return [...counts].sort((a, b) => a - b)
}

function Answer({ forecast }: { readonly forecast: Forecast }) {
  const { plan: said } = screenWords()
  const { verdict, wait_seconds: waits, load, smallest_workers: smallest } = forecast
  return (
    <Section title={said.result}>
      <p>
        <strong>{said.verdicts[verdict] ?? verdict}</strong>
        {load !== null && (
          <span class="note">
            {' '}
            · {said.load} {load.toFixed(2)}
          </span>
        )}
        {smallest !== null && <span> {said.smallest(`${smallest}`)}</span>}
      </p>
      <div class="table-wrap" tabIndex={0} role="region" aria-label={said.perLevel}>
        <table>
          <thead>
            <tr>
              <th scope="col">{said.perLevel}</th>
              <th scope="col">{said.mean}</th>
              <th scope="col">{said.p90}</th>
            </tr>
          </thead>
          <tbody>
            {LEVELS.map((level) => {
              const each = forecast.wait_seconds_by_priority[level]
              return each === undefined ? null : (
                <tr>
                  <th scope="row">
                    <Level level={level} />
                  </th>
                  <td class="numbers">{duration(each.mean)}</td>
                  <td class="numbers">{duration(each.p90)}</td>
                </tr>
              )
            })}
            <tr>
              <th scope="row">{screenWords().tasks.all}</th>
              <td class="numbers">{duration(waits.mean)}</td>
              <td class="numbers">{duration(waits.p90)}</td>
            </tr>
          </tbody>
        </table>
      </div>
    </Section>
  )
}

/** The wait of nine of ten over the number of workers, as a table whose cells are bars. */
function Chart({ forecasts, target }: { readonly forecasts: readonly Forecast[]; readonly target: number }) {
  const { plan: said } = screenWords()
  const longest = Math.max(1, ...forecasts.map(({ wait_seconds: waits }) => waits.p90))
  const today = board.value?.stats.max_workers
  const best = forecasts.find(({ wait_seconds: waits }) => target > 0 && waits.p90 <= target)
  return (
    <Section title={said.byWorkers}>
      {target > 0 && best === undefined && <p class="note">{said.unmet}</p>}
      <table class="bars">
        <thead>
          <tr>
            <th scope="col">{said.workers}</th>
            <th scope="col">{said.p90}</th>
          </tr>
        </thead>
        <tbody>
          {forecasts.map((each) => (
            <tr key={each.workers} class={each === best ? 'best' : ''}>
              <th scope="row" class="numbers">
                {each.workers}
                {each.workers === today && <span class="note"> {screenWords().controls.now}</span>}
              </th>
              <td>
                <span class="bar-cell">
                  <meter min={0} max={longest} value={each.wait_seconds.p90} aria-label={`${each.workers}`} />
                  <span class="numbers">{duration(each.wait_seconds.p90)}</span>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  )
}
