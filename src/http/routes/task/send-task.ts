import type { FastifyReply } from 'fastify'
import type { Task } from '../../../task/task.ts'
import type { QueueServices, StorageServices, StreamServices } from '../../deps.ts'
import { viewOptions } from '../../gate/access.ts'
import { sendBusy, sendBytes, sendText } from '../../schemas/long-text.ts'
import type { Body, BodySource } from '../../server/reply-memory.ts'
import { taskJson, taskView } from '../../schemas/views.ts'

/** What is needed of the server. */
export type SendTaskDeps = Pick<QueueServices, 'admission'> &
  Pick<StorageServices, 'journal'> &
  Pick<StreamServices, 'replyMemory'>

export const JSON_TYPE = 'application/json; charset=utf-8'
const NULL = Buffer.from('null')
const CLOSING_BRACE = Buffer.from('}')

/** A task with its result, which is JSON text already and not read again. */
/** @param also members beside those of the view */
export async function sendTask(
  reply: FastifyReply,
  task: Task,
  deps: SendTaskDeps,
  also: object = {},
): Promise<FastifyReply> {
  const { replyMemory, admission } = deps
  const options = viewOptions(reply.request)
  reply.type(JSON_TYPE)
  if (task.status !== 'completed') {
    return sendText(reply, taskJson(task, admission.placeOf(task), options, also), replyMemory)
  }
  const shared = await replyMemory.share(task.id, toResultSource(deps, task))
  if (shared === null) return sendBusy(reply)
  const view = JSON.stringify({ ...taskView(task, null, options), ...also })
  const head = Buffer.from(`${view.slice(0, -1)},"result":`)
  return sendBytes(reply, [head, shared.loaded.bytes, CLOSING_BRACE], shared.release)
}

/** The result of a task that has completed, as JSON text in UTF-8. */
export function toResultSource(
  { journal }: Pick<StorageServices, 'journal'>,
  { id }: Task,
): BodySource<Body> {
  return {
    bytes: () => journal.resultBytes(id),
    load: async () => ({ bytes: (await journal.result(id)) ?? NULL }),
  }
}
