import { useSignal } from '@preact/signals'
import type { Board, BoardRow, PriorityName, Stats } from '../../client/index.ts'
import { count, duration, since } from '../store/format.ts'
import { to } from '../store/route.ts'
import { client, noteFailure } from '../store/session.ts'
import { words } from '../store/settings.ts'
import { allowedLevels, LEVELS, LevelSelect } from './level-select.tsx'
import { Name } from './name.tsx'
import { dropTarget, Empty, Level, Section } from './small.tsx'

/** Rows of one level that are shown. */
const LANE_ROWS = 20
/** Rows of the board that stand in the order in which they start; those behind them have no place. */
const PLACED_ROWS = 200
/** What is dragged: the id of a waiting task. */
const DRAGGED = 'application/x-headgate-task'

/** The queue: a list for each level, in the order in which its tasks start. */
export function Lanes({ lists: { waiting, stats } }: { readonly lists: Board }) {
  const { overview } = words()
  const places = new Map(waiting.slice(0, PLACED_ROWS).map(({ row }, index) => [row, index + 1]))
  const isEmpty = stats.queue_size === 0
  return (
    <Section
      title={overview.queue}
      aside={<span class="note">{`${count(stats.queue_size)} / ${count(stats.max_queue_size)}`}</span>}
    >
      {isEmpty && stats.current_processing === 0 && (
        <Empty>
          {overview.emptyQueue} <a href={to('/new')}>{overview.first}</a>
        </Empty>
      )}
      <div class="lanes">
        {LEVELS.map((level) => (
          <Lane
            level={level}
            rows={waiting.filter(({ priority_name: name }) => name === level)}
            places={places}
            stats={stats}
          />
        ))}
      </div>
    </Section>
  )
}

interface LaneProps {
  readonly level: PriorityName
  readonly rows: readonly BoardRow[]
  readonly places: ReadonlyMap<number, number>
  readonly stats: Stats
}

function Lane({ level, rows, places, stats }: LaneProps) {
  const { overview } = words()
  const estimate = stats.estimated_wait_seconds[level]
  const total = stats.by_priority[level]
  const shown = rows.slice(0, LANE_ROWS)
  const isOver = useSignal(false)
  return (
    <section
      class={`lane ${isOver.value ? 'target' : ''}`}
      aria-label={words().level[level]}
      {...dropTarget({
        isOver,
        accepts: (data) => data?.types.includes(DRAGGED) === true && allowedLevels().includes(level),
        drop: (data) => {
          const id = data?.getData(DRAGGED) ?? ''
          if (id !== '') client.task(id).setPriority(level).catch(noteFailure)
        },
      })}
    >
      <h3>
        <Level level={level} /> <span class="figure small">{count(total)}</span>
      </h3>
      <p class="note">
        {estimate === null
          ? overview.noEstimate
          : overview.estimate(duration(estimate.p50), duration(estimate.p90))}
      </p>
      <ol class="lane-rows">
        {shown.map((row) => (
          <li
            key={row.row}
            draggable={row.task_id !== undefined}
            onDragStart={(event) => event.dataTransfer?.setData(DRAGGED, row.task_id ?? '')}
          >
            <span class="numbers place">{places.get(row.row)}</span>
            <Name row={row} />
            <span class="note numbers">{duration(since(row.created_at))}</span>
            {row.task_id !== undefined && <LevelMenu row={row} />}
          </li>
        ))}
      </ol>
      {total > shown.length && <p class="note">{overview.more(count(total - shown.length))}</p>}
    </section>
  )
}

/** Moves a waiting task to another level. */
function LevelMenu({ row }: { readonly row: BoardRow }) {
  const { task_id: id = '', title, priority_name: level } = row
  return (
    <LevelSelect
      kind="level-menu"
      label={`${words().common.level}: ${title ?? id}`}
      value={level}
      levels={allowedLevels()}
      choose={(chosen, menu) =>
        void client
          .task(id)
          .setPriority(chosen)
          .catch(() => (menu.value = level))
      }
    />
  )
}
