import { z } from 'zod'
import type { ZodOpenApiPathsObject } from 'zod-openapi'
import { problemReply } from '../../schemas/responses.ts'
import { streamQuery, taskParams } from '../../schemas/requests.ts'
import type { Examples } from '../examples.ts'
import { gatedProblems, publicProblems } from '../operation.ts'

const tags = ['streams']
const resumeHeader = z.object({ 'last-event-id': z.string().optional() })
const UPGRADED = { description: 'A WebSocket; its messages are those of /events.schema.json.' }
const REFUSED = {
  description: 'Refused before the upgrade.',
  content: { 'application/problem+json': { schema: problemReply } },
}
const TEXT = { type: 'string' as const }
const OBJECT = { type: 'object' as const }

/** Streams, and the descriptions of the API itself. */
export function streamPaths(examples: Examples): ZodOpenApiPathsObject {
  return {
    '/api/tasks/{id}/stream': {
      get: {
        operationId: 'streamTask',
        tags,
        summary: 'The events of one task, as server-sent events',
        requestParams: { path: taskParams, query: streamQuery, header: resumeHeader },
        responses: {
          200: {
            description: 'Numbered events, resumable by ?after= or Last-Event-ID.',
            content: { 'text/event-stream': { schema: TEXT, example: examples.events } },
          },
          204: { description: 'The reader has seen the end of the task.' },
          ...gatedProblems('validation', 'task-not-found', 'task-gone'),
        },
      },
    },
    '/ws/{id}': {
      get: {
        operationId: 'watchTask',
        tags,
        summary: 'The events of one task, as a WebSocket',
        requestParams: { path: taskParams, query: streamQuery },
        responses: { 101: UPGRADED, default: REFUSED, ...gatedProblems('not-found') },
      },
    },
    '/api/ws': {
      get: {
        operationId: 'watchTasks',
        tags,
        summary: 'The events of many tasks, as one WebSocket',
        requestParams: { query: streamQuery.pick({ ticket: true }) },
        responses: { 101: UPGRADED, default: REFUSED, ...gatedProblems('not-found') },
      },
    },
    ...descriptionPaths(),
  }
}

function descriptionPaths(): ZodOpenApiPathsObject {
  const document = (operationId: string, summary: string, type: string) => ({
    get: {
      operationId,
      tags: ['description'],
      security: [] as [],
      summary,
      responses: {
        200: {
          description: 'The document.',
          content: { [type]: { schema: type.endsWith('json') ? OBJECT : TEXT } },
        },
        ...publicProblems('not-found'),
      },
    },
  })
  return {
    '/openapi.json': document('getOpenApi', 'This document', 'application/json'),
    '/events.schema.json': document(
      'getEventSchema',
      'The messages of a stream, as JSON Schema',
      'application/schema+json',
    ),
    '/docs': document('getDocs', 'This document, to browse', 'text/html'),
  }
}
