import { signal } from '@preact/signals'
import { createClient, RequestFailed, type Session } from '../../client/index.ts'

/** The path that the server is below; its page has it from the server. */
export const base = document.documentElement.dataset['base'] ?? ''

export const client = createClient({ url: base, maxWaitMs: 0 })

/** What becomes of one row of the form. */
export type SubmissionState =
  | { readonly kind: 'sending'; readonly share: number | null }
  /** The queue is full; it is sent again then, epoch ms. */
  | { readonly kind: 'waiting'; readonly until: number }
  | { readonly kind: 'sent'; readonly id: string }
  | { readonly kind: 'failed'; readonly message: string }

export interface Submission {
  readonly key: string
  readonly name: string
  readonly state: SubmissionState
}

/** What was submitted from this page, the newest first; it outlives the screen, and goes with the session. */
export const submissions = signal<readonly Submission[]>([])

type State =
  | { readonly kind: 'loading' }
  | { readonly kind: 'login'; readonly detail: string }
  | { readonly kind: 'in'; readonly session: Session }
  | { readonly kind: 'unreachable'; readonly detail: string }

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
  if (session.value.kind === 'unreachable') session.value = { kind: 'loading' }
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
  submissions.value = []
  session.value = { kind: 'login', detail: '' }
}

/** A session that has ended leads to the login; the reply is what a person is shown. */
export function noteFailure(error: unknown): string {
  const detail = error instanceof Error ? error.message : String(error)
  if (error instanceof RequestFailed && error.status === 401) {
    submissions.value = []
    session.value = { kind: 'login', detail }
  } else if (session.value.kind === 'loading') session.value = { kind: 'unreachable', detail }
  return detail
}
