import * as headgate from '../../src/client/index.ts'

type Options = headgate.ClientOptions

/**
 * What the client does with a real server, the same in every runtime: the reply is what was seen, as JSON. It runs bundled
 * in Node.js 20 and in a browser too.
 */
export async function runScenarios(options: Options) {
  const client = headgate.createClient(options)
  return {
    results: await results(client),
    aborted: await aborted(client),
    upload: await upload(client),
    listed: await listed(client),
    queue: await queue(client),
    refused: await refused(client),
  }
}

type Client = headgate.Client

async function results(client: Client) {
  const task = await client.submit('write', { words: 30 }, { priority: 'HIGH', metadata: { title: '标题' } })
  const seen: number[] = []
  let text = ''
  const result = await task.result({
    onUpdate: (event) => {
      if ('seq' in event) seen.push(event.seq)
      if (event.type === 'output') text += event.chunk
    },
  })
  const again: number[] = []
  for await (const event of task.events({ after: 5 })) if ('seq' in event) again.push(event.seq)
  const twice = await Promise.all([task.result(), task.result()])
  const after = seen.at(-1) ?? 0
  const atEnd: string[] = []
  for await (const event of task.events({ after })) atEnd.push(event.type)
  const failed = await client.submit('fail', {})
  const failure: unknown = await failed.result().catch((error: unknown) => error)
  return {
    result,
    text,
    inOrder: seen.every((seq, index) => seq === index + 1),
    resumed: again.every((seq, index) => seq === index + 6) && again.at(-1) === after,
    twice,
    atEnd: atEnd.filter((type) => type !== 'snapshot'),
    title: (await task.get({ include: ['input'] })).title,
    input: (await task.get({ include: ['input'] })).input,
    failure:
      failure instanceof headgate.TaskFailed
        ? [failure.errorType, failure.message, ...failure.suggestions]
        : String(failure),
  }
}

/** A signal that is aborted before, while the task runs, and after its end. */
async function aborted(client: Client) {
  const before = AbortSignal.abort(new Error('before'))
  const early: unknown = await client.submit('hang', {}, { signal: before }).catch((error: unknown) => error)
  const detached = await client.submit('hang', {})
  const during = new AbortController()
  const waiting = detached.result({
    signal: during.signal,
    onUpdate: ({ type }) => type === 'started' && during.abort(new Error('during')),
  })
  const reason: unknown = await waiting.catch((error: unknown) => error)
  const afterDetach = (await detached.get()).status
  await detached.cancel()
  const cancelled = await client.submit('hang', {})
  const cancelling = new AbortController()
  const ending = cancelled.result({
    signal: cancelling.signal,
    cancelOnAbort: true,
    onUpdate: ({ type }) => type === 'started' && cancelling.abort(new Error('cancel')),
  })
  await ending.catch(() => undefined)
  const ended: unknown = await cancelled.result().catch((error: unknown) => error)
  const done = await client.submit('write', { words: 1 })
  const after = new AbortController()
  const result = await done.result({ signal: after.signal })
  after.abort(new Error('after'))
  const late: unknown = await done.result({ signal: after.signal }).catch((error: unknown) => error)
  return {
    early: (early as Error).message,
    reason: (reason as Error).message,
    afterDetach,
    ended: (ended as headgate.TaskFailed).errorType,
    result,
    late: (late as Error).message,
  }
}

async function upload(client: Client) {
  const reported: number[][] = []
  const task = await client.upload(
    'measure',
    new Blob(['0123456789'.repeat(1000)]),
    { unit: 'octets' },
    { filename: '报告.txt', onProgress: (sent, total) => reported.push([sent, total]) },
  )
  const result = await task.result()
  const { upload: file, title } = await task.get()
  const last = reported.at(-1) ?? []
  return { result, name: file?.name, title, isWhole: (last[0] ?? 0) >= 10_000 && last[0] === last[1] }
}

async function listed(client: Client) {
  const found: (string | null)[] = []
  for await (const { title } of client.tasks.list({ q: '标题', status: ['completed'] })) found.push(title)
  const { tasks } = await client.tasks.page({ type: 'fail' }, { limit: 1 })
  return { found, errors: tasks.map(({ error }) => error?.error_type) }
}

async function queue(client: Client) {
  const hanging = await client.submit('hang', {})
  const seen: string[] = []
  const leave = new AbortController()
  try {
    for await (const board of client.queue.watch({ signal: leave.signal })) {
      const row = [...board.running, ...board.recent].find(({ task_id: id }) => id === hanging.id)
      if (row === undefined || seen.at(-1) === row.status) continue
      seen.push(row.status)
      if (row.status === 'running') await hanging.cancel()
      if (row.status === 'cancelled') leave.abort(new Error('seen'))
    }
  } catch (error) {
    seen.push((error as Error).message)
  }
  const [stats, capacity] = [await client.queue.stats(), await client.queue.capacity('URGENT')]
  return {
    seen: seen.filter((status) => status !== 'cancelling'),
    workers: stats.max_workers,
    free: capacity.accepting,
  }
}

async function refused(client: Client) {
  const of = async (call: Promise<unknown>) => {
    const error: unknown = await call.catch((thrown: unknown) => thrown)
    return error instanceof headgate.RequestFailed ? `${error.status} ${error.errorType}` : String(error)
  }
  const eventsOf = async (id: string) => {
    for await (const event of client.task(id).events()) void event
  }
  return {
    input: await of(client.submit('write', { words: 'many' })),
    type: await of(client.submit('nothing', {})),
    task: await of(client.task('0199c0de-0000-7000-8000-000000000000').get()),
    events: await of(eventsOf('0199c0de-0000-7000-8000-000000000000')),
  }
}
