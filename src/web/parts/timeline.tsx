import type { TaskEvent, TaskWithResult } from '../../client/index.ts'
import { clock, duration } from '../store/format.ts'
import { screenWords, words } from '../store/settings.ts'
import type { TaskStore } from '../store/task.ts'
import { Section } from './small.tsx'

interface Entry {
  readonly at: string
  readonly title: string
  readonly note: string
  readonly tone: 'quiet' | 'accent' | 'warn' | 'good' | 'bad'
}

/** What happened to a task, the first thing first: its events and its steps. */
export function Timeline({ store, task }: { readonly store: TaskStore; readonly task: TaskWithResult }) {
  const steps = (task.steps ?? []).flatMap(({ name, saved_at: at }): Entry[] =>
    at === null ? [] : [{ at, title: name, note: '', tone: 'quiet' }],
  )
  const events = store.events.value.flatMap((event) => toEntry(event, task) ?? [])
  const entries = [...events, ...steps].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  return (
    <Section title={screenWords().task.timeline}>
      <ol class="timeline">
        {entries.map((entry, index) => (
          <li key={index} class={entry.tone}>
            <time class="numbers note">{clock(entry.at)}</time>
            <span>
              {entry.title}
              {entry.note !== '' && <span class="note"> {entry.note}</span>}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  )
}

function toEntry(event: TaskEvent, task: TaskWithResult): Entry | null {
  const { event: said, place, gap } = screenWords().task
  switch (event.type) {
    case 'queued': {
      const estimate = event.estimated_wait_seconds
      const note = `${place(`${event.queue_position}`)}${estimate === null ? '' : ` · ${said.estimate(duration(estimate.p50))}`}`
      return { at: event.ts, title: said.queued, note, tone: 'quiet' }
    }
    case 'started': {
      const note =
        event.attempt === 1 && task.wait_ms !== null ? said.waited(duration(task.wait_ms / 1000)) : ''
      return { at: event.ts, title: said.started(event.attempt), note, tone: 'accent' }
    }
    case 'retrying': {
      const why = words().reason[event.wait_reason] ?? event.wait_reason
      const note = event.error === null ? why : `${why}: ${event.error.message}`
      return { at: event.ts, title: said.retrying, note, tone: 'warn' }
    }
    case 'cancelling':
      return { at: event.ts, title: said.cancelling, note: '', tone: 'warn' }
    case 'result': {
      const note = task.run_ms === null ? '' : duration(task.run_ms / 1000)
      return { at: event.ts, title: said.result, note, tone: 'good' }
    }
    case 'error':
      return {
        at: event.ts,
        title: words().status[event.status] ?? said.error,
        note: event.message,
        tone: 'bad',
      }
    case 'gap':
      return { at: task.created_at, title: gap(event.missed_from, event.missed_to), note: '', tone: 'quiet' }
    case 'log':
    case 'output':
    case 'position':
    case 'progress':
    case 'snapshot':
      return null
  }
}
