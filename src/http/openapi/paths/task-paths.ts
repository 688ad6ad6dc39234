import type { ZodOpenApiPathsObject } from 'zod-openapi'
import {
  cancelReply,
  statusReply,
  taskList,
  taskReply,
  taskWithResult,
  ticketReply,
} from '../../schemas/responses.ts'
import {
  cancelBody,
  listQuery,
  patchBody,
  resultQuery,
  taskParams,
  taskQuery,
  ticketBody,
  ticketQuery,
} from '../../schemas/requests.ts'
import type { Examples } from '../examples.ts'
import { gatedProblems, json } from '../operation.ts'

const path = taskParams
const tags = ['tasks']

const ERASE = {
  operationId: 'eraseTask',
  tags,
  summary: 'Erase a task that has ended, with its upload, result and events',
  requestParams: { path },
  responses: {
    204: { description: 'Erased.' },
    ...gatedProblems('validation', 'task-not-found', 'task-gone', 'task-not-finished', 'malformed-json'),
  },
}
/** What every action on a task may answer. */
const ACTION_PROBLEMS = [
  'validation',
  'task-not-found',
  'task-gone',
  'malformed-json',
  'payload-too-large',
] as const

/** Reading, cancelling and watching tasks under `/api/tasks`. */
export function taskPaths(examples: Examples): ZodOpenApiPathsObject {
  return {
    '/api/tasks': {
      get: {
        operationId: 'listTasks',
        tags,
        summary: 'The tasks of the caller, newest first',
        requestParams: { query: listQuery },
        responses: { 200: json('One page.', taskList, examples.list), ...gatedProblems('validation') },
      },
    },
    ...readingPaths(examples),
    ...actingPaths(examples),
  }
}

const RESULT = {
  operationId: 'getResult',
  tags,
  summary: 'What the handler returned, or a file of it; of a task that failed, the task itself',
  requestParams: { path, query: resultQuery },
  responses: {
    200: withFiles(json('The result.', {}, { words: 3 })),
    ...gatedProblems('validation', 'task-not-found', 'task-gone', 'task-not-finished', 'responses-busy'),
  },
}

function readingPaths(examples: Examples): ZodOpenApiPathsObject {
  const unknown = gatedProblems('validation', 'task-not-found', 'task-gone')
  return {
    '/api/tasks/{id}': {
      get: {
        operationId: 'getTask',
        tags,
        summary: 'One task; with wait, when it has ended',
        requestParams: { path, query: taskQuery },
        responses: { 200: json('The task.', taskWithResult, examples.taskWithResult), ...unknown },
      },
      delete: ERASE,
      patch: reprioritise(examples),
    },
    '/api/tasks/{id}/status': {
      get: {
        operationId: 'getStatus',
        tags,
        summary: 'One task in the legacy shape, kept for compatibility',
        requestParams: { path, query: ticketQuery },
        responses: { 200: json('The task.', statusReply, examples.status), ...unknown },
      },
    },
    '/api/tasks/{id}/result': {
      get: RESULT,
    },
  }
}

const reprioritise = (examples: Examples) => ({
  operationId: 'reprioritiseTask',
  tags,
  summary: 'Another priority for a task that waits; it keeps its age',
  requestParams: { path },
  requestBody: {
    required: true,
    content: { 'application/json': { schema: patchBody, example: { priority: 'HIGH' } } },
  },
  responses: {
    200: json('The task.', taskReply, examples.task),
    ...gatedProblems(...ACTION_PROBLEMS, 'invalid-priority', 'already-started', 'already-finished'),
  },
})

function actingPaths(examples: Examples): ZodOpenApiPathsObject {
  return {
    '/api/tasks/{id}/cancel': {
      post: {
        operationId: 'cancelTask',
        tags,
        summary: 'Cancel a task, or one of several submits that wait for it',
        requestParams: { path, query: ticketQuery },
        requestBody: {
          content: {
            'application/json': { schema: cancelBody.unwrap().unwrap(), example: { waiter: 'w_1' } },
          },
        },
        responses: {
          200: json(
            'It was waiting and is cancelled; or other submits wait for it, and it continues.',
            cancelReply,
            {
              ...examples.task,
              status: 'cancelled',
              done: true,
            },
          ),
          202: json('It runs, and is being stopped.', cancelReply, {
            ...examples.task,
            status: 'cancelling',
          }),
          ...gatedProblems(...ACTION_PROBLEMS, 'already-finished', 'disk-full', 'journal-unavailable'),
        },
      },
    },
    '/api/tasks/{id}/ticket': { post: issueTicket(examples) },
  }
}

/** Reports can be had as files too. */
function withFiles(reply: ReturnType<typeof json>) {
  const text = { schema: { type: 'string' as const } }
  return { ...reply, content: { ...reply.content, 'text/markdown': text, 'text/html': text } }
}

const issueTicket = (examples: Examples) => ({
  operationId: 'issueTicket',
  tags,
  summary: 'A ticket to read and watch one task, for readers that cannot send headers',
  requestParams: { path },
  requestBody: {
    content: {
      'application/json': { schema: ticketBody.unwrap().unwrap(), example: { cancel: true } },
    },
  },
  responses: {
    201: json('Usable again until 5 minutes after the end of the task.', ticketReply, examples.ticket),
    ...gatedProblems(...ACTION_PROBLEMS),
  },
})
