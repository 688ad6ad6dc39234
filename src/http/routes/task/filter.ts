import type { z } from 'zod'
import type { TaskQuery } from '../../../journal/journal.ts'
import type { Access } from '../../gate/access.ts'
import type { taskFilter } from '../../schemas/requests.ts'

type Filter = { readonly [Name in keyof typeof taskFilter]?: z.output<(typeof taskFilter)[Name]> | undefined }

/** A filter as the journal takes it: callers find their own tasks only, whatever caller they name. */
export function toTaskQuery({ caller }: Access, filter: Filter): Omit<TaskQuery, 'limit'> {
  const given = {
    statuses: filter.status,
    type: filter.type,
    priority: filter.priority,
    caller: caller.role === 'operator' ? filter.caller : caller.name,
    errorType: filter.error_type,
    createdFrom: filter.since,
    createdBefore: filter.until,
    text: filter.q,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
