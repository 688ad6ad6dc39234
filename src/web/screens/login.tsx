import { useSignal } from '@preact/signals'
import { Problem } from '../parts/small.tsx'
import { logIn, noteFailure } from '../store/session.ts'
import { screenWords } from '../store/settings.ts'

export function Login({ detail }: { readonly detail: string }) {
  const { login } = screenWords()
  const failure = useSignal('')
  const isBusy = useSignal(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const token = new FormData(event.currentTarget as HTMLFormElement).get('token')
    isBusy.value = true
    try {
      await logIn(typeof token === 'string' ? token.trim() : '')
    } catch (error) {
      failure.value = noteFailure(error)
    }
    isBusy.value = false
  }
  const problem = failure.value === '' ? detail : failure.value
  return (
    <main class="login">
      <form class="panel" onSubmit={(event) => void submit(event)}>
        <h1>{login.title}</h1>
        <p>{login.lead}</p>
        <label>
          {login.token}
          <input name="token" type="password" autocomplete="off" required autofocus />
        </label>
        <Problem text={problem} />
        <button class="button primary" disabled={isBusy.value}>
          {login.submit}
        </button>
        <p class="note">
          {login.how} <code>headgate token new NAME</code>
        </p>
      </form>
    </main>
  )
}
