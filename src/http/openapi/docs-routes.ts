import { z } from 'zod'
import type { App, ProcessServices, SubmitRules } from '../deps.ts'
import { readPrefix } from '../gate/base-path.ts'
import { sendProblem } from '../problem/problem.ts'
import { PAGE_POLICY, docsFile, docsPage } from './docs-page.ts'
import { eventSchema } from './events.ts'
import type { Route } from './openapi-document.ts'
import type { RouteDescription } from './operation.ts'

/** What is needed of the server. */
type Deps = Pick<SubmitRules, 'registry'> & Pick<ProcessServices, 'version'>

const PUBLIC = { gate: { isPublic: true } }
const TEXT = { type: 'string' }
const OBJECT = { type: 'object' }

/** A public document of one media type. */
const document = (id: string, summary: string, type: string) => {
  const schema = type.endsWith('json') ? OBJECT : TEXT
  const replies = () => ({ 200: { description: 'The document.', content: { [type]: { schema } } } })
  const openapi: RouteDescription = { id, tag: 'description', summary, replies, problems: ['not-found'] }
  return { config: { ...PUBLIC, openapi } }
}
const OPENAPI = document('getOpenApi', 'This document', 'application/json')
const EVENTS = document(
  'getEventSchema',
  'The messages of a stream, as JSON Schema',
  'application/schema+json',
)
const DOCS = document('getDocs', 'This document, to browse', 'text/html')
const CACHED = 'public, max-age=3600'

/** `/openapi.json`, `/events.schema.json`, and `/docs` to browse the first. */
export function descriptionRoutes(app: App, { registry, version }: Deps, routes: readonly Route[]): void {
  // Written once for each path below which it is asked for, of which there are one or two.
  const openApi = new Map<string, Buffer>()
  const events = new Map<string, Buffer>()
  app.get('/openapi.json', OPENAPI, async (request, reply) => {
    // The library is loaded with the first request.
    const { describeApi } = await import('./openapi-document.ts')
    const document = keptFor(openApi, readPrefix(request), (prefix) =>
      describeApi({ routes, prefix, version, failureTypes: registry.failureTypes }),
    )
    return reply.type('application/json; charset=utf-8').send(document)
  })

  app.get('/events.schema.json', EVENTS, (request, reply) => {
    const document = keptFor(events, readPrefix(request), (prefix) => eventSchema(prefix))
    return reply.type('application/schema+json').send(document)
  })

  app.get('/docs', DOCS, (request, reply) =>
    reply
      .headers({ 'content-security-policy': PAGE_POLICY })
      .type('text/html; charset=utf-8')
      .send(docsPage(readPrefix(request))),
  )

  const schema = { params: z.object({ file: z.string() }) }
  app.get('/docs/:file', { schema, config: PUBLIC }, async (request, reply) => {
    const file = await docsFile(request.params.file, readPrefix(request))
    if (file === undefined) return sendProblem(reply, 'not-found', { detail: 'There is no such route.' })
    return reply.type(file.type).header('cache-control', CACHED).send(file.content)
  })
}

/** Paths that a document is kept for; a proxy that names ever other ones fills no memory. */
const MAX_KEPT = 8

function keptFor(kept: Map<string, Buffer>, prefix: string, write: (prefix: string) => object): Buffer {
  const known = kept.get(prefix)
  if (known !== undefined) return known
  const document = Buffer.from(JSON.stringify(write(prefix)))
  if (kept.size < MAX_KEPT) kept.set(prefix, document)
  return document
}
