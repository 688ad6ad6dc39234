/**
 * The client of Headgate, for browsers, Node.js 20 and newer, Deno and Bun: `headgate/client`.
 *
 * @module
 */
export {
  createClient,
  type Client,
  type ClientOptions,
  type SubmitOptions,
  type UploadOptions,
} from './client.ts'
export { QueueFull, RequestFailed, TaskFailed, type Problem } from './errors.ts'
export { type Board } from './board.ts'
export { type TaskHandle, type ResultOptions, type WatchOptions } from './task-handle.ts'
export { verifyWebhook, type Delivery, type WebhookEvent } from './webhook.ts'
export type { BulkOperation, BulkRequest, TaskFilter } from './tasks.ts'
export type {
  BoardRow,
  BulkReply,
  Capacity,
  Controls,
  FailureGroup,
  Forecast,
  History,
  PriorityName,
  Session,
  Stats,
  Submitted,
  Task,
  TaskEvent,
  TaskStatus,
  TaskWithResult,
  Ticket,
} from './types.ts'
