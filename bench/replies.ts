/** A benchmark that does not check its replies measures nothing: every request of the bench goes through here. */

/** The reply, when it has one of the statuses that are expected; its body is left to be read. */
export async function expectStatus(response: Response, ...statuses: readonly number[]): Promise<Response> {
  if (statuses.includes(response.status)) return response
  const body = (await response.text()).slice(0, 500)
  throw new Error(`${response.url}: ${response.status}, expected ${statuses.join(' or ')}: ${body}`)
}

/** The text of a reply that has to be 200. */
export async function getText(url: string): Promise<string> {
  return (await expectStatus(await fetch(url), 200)).text()
}

/** The JSON of a reply that has to be 200. */
export async function getJson<Body>(url: string): Promise<Body> {
  return JSON.parse(await getText(url)) as Body
}

/** Submits a task of a type, which has to be accepted; its id. */
export async function submitTask(url: string, type: string, body: object = {}): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/${type}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return ((await (await expectStatus(response, 202)).json()) as { task_id: string }).task_id
}

/** Waits until a task has completed, and gives its result. */
export async function completedTask(url: string, id: string): Promise<unknown> {
  for (;;) {
    const path = `${url}/api/tasks/${id}?wait=30`
    const task = await getJson<{ done: boolean; status: string; result: unknown }>(path)
    if (task.status === 'completed') return task.result
    if (task.done) throw new Error(`task ${id} ended as ${task.status}`)
  }
}
