import { signal } from '@preact/signals'
import { createClient, RequestFailed, type Session } from '../../client/index.ts'

/** The path that the server is below; its page has it from the server. */
export const base = document.documentElement.dataset['base'] ?? ''

export const client = createClient({ url: base, maxWaitMs: 0 })

type State =
  | { readonly kind: 'loading' }
  | { readonly kind: 'login'; readonly detail: string }
  | { readonly kind: 'in'; readonly session: Session }
  | { readonly kind: 'unreachable' }

export const session = signal<State>({ kind: 'loading' })

/** Who is logged in; used where only somebody who is can be. */
export function me(): Session {
  if (session.value.kind !== 'in') throw new Error('Nobody is logged in.')
  return session.value.session
}

export function isOperator(): boolean {
  return me().role === 'operator'
}

/** Asks the server who calls. */
export async function loadSession(): Promise<void> {
  try {
    session.value = { kind: 'in', session: await client.session() }
  } catch (error) {
    noteFailure(error)
  }
}

export async function logIn(token: string): Promise<void> {
  await client.logIn(token)
  await loadSession()
}

export async function logOut(): Promise<void> {
  await client.logOut().catch(() => undefined)
  session.value = { kind: 'login', detail: '' }
}

/** A session that has ended leads to the login; the reply is what a person is shown. */
export function noteFailure(error: unknown): string {
  if (error instanceof RequestFailed) {
    if (error.status === 401) session.value = { kind: 'login', detail: error.message }
    return error.message
  }
  if (session.value.kind === 'loading') session.value = { kind: 'unreachable' }
  return error instanceof Error ? error.message : String(error)
}
