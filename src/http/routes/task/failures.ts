import type { FailureGroup } from '../../../journal/failure-groups.ts'
import { accessOf } from '../../gate/access.ts'
import type { App, ProcessServices, StorageServices } from '../../deps.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { failuresReply } from '../../schemas/queue-responses.ts'
import { failuresQuery } from '../../schemas/requests.ts'
import { iso } from '../../schemas/views.ts'

/** What is needed of the server. */
type Deps = Pick<StorageServices, 'journal'> & Pick<ProcessServices, 'clock'>

const HOUR_MS = 3_600_000

const FAILURES: RouteDescription = {
  id: 'listFailures',
  tag: 'tasks',
  summary: 'What failed in the last hours, grouped by its kind',
  replies: ({ failures }) => ({ 200: json('The largest group first.', failuresReply, failures) }),
  problems: ['validation'],
}

/** `GET /api/tasks/failures`: the caller's own, an operator's all. */
export function failuresRoute(app: App, { journal, clock }: Deps): void {
  const route = { schema: { querystring: failuresQuery }, config: { openapi: FAILURES } }
  app.get('/api/tasks/failures', route, async (request) => {
    const { caller } = accessOf(request)
    const { hours, ids: maxIds } = request.query
    const until = clock.now()
    const groups = await journal.failures({
      since: until - hours * HOUR_MS,
      until,
      maxIds,
      ...(caller.role === 'operator' ? {} : { caller: caller.name }),
    })
    return { groups: groups.map(groupView) }
  })
}

function groupView({ type, errorType, message, count, firstAt, lastAt, ids, counts }: FailureGroup) {
  const times = { first_at: iso(firstAt), last_at: iso(lastAt) }
  return { type, error_type: errorType, message, count, ...times, counts: [...counts], newest: ids }
}
