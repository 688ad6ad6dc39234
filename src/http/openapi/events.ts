import { z } from 'zod'
import type { EventType, FRAME_TYPES } from '../../task/event.ts'
import { TASK_STATUSES } from '../../task/status.ts'
import { boardRow, statsReply } from '../schemas/queue-responses.ts'
import {
  failureView,
  positionIsEstimate,
  progressDetail,
  taskReply,
  waitEstimate,
} from '../schemas/responses.ts'

/** The messages of a stream, each by its `type`: what WebSocket and event stream send alike. */

const status = z.enum(TASK_STATUSES)
const place = {
  queue_position: z.int(),
  tasks_ahead: z.int(),
  position_is_estimate: positionIsEstimate,
  estimated_wait_seconds: waitEstimate,
}
const about = { task_id: z.string() }

const numbered = <Type extends EventType, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.object({
    seq: z.int().min(1).meta({ description: 'Rises by one within a task; resume after it.' }),
    ...about,
    type: z.literal(type),
    status,
    ts: z.iso.datetime(),
    ...shape,
  })
const frame = <Type extends (typeof FRAME_TYPES)[number], Shape extends z.ZodRawShape>(
  type: Type,
  shape: Shape,
) => z.object({ type: z.literal(type), ...shape })

const text = z.string().nullable()

export const streamMessage = z
  .discriminatedUnion('type', [
    numbered('queued', place),
    numbered('started', { attempt: z.int() }),
    numbered('log', { message: z.string(), level: z.enum(['info', 'warn', 'error']) }),
    numbered('progress', {
      progress: z.number().min(0).max(100),
      message: text,
      progress_detail: progressDetail,
    }),
    numbered('output', {
      index: z.int(),
      chunk: z.string(),
      reset: z
        .literal(true)
        .optional()
        .meta({ description: 'It replaces what came before: this run writes anew.' }),
    }),
    numbered('retrying', {
      attempt: z.int(),
      error: failureView.nullable(),
      retry_at: z.iso.datetime().nullable(),
      wait_reason: z.string(),
    }),
    numbered('cancelling', {}),
    numbered('result', { title: text, summary: text, filename: text, hash: text, result_url: z.string() }),
    numbered('error', failureView.shape),
    frame('snapshot', { ...about, status, task: taskReply }),
    frame('position', { ...about, status, ...place }),
    frame('gap', { ...about, missed_from: z.int(), missed_to: z.int() }),
    frame('heartbeat', {}),
    frame('shutdown', { reconnect_after_ms: z.int() }),
    frame('reply', { op: z.enum(['unsubscribe', 'cancel']), ...about, status: z.string() }),
    frame('problem', {
      task_id: z.string().optional(),
      op: z.literal('unsubscribe').optional(),
      error_type: z.string(),
      message: z.string(),
    }),
    frame('board', {
      stats: statsReply,
      running: z.array(boardRow),
      waiting: z.array(boardRow).meta({ description: 'In the order in which they start; the first 200.' }),
      parked: z.array(boardRow),
      recent: z.array(boardRow).meta({ description: 'The newest end first.' }),
    }),
    frame('tick', {
      stats: statsReply.optional(),
      changed: z.array(boardRow).meta({ description: 'New rows, and rows that say something new.' }),
      gone: z.array(z.int()).meta({ description: 'Rows that are no longer shown.' }),
      order: z
        .array(z.int())
        .optional()
        .meta({ description: 'All waiting rows, where their order changed.' }),
    }),
    z.object({ type: z.literal('pong') }),
  ])
  .meta({
    title: 'Headgate stream message',
    description: 'One WebSocket message, or the data of one server-sent event.',
  })

/** JSON Schema (2020-12) of {@link streamMessage}. */
export function eventSchema(prefix: string): object {
  const schema = z.toJSONSchema(streamMessage, { target: 'draft-2020-12' })
  return { ...schema, $id: `${prefix}/events.schema.json` }
}
