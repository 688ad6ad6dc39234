import type { ZodOpenApiPathsObject } from 'zod-openapi'
import { healthReply, liveReply, queueTasksReply, readyReply, statsReply } from '../../wire/replies.ts'
import type { Examples } from '../examples.ts'
import { gatedProblems, json, publicProblems } from '../operation.ts'

/** Nobody has to say who they are. */
const security: [] = []

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
    '/api/health': health('getHealth', 'Health in the shape of the original service', {
      200: json('It answers; status says how it is.', healthReply, examples.health),
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

function health(operationId: string, summary: string, replies: object) {
  const responses = { ...replies, ...publicProblems() }
  return { get: { operationId, tags: ['health'], security, summary, responses } }
}
