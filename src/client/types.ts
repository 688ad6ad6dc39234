import type { z } from 'zod'
import type { DefinedTask } from '../handler/define-task.ts'
import type { streamMessage } from '../http/openapi/events.ts'
import type {
  boardRow,
  bulkReply,
  capacityReply,
  controlReply,
  failuresReply,
  forecastReply,
  historyReply,
  statsReply,
} from '../http/schemas/queue-responses.ts'
import type { submitReply, taskReply, taskWithResult, ticketReply } from '../http/schemas/responses.ts'
import type { sessionReply } from '../http/schemas/session.ts'
import type { PriorityName } from '../task/priority.ts'
import type { TaskStatus } from '../task/status.ts'

/** What the server answers, as its own schemas say; types only, nothing of the server is loaded. */

export type Stats = z.output<typeof statsReply>
export type Task = z.output<typeof taskReply>
export type TaskWithResult = z.output<typeof taskWithResult>
export type Submitted = z.output<typeof submitReply>
export type Ticket = z.output<typeof ticketReply>
export type Session = z.output<typeof sessionReply>
export type Capacity = z.output<typeof capacityReply>
export type BulkReply = z.output<typeof bulkReply>
export type FailureGroup = z.output<typeof failuresReply>['groups'][number]
export type History = z.output<typeof historyReply>
export type Forecast = z.output<typeof forecastReply>
export type Controls = z.output<typeof controlReply>
export type BoardRow = z.output<typeof boardRow>
export type { PriorityName, TaskStatus }

type Message = z.output<typeof streamMessage>
type FrameOf<Type extends Message['type']> = Extract<Message, { type: Type }>
export type BoardFrame = FrameOf<'board'>
export type TickFrame = FrameOf<'tick'>
/** Frames that the client handles itself. */
type Handled = 'heartbeat' | 'shutdown' | 'reply' | 'problem' | 'pong' | 'board' | 'tick'
/** One event of a task, by its `type`; those with a `seq` come once each and in order. */
export type TaskEvent = Exclude<Message, { type: Handled }>

/** A frame as it comes. */
export interface Frame {
  readonly type: string
  readonly task_id?: string
  readonly seq?: number
  readonly [name: string]: unknown
}

/** Task types that a client knows, as `defineTask` returns them. */
export type KnownTasks = readonly DefinedTask[]
export type TypeOf<Tasks extends KnownTasks> = Tasks[number]['type']
type Named<Tasks extends KnownTasks, Type> = Extract<Tasks[number], { readonly type: Type }>
type TypesOf<Defined> = Defined extends { readonly types?: infer Types } ? NonNullable<Types> : never
export type InputOf<Tasks extends KnownTasks, Type> =
  TypesOf<Named<Tasks, Type>> extends { readonly input: infer Input } ? Input : never
/** As JSON gives it back. */
export type ResultOf<Tasks extends KnownTasks, Type> =
  TypesOf<Named<Tasks, Type>> extends { readonly result: infer Result } ? Result : never
