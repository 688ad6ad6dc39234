import { useEffect, useState } from 'preact/hooks'
import { createClient, type TaskEvent } from 'headgate/client'

/** In React: the same hook, with `useEffect` and `useState` from `react`. */

const headgate = createClient()

export interface WatchedTask {
  readonly progress: number
  readonly message: string | null
  /** What was written so far. */
  readonly text: string
  readonly status: string
  readonly error: string | null
}

const NOTHING: WatchedTask = { progress: 0, message: null, text: '', status: 'queued', error: null }

/** A task as it goes, for a component; the browser's session is used. It stops watching when the component goes. */
export function useTask(id: string): WatchedTask {
  const [task, setTask] = useState(NOTHING)
  useEffect(() => {
    const leave = new AbortController()
    const watch = async () => {
      for await (const event of headgate.task(id).events({ signal: leave.signal })) {
        setTask((before) => after(before, event))
      }
    }
    watch().catch((error: unknown) => {
      if (!leave.signal.aborted) setTask((before) => ({ ...before, error: String(error) }))
    })
    return () => leave.abort(new Error('unmounted'))
  }, [id])
  return task
}

function after(before: WatchedTask, event: TaskEvent): WatchedTask {
  if (event.type === 'gap') return before
  const { status } = event
  switch (event.type) {
    case 'snapshot':
      return { ...before, status, progress: event.task.progress, message: event.task.message }
    case 'progress':
      return { ...before, status, progress: event.progress, message: event.message ?? before.message }
    case 'output':
      return { ...before, status, text: event.reset === true ? event.chunk : before.text + event.chunk }
    case 'error':
      return { ...before, status, error: event.message }
    case 'result':
      return { ...before, status, progress: 100 }
    case 'queued':
    case 'started':
    case 'log':
    case 'retrying':
    case 'cancelling':
    case 'position':
      return { ...before, status }
  }
}
