import { signal } from '@preact/signals'
import type { Board, BoardRow } from '../../client/index.ts'
import { client, noteFailure } from './session.ts'

export const board = signal<Board | null>(null)
/** Whether what is shown is what is so; else it is as of `asOf`. */
export const isLive = signal(false)
export const asOf = signal<Date | null>(null)
/** Epoch ms, once a second while the page is seen. */
export const now = signal(Date.now())

let watching: AbortController | null = null

async function watch(signal_: AbortSignal): Promise<void> {
  const onConnection = (isOpen: boolean) => {
    if (!isOpen) isLive.value = false
  }
  try {
    for await (const next of client.queue.watch({ signal: signal_, onConnection })) {
      board.value = next
      isLive.value = true
      asOf.value = new Date()
    }
  } catch (error) {
    isLive.value = false
    if (!signal_.aborted) noteFailure(error)
  }
}

function stop(): void {
  watching?.abort(new Error('not seen'))
  watching = null
}

function start(): void {
  if (watching !== null) return
  watching = new AbortController()
  void watch(watching.signal)
}

/** Watches the queue as long as the page is seen. Returns what ends it. */
export function watchBoard(): () => void {
  const timer = setInterval(() => {
    if (!document.hidden) now.value = Date.now()
  }, 1000)
  const onVisibility = () => (document.hidden ? stop() : start())
  document.addEventListener('visibilitychange', onVisibility)
  if (!document.hidden) start()
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', onVisibility)
    stop()
    board.value = null
  }
}

/** The row of a task on the board; undefined when it is not shown. */
export function findRow(id: string): BoardRow | undefined {
  const lists = board.value
  if (lists === null) return undefined
  return [...lists.running, ...lists.waiting, ...lists.parked, ...lists.recent].find(
    (row) => row.task_id === id,
  )
}
