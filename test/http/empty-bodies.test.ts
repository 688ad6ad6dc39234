import { expect, test } from 'vitest'
import { startServer } from '../support/server.ts'
import { heldType } from '../support/types.ts'

/** What clients send with a POST that has no body: requests, axios, OkHttp and curl -d '' each name another type. */
const TYPES = [
  undefined,
  'application/json',
  'application/x-www-form-urlencoded',
  'text/plain',
  'application/octet-stream',
]

async function setup() {
  const { definition, held } = heldType()
  const server = await startServer({ tasks: [definition] })
  const send = (method: string, path: string, type: string | undefined, body?: string) =>
    fetch(server.url + path, {
      method,
      headers: type === undefined ? {} : { 'content-type': type },
      ...(body === undefined ? {} : { body }),
    })
  const submit = async () => (await server.post('/held')).body['task_id'] as string
  return { ...server, held, send, submit }
}

test.each(TYPES)('an action without a body is taken, with the content type %s', async (type) => {
  const { send, submit, ended } = await setup()
  const id = await submit()
  expect((await send('POST', `/api/tasks/${id}/ticket`, type)).status).toBe(201)
  expect((await send('POST', `/api/tasks/${id}/cancel`, type)).status).toBe(202)
  expect((await ended(id))['status']).toBe('cancelled')
  expect((await send('POST', `/api/tasks/${id}/retry`, type)).status).toBe(202)
  expect((await send('DELETE', `/api/tasks/${id}`, type)).status).toBe(204)
  expect((await send('POST', '/api/queue/drain', type)).status).toBe(200)
})

test('an action with a body that is not JSON is refused, and does nothing', async () => {
  const { send, submit, get } = await setup()
  const id = await submit()
  expect((await send('POST', `/api/tasks/${id}/cancel`, 'application/json', '{')).status).toBe(400)
  expect((await send('POST', `/api/tasks/${id}/cancel`, 'text/plain', 'now')).status).toBe(415)
  expect((await get(`/api/tasks/${id}`)).body['status']).toBe('running')
})

test('a submit still needs its body', async () => {
  const { send } = await setup()
  expect((await send('POST', '/api/tasks', 'application/json')).status).toBe(400)
})
