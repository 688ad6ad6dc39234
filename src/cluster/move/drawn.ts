import type { SavedResources } from '../../resource/resources.ts'
import { toAccountText, toOlder, type SavedAccount } from '../resources/account.ts'

/** What a resource has drawn, as the database keeps it. */
export interface DrawnRow {
  readonly resource: string
  readonly state: string
}

/** @param note what one process has saved of all of its resources */
export function toDrawnRows(note: string): readonly DrawnRow[] {
  const { at, accounts } = JSON.parse(note) as SavedResources
  return Object.entries(accounts).map(([resource, projects]) => ({
    resource,
    state: toAccountText({ at, projects }),
  }))
}

/** The note that one process starts from; null: nothing was ever drawn. Calls that were under way are over. */
export function toDrawnNote(rows: readonly DrawnRow[]): string | null {
  const saved = rows.flatMap(({ resource, state }) =>
    state === '' ? [] : [{ resource, ...(JSON.parse(state) as SavedAccount) }],
  )
  if (saved.length === 0) return null
  // Each row has a time of its own, and the note has one for all.
  const at = Math.max(...saved.map((each) => each.at))
  const accounts = saved.map((each) => [each.resource, each.projects.map((of) => toOlder(of, at - each.at))])
  return JSON.stringify({ at, accounts: Object.fromEntries(accounts) } satisfies SavedResources)
}
