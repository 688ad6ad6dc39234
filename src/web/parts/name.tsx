import type { BoardRow } from '../../client/index.ts'
import { to } from '../store/route.ts'
import { words } from '../store/settings.ts'

/** A task by its name, with a link to it where it may be seen. */
export function Name({ row }: { readonly row: BoardRow }) {
  if (row.task_id === undefined) return <span class="other">{words().overview.other}</span>
  return (
    <a class="name" href={to(`/tasks/${row.task_id}`)} title={row.title ?? row.task_id}>
      {row.title ?? `${row.type} ${row.task_id.slice(-6)}`}
    </a>
  )
}
