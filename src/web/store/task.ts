import { batch, signal } from '@preact/signals'
import { RequestFailed, type TaskEvent, type TaskWithResult } from '../../client/index.ts'
import { client, noteFailure } from './session.ts'

export interface LogLine {
  readonly at: string
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
}

/** Text is shown in pieces of this time, however fast it is written. */
const PAINT_MS = 150
/** The record is read again this long after a stage has ended. */
const LOAD_MS = 1000
/** Newest lines of the log that are kept. */
const MAX_LOG = 2000

/** One task as it is watched: its record, its text, its log and what happened to it. */
export function createTaskStore(id: string) {
  const task = signal<TaskWithResult | null>(null)
  const text = signal('')
  const log = signal<readonly LogLine[]>([])
  const events = signal<readonly TaskEvent[]>([])
  const failure = signal('')
  const isMissing = signal(false)
  const isOpen = signal(true)
  const handle = client.task(id)
  const leave = new AbortController()
  let loads = 0
  let written = ''
  let newLines: LogLine[] = []
  let loadTimer: ReturnType<typeof setTimeout> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const paint = () => {
    timer = undefined
    batch(() => {
      text.value = written
      if (newLines.length > 0) log.value = [...log.value, ...newLines].slice(-MAX_LOG)
      newLines = []
    })
  }
  const loadSoon = () => (loadTimer ??= setTimeout(() => void load(), LOAD_MS))
  const paintSoon = () => (timer ??= setTimeout(paint, PAINT_MS))

  const take = (event: TaskEvent) => {
    if (event.type === 'snapshot')
      task.value = { ...task.value, ...event.task, result: task.value?.result ?? null }
    else if (event.type === 'output') {
      written = event.reset === true ? event.chunk : written + event.chunk
      paintSoon()
    } else if (event.type === 'log') {
      newLines.push({ at: event.ts, level: event.level, message: event.message })
      paintSoon()
    } else if (event.type === 'progress' || event.type === 'position') {
      const { type: _, ...changed } = event
      const step = task.value?.progress_detail?.step
      if (task.value !== null) task.value = { ...task.value, ...changed, type: task.value.type }
      // A stage that has ended may have been kept as a step.
      if (event.type === 'progress' && event.progress_detail?.step !== step) loadSoon()
    } else {
      events.value = [...events.value, event]
      void load()
    }
  }

  const load = async () => {
    clearTimeout(loadTimer)
    loadTimer = undefined
    const mine = (loads += 1)
    try {
      const found = await handle.get({ include: ['input', 'steps'], signal: leave.signal })
      // A later one has been asked, and knows more.
      if (mine === loads) task.value = found
    } catch (error) {
      if (leave.signal.aborted) return
      if (error instanceof RequestFailed && [404, 410].includes(error.status)) isMissing.value = true
      else failure.value = noteFailure(error)
    }
  }

  const watch = async () => {
    await load()
    if (isMissing.value) return
    try {
      const onConnection = (open: boolean) => (isOpen.value = open)
      for await (const event of handle.events({ signal: leave.signal, onConnection })) take(event)
      await load()
    } catch (error) {
      if (!leave.signal.aborted) failure.value = noteFailure(error)
    }
    paint()
  }

  const stop = () => {
    leave.abort(new Error('left'))
    clearTimeout(timer)
    clearTimeout(loadTimer)
  }
  return { handle, task, text, log, events, failure, isMissing, isOpen, load, watch, stop }
}

export type TaskStore = ReturnType<typeof createTaskStore>
