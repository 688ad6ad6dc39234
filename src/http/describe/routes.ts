import { z } from 'zod'
import type { App, EdgeParts } from '../parts.ts'
import { sendProblem } from '../problem/problem.ts'
import { PAGE_POLICY, docsFile, docsPage } from './docs-page.ts'
import { eventSchema } from './events.ts'
import { openApiOf } from './openapi.ts'

const PUBLIC = { gate: { isPublic: true } }
const CACHED = 'public, max-age=3600'

/** `/openapi.json`, `/events.schema.json`, and `/docs` to browse the first. */
export function descriptionRoutes(app: App, { registry, prefix, version }: EdgeParts): void {
  // Written once, and shared by all who ask.
  let openApi: Buffer | null = null
  let events: Buffer | null = null
  app.get('/openapi.json', { config: PUBLIC }, (_request, reply) => {
    openApi ??= Buffer.from(JSON.stringify(openApiOf({ types: registry.all, prefix, version })))
    return reply.type('application/json; charset=utf-8').send(openApi)
  })

  app.get('/events.schema.json', { config: PUBLIC }, (_request, reply) => {
    events ??= Buffer.from(JSON.stringify(eventSchema(prefix)))
    return reply.type('application/schema+json').send(events)
  })

  app.get('/docs', { config: PUBLIC }, (_request, reply) =>
    reply
      .headers({ 'content-security-policy': PAGE_POLICY })
      .type('text/html; charset=utf-8')
      .send(docsPage(prefix)),
  )

  const schema = { params: z.object({ file: z.string() }) }
  app.get('/docs/:file', { schema, config: PUBLIC }, async (request, reply) => {
    const file = await docsFile(request.params.file, prefix)
    if (file === undefined) return sendProblem(reply, 'not-found', { detail: 'There is no such route.' })
    return reply.type(file.type).header('cache-control', CACHED).send(file.content)
  })
}
