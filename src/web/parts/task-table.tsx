import type { Task } from '../../client/index.ts'
import { clock, duration } from '../store/format.ts'
import { to } from '../store/route.ts'
import { isOperator } from '../store/session.ts'
import { screenWords, words } from '../store/settings.ts'
import { Empty, Level, Status } from './small.tsx'

interface TableProps {
  readonly tasks: readonly Task[]
  readonly selected: ReadonlySet<string>
  readonly select: (ids: ReadonlySet<string>) => void
  readonly isFiltered: boolean
  readonly hasMore: boolean
}

/** A page of tasks, each of which can be chosen; narrow screens show name and status alone. */
export function TaskTable({ tasks, selected, select, isFiltered, hasMore }: TableProps) {
  const { tasks: said } = screenWords()
  if (tasks.length === 0) {
    return <Empty>{hasMore ? said.looked : isFiltered ? said.none : said.noneAtAll}</Empty>
  }
  const isAll = tasks.every(({ task_id: id }) => selected.has(id))
  const toggle = (id: string) => select(new Set(selected).symmetricDifference(new Set([id])))
  return (
    <div class="table-wrap" tabIndex={0} role="region" aria-label={said.title}>
      <table class="tasks">
        <thead>
          <tr>
            <th scope="col">
              <input
                type="checkbox"
                aria-label={said.selectAll}
                checked={isAll}
                onChange={() => select(new Set(isAll ? [] : tasks.map(({ task_id: id }) => id)))}
              />
            </th>
            <th scope="col">{said.name}</th>
            <th scope="col">{said.status}</th>
            <th scope="col" class="wide">
              {words().common.level}
            </th>
            {isOperator() && (
              <th scope="col" class="wide">
                {said.caller}
              </th>
            )}
            <th scope="col" class="wide">
              {said.took}
            </th>
            <th scope="col" class="wide">
              {said.age}
            </th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <Row key={task.task_id} task={task} isSelected={selected.has(task.task_id)} toggle={toggle} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface RowProps {
  readonly task: Task
  readonly isSelected: boolean
  readonly toggle: (id: string) => void
}

function Row({ task, isSelected, toggle }: RowProps) {
  const name = task.title ?? `${task.type} ${task.task_id.slice(-6)}`
  const took = [task.wait_ms, task.run_ms].map((ms) => duration(ms === null ? null : ms / 1000)).join(' · ')
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          aria-label={screenWords().tasks.select(name)}
          checked={isSelected}
          onChange={() => toggle(task.task_id)}
        />
      </td>
      <th scope="row">
        <a class="name" href={to(`/tasks/${task.task_id}`)}>
          {name}
        </a>
        <span class="note">
          {task.type}
          {task.error === null ? '' : ` · ${task.error.error_type}`}
        </span>
      </th>
      <td>
        <Status status={task.status} />
      </td>
      <td class="wide">
        <Level level={task.priority_name} />
      </td>
      {isOperator() && <td class="wide">{task.caller}</td>}
      <td class="numbers wide">{took}</td>
      <td class="numbers wide">{clock(task.created_at)}</td>
    </tr>
  )
}
