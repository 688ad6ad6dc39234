import type { RouteOptions } from 'fastify'
import { z } from 'zod'
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi'
import { noQuery } from '../schemas/requests.ts'
import { createExamples, type Examples } from './examples.ts'
import { gatedProblems, publicProblems, type RouteDescription } from './operation.ts'

const TAGS = [
  { name: 'submit', description: 'Handing work in.' },
  { name: 'tasks', description: 'Reading, cancelling and watching tasks.' },
  { name: 'session', description: 'Browsers log in once, with a token.' },
  { name: 'streams', description: 'Events as they happen.' },
  { name: 'queue', description: 'The queue as a whole.' },
  { name: 'health', description: 'For monitoring.' },
  { name: 'description', description: 'This document, and the schema of the events.' },
]

/** A route as `onRoute` reports it. */
export type Route = RouteOptions & { readonly routePath: string }

export interface OpenApiOptions {
  readonly routes: readonly Route[]
  /** Path that every route begins with; empty for a server of our own. */
  readonly prefix: string
  readonly version: string
  /** `error_type` of the failures that there are. */
  readonly failureTypes: Iterable<string>
}

/** Describes every route (OpenAPI 3.1) by what it says of itself. */
export function describeApi({ routes, prefix, version, failureTypes }: OpenApiOptions): object {
  const examples = createExamples(prefix)
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const route of routes) {
    const { openapi } = route.config ?? {}
    const path = route.routePath.replace(/:(\w+)/g, '{$1}')
    for (const method of [route.method].flat()) {
      if (openapi === undefined || method === 'HEAD') continue
      paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(route, openapi, examples) }
    }
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Headgate',
      version,
      description: 'A bounded priority queue with streams, in front of slow and costly work.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    tags: TAGS,
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    paths,
  })
  const { FailureType: failureType } = document.components?.schemas ?? {}
  if (failureType !== undefined) Object.assign(failureType, { enum: [...failureTypes] })
  return document
}

/** The schemas that a route is checked by. */
interface Schemas {
  readonly params?: z.ZodObject
  readonly querystring?: z.ZodObject
  readonly body?: z.ZodType
}

function describeOperation(
  { schema, config }: Route,
  description: RouteDescription,
  examples: Examples,
): ZodOpenApiOperationObject {
  const { id, tag, summary, description: text, headers, replies, problems = [] } = description
  const isPublic = config?.gate?.isPublic === true
  const { params, querystring } = (schema ?? {}) as Schemas
  const query = description.query ?? (querystring === noQuery ? undefined : querystring)
  const path = description.params ?? params
  const requestParams = {
    ...(path === undefined ? {} : { path }),
    ...(query === undefined ? {} : { query }),
    ...(headers === undefined ? {} : { header: headers }),
  }
  const body = describeBody(
    schema as Schemas | undefined,
    description,
    config?.gate?.hasOptionalBody === true,
  )
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(text === undefined ? {} : { description: text }),
    ...(isPublic ? { security: [] } : {}),
    ...(Object.keys(requestParams).length === 0 ? {} : { requestParams }),
    ...(body === null ? {} : { requestBody: body }),
    responses: { ...replies(examples), ...(isPublic ? publicProblems : gatedProblems)(...problems) },
  } as ZodOpenApiOperationObject
}

function describeBody(
  schemas: Schemas | undefined,
  { body: own, bodyExample }: RouteDescription,
  isOptional: boolean,
) {
  const schema = schemas?.body
  if (own === undefined && schema === undefined) return null
  const json = { schema: schema && unwrap(schema), example: bodyExample }
  return { ...(isOptional ? {} : { required: true }), content: own ?? { 'application/json': json } }
}

/** The schema of a body that is there. */
function unwrap(schema: z.ZodType): z.ZodType {
  const isWrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable
  return isWrapped ? unwrap(schema.unwrap() as z.ZodType) : schema
}
