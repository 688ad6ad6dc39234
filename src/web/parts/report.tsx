import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { TaskWithResult } from '../../client/index.ts'
import { base, me } from '../store/session.ts'
import { screenWords } from '../store/settings.ts'
import type { TaskStore } from '../store/task.ts'
import { Markdown } from './markdown.tsx'
import { Empty, Section } from './small.tsx'

/** Distance from the end, px, within which the page follows what is written. */
const NEAR_THE_END = 120

/** What comes of a task: its text as it is written, then its result, to copy and to download. */
export function Report({ store, task }: { readonly store: TaskStore; readonly task: TaskWithResult }) {
  const { task: said } = screenWords()
  const text = shownText(store, task)
  useFollow(text, !task.done)
  const aside = task.status === 'completed' ? <Downloads text={text} task={task} /> : null
  const live = <span class="note">{task.done ? '' : said.live}</span>
  return (
    <Section title={said.report} aside={aside ?? live}>
      {text !== '' ? (
        <Markdown text={text} />
      ) : task.status === 'completed' && task.result != null ? (
        <pre tabIndex={0}>
          {typeof task.result === 'string' ? task.result : JSON.stringify(task.result, null, 2)}
        </pre>
      ) : (
        <Empty>{task.done ? said.noResult : said.writing}</Empty>
      )}
    </Section>
  )
}

/** The finished text of a report where it has one, else what was written. */
function shownText(store: TaskStore, task: TaskWithResult): string {
  const { markdown } = (typeof task.result === 'object' ? (task.result ?? {}) : {}) as { markdown?: unknown }
  return typeof markdown === 'string' ? markdown : store.text.value
}

/** Scrolls along with the text, unless the reader has scrolled away. */
function useFollow(text: string, isLive: boolean): void {
  const wasNear = useRef(true)
  useEffect(() => {
    const look = () => {
      const { scrollHeight, clientHeight, scrollTop } = document.documentElement
      wasNear.current = scrollHeight - clientHeight - scrollTop < NEAR_THE_END && scrollTop > 0
    }
    addEventListener('scroll', look, { passive: true })
    return () => removeEventListener('scroll', look)
  }, [])
  useEffect(() => {
    if (isLive && wasNear.current) scrollTo({ top: document.documentElement.scrollHeight })
  }, [text, isLive])
}

function Downloads({ text, task }: { readonly text: string; readonly task: TaskWithResult }) {
  const { task: said } = screenWords()
  const isCopied = useSignal(false)
  const formats = me().types.find(({ type }) => type === task.type)?.formats ?? ['json']
  const copy = async () => {
    await navigator.clipboard.writeText(text === '' ? JSON.stringify(task.result, null, 2) : text)
    isCopied.value = true
  }
  return (
    <span class="actions">
      <button type="button" class="button" onClick={() => void copy()}>
        {isCopied.value ? said.copied : said.copy}
      </button>
      {formats.map((format) => (
        <a
          class="button"
          key={format}
          href={`${base}/api/tasks/${task.task_id}/result?format=${format}`}
          download=""
          aria-label={`${said.download} ${format}`}
        >
          {format}
        </a>
      ))}
    </span>
  )
}
