import type { ZodOpenApiMediaTypeObject, ZodOpenApiPathsObject } from 'zod-openapi'
import {
  capacityReply,
  controlReply,
  forecastReply,
  queueTasksReply,
  statsReply,
} from '../../schemas/queue-responses.ts'
import { healthReply, liveReply, readyReply } from '../../schemas/responses.ts'
import { capacityQuery, configBody, forecastQuery, scopeBody } from '../../schemas/requests.ts'
import type { Examples } from '../examples.ts'
import { gatedProblems, json, publicProblems } from '../operation.ts'

/** No authentication is needed. */
const security: [] = []

const METRICS: ZodOpenApiPathsObject[string] = {
  get: {
    operationId: 'getMetrics',
    tags: ['queue'],
    summary: 'Metrics for Prometheus; for operators only',
    responses: {
      200: {
        description: 'In the text format.',
        content: { 'text/plain': { schema: { type: 'string' as const } } },
      },
      ...gatedProblems('validation'),
    },
  },
}

/** The queue's numbers and the process's health. */
export function queuePaths(examples: Examples): ZodOpenApiPathsObject {
  return {
    '/api/queue/stats': {
      get: {
        operationId: 'getStats',
        tags: ['queue'],
        security,
        summary: 'Public numbers of the queue',
        responses: {
          200: json('Numbers only.', statsReply, examples.stats),
          ...publicProblems('validation'),
        },
      },
    },
    '/api/queue/tasks': {
      get: {
        operationId: 'listQueue',
        tags: ['queue'],
        summary: 'What runs and what waits; ids and inputs only of the caller’s own',
        responses: {
          200: json('In the order of their turns.', queueTasksReply, examples.queueTasks),
          ...gatedProblems('validation'),
        },
      },
    },
    '/metrics': METRICS,
    ...operating(examples),
    ...foretelling(examples),
    '/api/health': health('getHealth', 'Health in the legacy shape, kept for compatibility', {
      200: json('It answers; `status` is the state.', healthReply, examples.health),
    }),
    '/health/live': health('getLive', 'Whether the event loop turns', {
      200: json('It does.', liveReply, { status: 'live' }),
    }),
    '/health/ready': health('getReady', 'Whether tasks are taken', {
      200: json('They are.', readyReply, { status: 'ready', reasons: [] }),
      503: json('They are not.', readyReply, { status: 'not-ready', reasons: ['draining'] }),
    }),
  }
}

/** Operator controls. */
function operating(examples: Examples): ZodOpenApiPathsObject {
  const control = (operationId: string, summary: string, body?: ZodOpenApiMediaTypeObject) => ({
    operationId,
    tags: ['queue'],
    summary,
    ...(body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': body } } }),
    responses: {
      200: json('The resulting state.', controlReply, examples.controls),
      ...gatedProblems('validation', 'malformed-json', 'payload-too-large', 'journal-unavailable'),
    },
  })
  const scope = { schema: scopeBody, example: { scope: 'processing' } }
  const config = { schema: configBody, example: { max_workers: 5 } }
  return {
    '/api/queue/pause': { post: control('pauseQueue', 'Take, or start, no more tasks', scope) },
    '/api/queue/resume': { post: control('resumeQueue', 'End a pause or a drain', scope) },
    '/api/queue/drain': { post: control('drainQueue', 'Take no more, and work until nothing is left') },
    '/api/queue/config': {
      patch: control('configureQueue', 'New bounds, at once and for good', config),
    },
  }
}

function foretelling(examples: Examples): ZodOpenApiPathsObject {
  return {
    '/api/queue/capacity': {
      get: {
        operationId: 'getCapacity',
        tags: ['queue'],
        summary: 'Whether a task of the caller would be taken now',
        requestParams: { query: capacityQuery },
        responses: {
          200: json('It would.', capacityReply, examples.capacity),
          503: json('It would not.', capacityReply, {
            ...examples.capacity,
            accepting: false,
            reason: 'queue-full',
          }),
          ...gatedProblems('validation', 'invalid-priority'),
        },
      },
    },
    '/api/queue/forecast': {
      get: {
        operationId: 'getForecast',
        tags: ['queue'],
        summary: 'What would be with other workers, or another load',
        requestParams: { query: forecastQuery },
        responses: { 200: json('A plan.', forecastReply, examples.forecast), ...gatedProblems('validation') },
      },
    },
  }
}

function health(operationId: string, summary: string, replies: object) {
  const responses = { ...replies, ...publicProblems() }
  return { get: { operationId, tags: ['health'], security, summary, responses } }
}
