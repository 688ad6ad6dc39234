import { useEffect, useRef } from 'preact/hooks'
import { screenWords } from '../store/settings.ts'

interface Props {
  readonly title: string
  readonly text: string
  readonly action: string
  readonly isPossible?: boolean
  readonly confirm: () => unknown
  readonly close: () => void
}

/** Asks before something is done; Escape closes it. */
export function Confirm({ title, text, action, isPossible = true, confirm, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      <h2>{title}</h2>
      <p>{text}</p>
      <p class="dialog-actions">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          {screenWords().dialog.close}
        </button>
        <button
          type="button"
          class="button primary"
          disabled={!isPossible}
          onClick={() => {
            void confirm()
            dialog.current?.close()
          }}
        >
          {action}
        </button>
      </p>
    </dialog>
  )
}
