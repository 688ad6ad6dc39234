import type { ComponentChildren } from 'preact'
import { useSignal, type Signal } from '@preact/signals'
import type { PriorityName, TaskStatus } from '../../client/index.ts'
import { noteFailure } from '../store/session.ts'
import { words } from '../store/settings.ts'

/** Colours of statuses: what goes well, what waits, what went wrong. */
const TONES: Record<TaskStatus, string> = {
  scheduled: 'quiet',
  queued: 'quiet',
  running: 'accent',
  waiting: 'warn',
  cancelling: 'warn',
  completed: 'good',
  error: 'bad',
  timeout: 'bad',
  cancelled: 'quiet',
  expired: 'bad',
}

export function Status({ status }: { readonly status: TaskStatus }) {
  return <span class={`pill ${TONES[status]}`}>{words().status[status]}</span>
}

export function Level({ level }: { readonly level: PriorityName }) {
  return <span class={`level ${level.toLowerCase()}`}>{words().level[level]}</span>
}

/** How far something is, 0 to 100. */
export function Bar({ value, label }: { readonly value: number; readonly label: string }) {
  return (
    <progress class="bar" max={100} value={value} aria-label={label}>
      {Math.round(value)} %
    </progress>
  )
}

interface ActionProps {
  readonly run: () => Promise<unknown>
  readonly children: ComponentChildren
  readonly kind?: 'plain' | 'danger' | 'primary'
  readonly label?: string
  readonly disabled?: boolean
}

/** A button that does something on the server; what goes wrong is said beside it. */
export function Action({ run, children, kind = 'plain', label, disabled = false }: ActionProps) {
  const isBusy = useSignal(false)
  const failure = useSignal('')
  const onClick = async () => {
    isBusy.value = true
    failure.value = ''
    try {
      await run()
    } catch (error) {
      failure.value = noteFailure(error)
    }
    isBusy.value = false
  }
  return (
    <span class="action">
      <button
        type="button"
        class={`button ${kind}`}
        disabled={disabled || isBusy.value}
        aria-label={label}
        onClick={() => void onClick()}
      >
        {children}
      </button>
      {failure.value !== '' && (
        <span class="problem" role="alert">
          {failure.value}
        </span>
      )}
    </span>
  )
}

export function Section({
  title,
  aside,
  children,
}: {
  readonly title: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}) {
  return (
    <section class="panel">
      <header class="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}

/** What went wrong; nothing where there is no text. */
export function Problem({ text }: { readonly text: string }) {
  return text === '' ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  )
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

interface DropOptions {
  /** Whether something that it takes is above it. */
  readonly isOver: Signal<boolean>
  /** Default: it takes everything. */
  readonly accepts?: (data: DataTransfer | null) => boolean
  readonly drop: (data: DataTransfer | null) => void
}

/** Attributes of an element that something can be dropped on. */
export function dropTarget({ isOver, accepts = () => true, drop }: DropOptions) {
  return {
    onDragOver: (event: DragEvent) => {
      if (!accepts(event.dataTransfer)) return
      event.preventDefault()
      isOver.value = true
    },
    onDragLeave: () => {
      isOver.value = false
    },
    onDrop: (event: DragEvent) => {
      event.preventDefault()
      isOver.value = false
      drop(event.dataTransfer)
    },
  }
}
