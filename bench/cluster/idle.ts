import { setTimeout as sleep } from 'node:timers/promises'
import { getJson } from '../replies.ts'
import { quantile } from '../support.ts'
import { until } from './contender.ts'
import { startHeadgate } from './headgate.ts'

const WARM_UP = 20
/** ms from one submit to the next: the worker is idle by then. */
const PAUSE_MS = 40

/** From before a submit to the start of its task on an idle worker, ms; one clock for all. */
export async function measureIdle(databaseUrl: string, tasks: number) {
  const headgate = await startHeadgate({ databaseUrl, workers: 1, slots: 3 })
  const submitted: { readonly id: string; readonly at: number }[] = []
  for (let n = 0; n < WARM_UP + tasks; n += 1) {
    const at = Date.now()
    const [id = ''] = (await headgate.submit(1)).keys()
    submitted.push({ id, at })
    await sleep(PAUSE_MS)
  }
  await until(async () => (await headgate.countCompleted()) >= submitted.length, 'the last tasks')
  const waits: number[] = []
  for (const { id, at } of submitted.slice(WARM_UP)) {
    const { started_at: startedAt } = await getJson<{ started_at: string }>(`${headgate.url}/api/tasks/${id}`)
    waits.push(Date.parse(startedAt) - at)
  }
  await headgate.stop()
  return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), most: Math.max(...waits) }
}
